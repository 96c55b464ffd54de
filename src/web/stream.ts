/** The live feed, read with fetch: EventSource cannot send a token. */

import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { MoodView } from '../http/contract.ts'
import type { Session } from './api.ts'

export interface StreamHandlers {
  mood(mood: MoodView): void
  gone(id: string): void
  /** Called when the connection opens (true) and when it is lost. After a gap the page loads what it missed. */
  live(isLive: boolean): void
}

const RETRY_MS = 2000

/** Follows the feed until `signal` aborts; reconnects whenever the connection is lost. */
export async function follow(session: Session | null, handlers: StreamHandlers, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const headers = session ? { authorization: `Bearer ${session.token}` } : undefined
      const response = await fetch('/api/mood/stream', { ...(headers ? { headers } : {}), signal })
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
      handlers.live(true)
      await readEvents(response.body, handlers)
    } catch {
      // Lost or refused: shown as "not live" below, then retried.
    }
    if (signal.aborted) return
    handlers.live(false)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

async function readEvents(body: ReadableStream<Uint8Array>, handlers: StreamHandlers): Promise<void> {
  const text = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
  const reader = text.pipeThrough(new EventSourceParserStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    if (value.event === 'mood') handlers.mood(JSON.parse(value.data) as MoodView)
    if (value.event === 'gone') handlers.gone((JSON.parse(value.data) as { id: string }).id)
  }
}
