/** `/api/mood/stream`: changes as they happen (server-sent events, https://html.spec.whatwg.org/#server-sent-events). */

import { type Authenticator, viewerOf } from '../auth.ts'
import type { Http } from '../deps.ts'
import type { FeedHub } from '../feed-hub.ts'
import { moodView } from '../view.ts'

/** A comment line now and then keeps proxies from closing the connection. */
const HEARTBEAT_MS = 15_000
/** A client that falls further behind is disconnected; it may connect again and read the feed. */
const MAX_UNREAD_BYTES = 1_000_000

export function streamRoute(http: Http, hub: FeedHub, auth: Authenticator): void {
  http.get(
    '/api/mood/stream',
    {
      exposeHeadRoute: false,
      schema: { summary: 'Changes as server-sent events: `mood` with a mood, `gone` with an id' },
    },
    async (request, reply) => {
      const viewer = await viewerOf(request, auth)
      const { raw } = reply
      reply.hijack()
      // The client may have left during authentication; then no `close` event is still to come.
      if (raw.destroyed || request.raw.socket.destroyed) return
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value)
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        connection: 'close',
        'x-accel-buffering': 'no',
      })
      const send = (event: string, data: unknown): void => {
        raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
        if (raw.writableLength > MAX_UNREAD_BYTES) raw.destroy()
      }
      const unwatch = hub.watch({
        viewer,
        show: (entry) => send('mood', moodView(entry)),
        hide: (id) => send('gone', { id }),
        end: () => void raw.end(),
      })
      raw.write(':\n\n')
      const heartbeat = setInterval(() => raw.write(':\n\n'), HEARTBEAT_MS)
      raw.on('close', () => {
        clearInterval(heartbeat)
        unwatch()
      })
    },
  )
}
