/** The live feed. Read with fetch and not with EventSource, which cannot send a token. */

import type { MoodView } from '../http/contract.ts'
import type { Session } from './api.ts'

export interface StreamHandlers {
  mood(mood: MoodView): void
  gone(id: string): void
  /** Whether the feed is live. After a gap the page has to look for what it missed. */
  live(isLive: boolean): void
}

const RETRY_MS = 2000

/** Follows the feed until `signal` fires, coming back whenever the connection is lost. */
export async function follow(session: Session | null, handlers: StreamHandlers, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const headers = session ? { authorization: `Bearer ${session.token}` } : undefined
      const response = await fetch('/api/mood/stream', { ...(headers ? { headers } : {}), signal })
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
      handlers.live(true)
      await readEvents(response.body, handlers)
    } catch {
      // Lost or refused: shown as "not live" below, and tried again.
    }
    if (signal.aborted) return
    handlers.live(false)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

async function readEvents(body: ReadableStream<Uint8Array>, handlers: StreamHandlers): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let buffer = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    buffer += value
    const blocks = buffer.split('\n\n')
    buffer = blocks.pop() ?? ''
    for (const block of blocks) dispatch(block, handlers)
  }
}

function dispatch(block: string, handlers: StreamHandlers): void {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2))
  }
  const data = fields.get('data')
  if (data === undefined) return
  if (fields.get('event') === 'mood') handlers.mood(JSON.parse(data) as MoodView)
  if (fields.get('event') === 'gone') handlers.gone((JSON.parse(data) as { id: string }).id)
}
