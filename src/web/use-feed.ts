/** The list of moods: loaded in pages, kept up to date by the stream. */

import { useCallback, useEffect, useState } from 'preact/hooks'
import type { MoodView } from '../http/contract.ts'
import { ApiError, list, type Session } from './api.ts'
import { follow } from './stream.ts'

export interface FeedState {
  /** Newest first; null until the first page is there. */
  readonly moods: readonly MoodView[] | null
  readonly error: string | null
  readonly live: boolean
  readonly hasMore: boolean
  readonly more: () => void
  readonly retry: () => void
  readonly show: (mood: MoodView) => void
}

function newestFirst(a: MoodView, b: MoodView): number {
  if (a.when !== b.when) return a.when < b.when ? 1 : -1
  return a.id < b.id ? 1 : -1
}

function merge(moods: readonly MoodView[] | null, more: readonly MoodView[]): MoodView[] {
  const byId = new Map((moods ?? []).map((mood) => [mood.id, mood]))
  for (const mood of more) byId.set(mood.id, mood)
  return [...byId.values()].toSorted(newestFirst)
}

/**
 * @param mine only the moods of whoever is signed in
 * @param onExpired called when the session is refused
 */
export function useFeed(session: Session | null, mine: boolean, onExpired: () => void): FeedState {
  const [moods, setMoods] = useState<readonly MoodView[] | null>(null)
  const [cursor, setCursor] = useState<string | undefined>()
  const [error, setError] = useState<string | null>(null)
  const [live, setLive] = useState(false)
  const [attempt, setAttempt] = useState(0)

  const fail = useCallback(
    (reason: unknown) => {
      if (reason instanceof ApiError && reason.status === 401) onExpired()
      else setError(reason instanceof Error ? reason.message : String(reason))
    },
    [onExpired],
  )
  const belongs = useCallback(
    (mood: MoodView) => (mine ? mood.handle === session?.handle : !mood.isPrivate),
    [mine, session],
  )
  const show = useCallback((mood: MoodView) => belongs(mood) && setMoods((now) => merge(now, [mood])), [belongs])

  useEffect(() => {
    setMoods(null)
    const stop = new AbortController()
    const load = (): void => {
      list(session, mine).then((page) => {
        if (stop.signal.aborted) return
        setError(null)
        setMoods((now) => merge(now, page.moods))
        setCursor(page.cursor)
      }, fail)
    }
    const handlers = {
      mood: show,
      gone: (id: string) => setMoods((now) => now?.filter((mood) => mood.id !== id) ?? null),
      live: (isLive: boolean) => {
        setLive(isLive)
        // Loaded once the stream runs, so that nothing falls between the two.
        if (isLive) load()
      },
    }
    load()
    void follow(session, handlers, stop.signal)
    return () => stop.abort()
  }, [session, mine, attempt, show, fail])

  const more = (): void => {
    list(session, mine, cursor).then((page) => {
      setMoods((now) => merge(now, page.moods))
      setCursor(page.cursor)
    }, fail)
  }
  return { moods, error, live, hasMore: cursor !== undefined, more, retry: () => setAttempt((n) => n + 1), show }
}
