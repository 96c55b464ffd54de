/** `/api/mood/stream`: what changes, as it changes (server-sent events, https://html.spec.whatwg.org/#server-sent-events). */

import { viewerOf } from '../auth.ts'
import type { Http, HttpDeps } from '../deps.ts'
import { moodView } from '../view.ts'

/** A line now and then keeps proxies from closing the connection. */
const HEARTBEAT_MS = 15_000
const MAX_UNREAD_BYTES = 1_000_000

export function streamRoute(http: Http, { hub, auth }: HttpDeps): void {
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
      // Gone while we looked who it was: nothing would ever tell us again.
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
        // Whoever does not read is cut off, and may come back and look again.
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
