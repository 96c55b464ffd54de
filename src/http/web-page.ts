/** Serves the built page. */

import fastifyStatic from '@fastify/static'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Http } from './deps.ts'

/** Serves the page at `/` and its files below `/assets/`; where it is not built, `/` says how to build it. */
export async function servePage(http: Http): Promise<void> {
  const page = findPage()
  if (!page) {
    http.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.status(404).type('text/plain').send('The page is not built: run "npm run build" and start again.\n'),
    )
    return
  }
  await http.register(fastifyStatic, {
    root: join(page, 'assets'),
    prefix: '/assets/',
    // The name of each file holds a hash of its content.
    immutable: true,
    maxAge: '1y',
    index: false,
  })
  http.get('/', { schema: { hide: true } }, (_request, reply) =>
    reply.sendFile('index.html', page, { maxAge: 0, immutable: false }),
  )
}

/** In a clone the page is in `dist/` beside the sources, in a package beside the compiled code. Null when not built. */
function findPage(): string | null {
  const root = join(import.meta.dirname, '..', '..')
  const folders = [join(root, 'dist', 'web'), join(root, 'web')]
  return folders.find((folder) => existsSync(join(folder, 'index.html'))) ?? null
}
