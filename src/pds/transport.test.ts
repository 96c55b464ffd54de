/** How a request is sent. The servers here only do what servers should not; the real PDS is asked everywhere else. */

import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { OddAnswer, readDocument, send } from './transport.ts'

const MB = 1024 * 1024
const BOUNDS = { headersMs: 5_000, maxBytes: MB }

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/xrpc/a.b.c`)
}

/** Writes without an end, for as long as anybody reads. @returns counts what was written */
function endless(status: number, headers: Record<string, string> = {}, chunk: Uint8Array = Buffer.alloc(65_536, ' ')) {
  const written = { bytes: 0 }
  const listener: RequestListener = (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    const pump = (): void => {
      while (!response.destroyed) {
        written.bytes += chunk.byteLength
        if (!response.write(chunk)) return void response.once('drain', pump)
      }
    }
    pump()
  }
  return { written, listener }
}

/** What is on its way in the buffers of both machines. */
const BUFFERED = 16 * MB

describe('send', () => {
  it.each([200, 201, 206])('cuts an endless body with status %i where it is too long', async (status) => {
    const { written, listener } = endless(status)
    const response = await send(await serve(listener), {}, BOUNDS)
    await expect(response.text()).rejects.toThrow(OddAnswer)
    expect(written.bytes).toBeLessThan(BUFFERED)
  })

  it.each([400, 403, 429, 500, 503])('reads nothing of an endless error %i but its status', async (status) => {
    const { written, listener } = endless(status, { 'retry-after': '7' })
    const response = await send(await serve(listener), {}, BOUNDS)
    expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([status, '7', ''])
    expect(written.bytes).toBeLessThan(BUFFERED)
  })

  it('refuses a body that is said to be too long before any of it comes', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(MB + 1) }).flushHeaders()
    })
    await expect(send(url, {}, BOUNDS)).rejects.toMatchObject({ code: 'AnswerTooLong', said: `more than ${MB} bytes` })
  })

  it('counts what a compressed body becomes', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * MB))
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': String(bomb.byteLength) }).end(bomb)
    })
    const before = process.memoryUsage().arrayBuffers
    await expect(send(url, {}, BOUNDS).then((response) => response.bytes())).rejects.toThrow(OddAnswer)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * MB)
  })

  it('gives a body as it is up to the last byte that is allowed', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200)
      response.write(Buffer.alloc(MB - 1, 'a'))
      response.end('b')
    })
    const text = await (await send(url, {}, BOUNDS)).text()
    expect([text.length, text.at(-1)]).toEqual([MB, 'b'])
  })

  it.each<[string, string]>([
    ['objects', '{},'],
    ['lists', '[],'],
    ['lists in lists', '['],
    ['fields', '"a":0,'],
  ])('cuts JSON of too many %s, which would take many times as much memory', async (_what, part) => {
    const body = `{${part.repeat(250_000)}}`
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(body)
    })
    const read = send(url, {}, { ...BOUNDS, maxBytes: 4 * MB }).then((response) => response.text())
    await expect(read).rejects.toMatchObject({ code: 'AnswerTooLong', said: 'more than 200000 values' })
  })

  it('gives an answer without a body', async () => {
    const url = await serve((_request, response) => void response.writeHead(204).end())
    const response = await send(url, {}, BOUNDS)
    expect([response.status, response.body]).toEqual([204, null])
  })

  it.each([301, 302, 303, 307, 308])(
    'does not follow a redirect %i, and tells of its target only the host',
    async (status) => {
      let asked = 0
      const target = await serve((_request, response) => {
        asked++
        response.end()
      })
      const url = await serve((_request, response) => {
        response.writeHead(status, { location: `${target.origin}/secret?token=abc` }).end()
      })
      const sent = send(url, { method: 'POST', headers: { authorization: 'Bearer abc' }, body: 'abc' }, BOUNDS)
      await expect(sent).rejects.toMatchObject({ code: `Status${status}`, said: `${status} to ${target.origin}` })
      expect(asked).toBe(0)
    },
  )

  it.each<[string, string | null, string]>([
    ['to nowhere', null, '302'],
    ['to itself', '/sign-in?of=abc', '302 to another address on the same host'],
    ['to what is no address', 'https://[', '302 to no address'],
    ['to a document of its own', 'data:text/html,abc', '302 to data:'],
  ])('names a redirect %s', async (_what, location, said) => {
    const url = await serve((_request, response) => {
      response.writeHead(302, location === null ? {} : { location }).end()
    })
    await expect(send(url, {}, BOUNDS)).rejects.toMatchObject({ said })
  })

  it('does not wait for headers any longer than it is to', async () => {
    const url = await serve(() => {})
    await expect(send(url, {}, { ...BOUNDS, headersMs: 50 })).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('ends while the body is still coming', async () => {
    let body: ServerResponse | undefined
    const url = await serve((_request, response) => {
      body = response.writeHead(200)
      body.write('[')
    })
    const stop = new AbortController()
    const response = await send(url, { signal: stop.signal }, BOUNDS)
    const closed = once(body!, 'close')
    stop.abort()
    await expect(response.text()).rejects.toMatchObject({ name: 'AbortError' })
    await closed
  })
})

describe('readDocument', () => {
  it.each<[string, RequestListener, string]>([
    ['a page', (_, response) => void response.end('<p>'), 'it answered with 200 without a content type'],
    ['an error', (_, response) => void response.writeHead(503).end(), 'status 503'],
    [
      'a redirect',
      (_, response) => void response.writeHead(301, { location: 'https://other.example/x' }).end(),
      'it answered with 301 to https://other.example',
    ],
    ['an endless body', endless(200).listener, `it answered with more than ${MB} bytes`],
    ['nothing', (request) => void request.socket.destroy(), 'UND_ERR_SOCKET'],
  ])('says why there is none: %s', async (_what, listener, why) => {
    expect(await readDocument((await serve(listener)).href, 5_000)).toEqual({ kind: 'none', why })
  })

  it('reads one', async () => {
    const url = await serve((_request, response) => void response.end('{"version":"1"}'))
    expect(await readDocument(url.href, 5_000)).toMatchObject({ kind: 'answer', body: { version: '1' } })
  })

  it.each(['', 'no address', 'ftp://a.example/'])('says that %j cannot be asked', async (url) => {
    expect(await readDocument(url, 5_000)).toMatchObject({ kind: 'none' })
  })
})
