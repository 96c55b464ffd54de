/** What Node does that surprises. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/installation.ts'

async function serve(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close }
}

describe('Node', () => {
  it('runs TypeScript, but not below node_modules', async () => {
    await using folder = await temporaryFolder()
    const inside = `${folder.path}/node_modules/dependency`
    mkdirSync(inside, { recursive: true })
    for (const path of [folder.path, inside]) writeFileSync(`${path}/main.ts`, `const n: number = 1; console.log(n)`)
    expect(spawnSync(process.execPath, [`${folder.path}/main.ts`]).stdout.toString()).toBe('1\n')
    const refused = spawnSync(process.execPath, [`${inside}/main.ts`])
    expect(refused.stderr.toString()).toContain('ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING')
  })

  it('fires a timer of more than 2^31 - 1 milliseconds at once', async () => {
    const warned = once(process, 'warning')
    await new Promise<void>((resolve) => setTimeout(resolve, 2 ** 31))
    expect((await warned)[0]).toMatchObject({ name: 'TimeoutOverflowWarning' })
  })

  it('does not catch a rejection of a promise that a try block returns without await', async () => {
    const rejected = (): Promise<string> => Promise.reject(new Error('too late'))
    const returned = async (): Promise<string> => {
      try {
        return rejected()
      } catch {
        return 'caught'
      }
    }
    await expect(returned()).rejects.toThrow('too late')
  })
})

describe('fetch', () => {
  it('asks for a compressed answer unless told otherwise', async () => {
    await using echo = await serve((request, response) => response.end(String(request.headers['accept-encoding'])))
    expect(await (await fetch(echo.url)).text()).toContain('gzip')
    expect(await (await fetch(echo.url, { headers: { 'accept-encoding': 'identity' } })).text()).toBe('identity')
  })

  it('follows redirects, and takes the body of a POST along on 307', async () => {
    let received = ''
    await using elsewhere = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.toString()))
      request.on('end', () => response.end())
    })
    await using host = await serve((_, response) => response.writeHead(307, { location: elsewhere.url }).end())
    await fetch(host.url, { method: 'POST', body: 'a mood' })
    expect(received).toBe('a mood')
  })
})
