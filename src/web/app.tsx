/** The page: sign in, post, and watch moods being published. */

import { useCallback, useEffect, useState } from 'preact/hooks'
import type { AboutView, MoodView } from '../http/contract.ts'
import { about, type Session } from './api.ts'
import { Composer } from './composer.tsx'
import { Feed } from './feed.tsx'
import { RecordDialog } from './record-dialog.tsx'
import { SignIn } from './sign-in.tsx'
import { useFeed } from './use-feed.ts'
import { Visibility } from './visibility.tsx'

const STORED = 'moods.session'

function storedSession(): Session | null {
  const text = localStorage.getItem(STORED)
  return text === null ? null : (JSON.parse(text) as Session)
}

export function App() {
  const [session, setSession] = useState<Session | null>(storedSession)
  const [site, setSite] = useState<AboutView | null>(null)
  const [mine, setMine] = useState(false)
  const [open, setOpen] = useState<MoodView | null>(null)
  const enter = useCallback((next: Session | null) => {
    if (next) localStorage.setItem(STORED, JSON.stringify(next))
    else localStorage.removeItem(STORED)
    setSession(next)
    setMine(false)
  }, [])
  const leave = useCallback(() => enter(null), [enter])
  const feed = useFeed(session, mine, leave)

  useEffect(() => {
    about().then(setSite, () => setSite(null))
  }, [])

  return (
    <>
      <header class="bar">
        <h1>Moods</h1>
        <span class={feed.live ? 'live on' : 'live'} role="status">
          {feed.live ? 'live' : 'connecting…'}
        </span>
        {session && (
          <span class="who">
            <b>@{session.handle}</b>
            <button type="button" class="quiet" onClick={leave}>
              Sign out
            </button>
          </span>
        )}
      </header>
      <main>
        {session ? (
          <Composer
            session={session}
            onPosted={(mood) => {
              if (mood.isPrivate) setMine(true)
              feed.show(mood)
            }}
            onSignedOut={leave}
          />
        ) : (
          <SignIn site={site} onSignedIn={enter} />
        )}
        {session && <Visibility session={session} />}
        {session && (
          <nav class="tabs" aria-label="Which moods">
            <button type="button" aria-pressed={!mine} onClick={() => setMine(false)}>
              Everyone
            </button>
            <button type="button" aria-pressed={mine} onClick={() => setMine(true)}>
              Mine
            </button>
          </nav>
        )}
        <Feed feed={feed} mine={mine} onOpen={setOpen} />
      </main>
      {open && <RecordDialog session={session} mood={open} onClose={() => setOpen(null)} />}
    </>
  )
}
