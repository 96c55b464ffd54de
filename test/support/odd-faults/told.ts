/**
 * The PDS has done what was asked, and its answer is told in another way: one that HTTP and JSON allow, with which everything
 * goes on, or one that is no answer to this.
 */

import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { setTimeout } from 'node:timers/promises'
import type { Exchange, Fault, RawAnswer } from '../odd-server.ts'
import type { Random } from '../random.ts'
import { JSON_TYPE } from './said.ts'

function headersOf({ headers, body }: RawAnswer, more: Readonly<Record<string, string>> = {}): string {
  const type = String(headers['content-type'] ?? 'application/json')
  const all = { 'content-type': type, 'content-length': String(body.length), connection: 'close', ...more }
  return Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

/** Written on the connection, which ends with it. @param isFine whether it is an answer, however odd */
function raw(name: string, isFine: boolean, write: (answer: RawAnswer) => readonly (string | Buffer)[]): Fault {
  return {
    name,
    livedWith: isFine,
    answer: async ({ real, socket }) => {
      const parts = write(await real()).map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))
      socket.end(Buffer.concat(parts))
    },
  }
}

function startingWith(name: string, isFine: boolean, first: (status: number) => string, more = ''): Fault {
  return raw(name, isFine, (answer) => [`${first(answer.status)}\r\n${headersOf(answer)}${more}\r\n`, answer.body])
}

function withHeader(name: string, isFine: boolean, header: string): Fault {
  return startingWith(name, isFine, (status) => `HTTP/1.1 ${status} Said`, `${header}\r\n`)
}

/** The body in another form. */
function inBody(
  name: string,
  isFine: boolean,
  change: (body: Buffer, exchange: Exchange) => Buffer,
  headers: Readonly<Record<string, string>> = {},
): Fault {
  return {
    name,
    livedWith: isFine,
    answer: async (exchange) => {
      const answer = await exchange.real()
      exchange.pass({ ...answer, headers: { ...answer.headers, ...headers }, body: change(answer.body, exchange) })
    },
  }
}

/** Another field of an object, as it is written. */
function withField(name: string, isFine: boolean, field: string): Fault {
  return inBody(name, isFine, (bytes) => {
    const text = bytes.toString('latin1')
    if (!text.startsWith('{')) return bytes
    return Buffer.from(`{${field}${text === '{}' ? '' : ','}${text.slice(1)}`, 'latin1')
  })
}

function chunked(name: string, isFine: boolean, chunks: (body: Buffer) => readonly (string | Buffer)[]): Fault {
  return raw(name, isFine, (answer) => [
    `HTTP/1.1 ${answer.status} Said\r\ncontent-type: ${String(answer.headers['content-type'])}\r\n`,
    'connection: close\r\ntransfer-encoding: chunked\r\n\r\n',
    ...chunks(answer.body),
  ])
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)};by=x\r\n`), bytes, Buffer.from('\r\n')])
}

/** As somebody in between answers who mixes up connections, or keeps one answer for all that look alike to it. */
function mixedUp(name: string, answer: Fault['answer']): Fault {
  return { name, answer }
}

const DATES = ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'yesterday', '-1']

export const TOLD: readonly Fault[] = [
  startingWith('HTTP/1.0', true, (status) => `HTTP/1.0 ${status} Said`),
  startingWith('no reason beside the status', true, (status) => `HTTP/1.1 ${status} `),
  startingWith('another version of HTTP', false, (status) => `HTTP/2.0 ${status} Said`),
  startingWith('three early hints before it', true, (status) => {
    return `${'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n'.repeat(3)}HTTP/1.1 ${status} Said`
  }),
  startingWith(
    'a request to go on before it',
    true,
    (status) => `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ${status} Said`,
  ),
  withHeader('a header that is not ASCII', true, 'x-said: caf\xe9 \xff'),
  withHeader('cookies', true, 'set-cookie: a=1\r\nset-cookie: b=2; domain=example.com'),
  withHeader('two types', false, 'content-type: text/html'),
  withHeader('two limits', true, 'ratelimit-reset: 5\r\nratelimit-reset: 99999999999\r\nretry-after: 9999999'),
  withHeader('a length and chunks', false, 'transfer-encoding: chunked'),
  withHeader('a header without a colon', false, 'nothing'),
  ...DATES.map((date) => inBody(`dated ${date}`, true, (bytes) => bytes, { date })),
  raw('lines that end as those of a text', false, (answer) => [
    `HTTP/1.1 ${answer.status} Said\n${headersOf(answer).replaceAll('\r', '')}\n`,
    answer.body,
  ]),
  raw('a promise to keep the connection', true, (answer) => [
    `HTTP/1.1 ${answer.status} Said\r\n${headersOf(answer, { connection: 'keep-alive' })}\r\n`,
    answer.body,
  ]),
  raw('204 with a body', false, (answer) => [`HTTP/1.1 204 Said\r\n${headersOf(answer)}\r\n`, answer.body]),
  raw('205 with a body', false, (answer) => [`HTTP/1.1 205 Said\r\n${headersOf(answer)}\r\n`, answer.body]),
  raw('206 with all of it', false, (answer) => [`HTTP/1.1 206 Said\r\n${headersOf(answer)}\r\n`, answer.body]),
  raw('a second answer behind it', false, (answer) => {
    const one = Buffer.concat([Buffer.from(`HTTP/1.1 ${answer.status} Said\r\n${headersOf(answer)}\r\n`), answer.body])
    return [one, one]
  }),
  chunked('in chunks of three bytes, with extensions and trailers', true, (bytes) => [
    ...Array.from({ length: Math.ceil(bytes.length / 3) }, (_, i) => chunk(bytes.subarray(3 * i, 3 * i + 3))),
    '0\r\nx-trailer: 1\r\n\r\n',
  ]),
  chunked('in chunks, with garbage behind them', false, (bytes) => [chunk(bytes), '0\r\n\r\n\xff\xfe garbage']),
  chunked('in chunks, without the last one', false, (bytes) => [chunk(bytes)]),
  {
    name: 'slowly, within the time',
    livedWith: true,
    answer: async ({ real, outgoing }) => {
      const { status, headers, body: bytes } = await real()
      const { 'transfer-encoding': _, ...rest } = headers
      outgoing.writeHead(status, { ...rest, 'content-length': String(bytes.length) })
      const size = Math.max(1, Math.ceil(bytes.length / 8))
      for (let at = 0; at < bytes.length; at += size) {
        outgoing.write(bytes.subarray(at, at + size))
        await setTimeout(20)
      }
      outgoing.end()
    },
  },
  inBody('gzip that nobody asked for', true, (bytes) => gzipSync(bytes), { 'content-encoding': 'gzip' }),
  inBody('deflate that nobody asked for', true, (bytes) => deflateSync(bytes), { 'content-encoding': 'deflate' }),
  inBody('br that nobody asked for', true, (bytes) => brotliCompressSync(bytes), { 'content-encoding': 'br' }),
  inBody('zstd that nobody asked for', false, (bytes) => zstdCompressSync(bytes), { 'content-encoding': 'zstd' }),
  inBody('gzip that is cut', false, (bytes) => gzipSync(bytes).subarray(0, -9), { 'content-encoding': 'gzip' }),
  inBody('gzip with garbage behind it', false, (bytes) => Buffer.concat([gzipSync(bytes), Buffer.alloc(99, 7)]), {
    'content-encoding': 'gzip',
  }),
  inBody('no encoding by name', true, (bytes) => bytes, { 'content-encoding': 'identity' }),
  inBody('a byte order mark before it', false, (bytes) => Buffer.concat([Buffer.from('\uFEFF'), bytes])),
  withField('a number beyond all numbers', false, '"more":1e400'),
  withField('half a character', true, '"more":"\\ud800"'),
  withField('a field of all objects', true, '"__proto__":{"uri":"at://x","did":"did:plc:x"}'),
  withField('no number', false, '"more":NaN'),
  withField('a comma too many', false, '"more":1,'),
  mixedUp('each answer is the one before', async ({ memory, real, pass }) => {
    const answer = await real()
    pass((memory.get('last') as RawAnswer | undefined) ?? answer)
    memory.set('last', answer)
  }),
  mixedUp('one answer for each method', async ({ memory, method, real, pass }) => {
    const kept = (memory.get(method) as RawAnswer | undefined) ?? (await real())
    memory.set(method, kept)
    pass(kept)
  }),
  mixedUp('done, and one answer for each method', async ({ memory, method, real, pass }) => {
    const answer = await real()
    if (!memory.has(method)) memory.set(method, answer)
    pass(memory.get(method) as RawAnswer)
  }),
  mixedUp('done twice', async ({ real, pass }) => {
    await real()
    pass(await real())
  }),
]

const VALUES = ['0', '-1', '1e308', '1e400', 'null', 'true', '""', '[]', '{}', '"\\u0000"', '"x"', '9007199254740993']

/** One value of the answer is another one. The PDS has done it. */
export function anyTold(random: Random): Fault {
  const value = random.pick(VALUES)
  const nth = random.below(6)
  return {
    name: `value ${nth} of the answer is ${value}`,
    answer: async ({ real, pass }) => {
      const answer = await real()
      let at = 0
      const text = answer.body.toString().replaceAll(/:("[^"]*"|true|false|\d+)/g, (was) => {
        return at++ === nth ? `:${value}` : was
      })
      pass(answer.status === 200 ? { ...answer, headers: JSON_TYPE, body: Buffer.from(text) } : answer)
    },
  }
}
