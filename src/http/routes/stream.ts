/** `/api/mood/stream`: what changes, as it changes (server-sent events, https://html.spec.whatwg.org/#server-sent-events). */

import { viewerOf } from '../request.ts'
import type { Http, HttpDeps } from '../deps.ts'
import { moodView } from '../view.ts'

/** A line now and then keeps proxies from closing the connection. */
const HEARTBEAT_MS = 15_000

export function streamRoute(http: Http, { hub, auth }: HttpDeps): void {
  http.get(
    '/api/mood/stream',
    { schema: { summary: 'Changes as server-sent events: `mood` with a mood, `gone` with an id' } },
    async (request, reply) => {
      const viewer = await viewerOf(request, auth)
      reply.hijack()
      const { raw } = reply
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value)
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      const send = (event: string, data: unknown): void =>
        void raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      const unwatch = hub.watch({
        viewer,
        show: (entry) => send('mood', moodView(entry)),
        hide: (id) => send('gone', { id }),
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
