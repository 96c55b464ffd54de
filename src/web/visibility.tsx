import { useEffect, useState } from 'preact/hooks'
import type { ProfileView } from '../http/contract.ts'
import { me, type Session } from './api.ts'

const EVERY_MS = 60_000

/** Whether the network shows what is published: “published” alone means that it is written. Nothing where no relay is asked. */
export function Visibility({ session }: { readonly session: Session }) {
  const [relays, setRelays] = useState<ProfileView['relays']>([])
  useEffect(() => {
    const look = (): void => {
      // What was known stays on the page while the server cannot be reached.
      if (!document.hidden)
        me(session).then(
          (profile) => setRelays(profile.relays),
          () => {},
        )
    }
    look()
    const timer = setInterval(look, EVERY_MS)
    return () => clearInterval(timer)
  }, [session])
  if (relays.length === 0) return null
  return (
    <section class="visibility" aria-label="Who can see it">
      <p>Published means: written to your own repository. Others see it through relays.</p>
      <ul>
        {relays.map(({ relay, standing, text, checkedAt }) => (
          <li key={relay} class={standing === 'visible' ? 'seen' : 'unseen'}>
            On <b>{new URL(relay).host}</b>, what you publish {text}{' '}
            <time dateTime={checkedAt}>(asked {new Date(checkedAt).toLocaleTimeString()})</time>
          </li>
        ))}
      </ul>
    </section>
  )
}
