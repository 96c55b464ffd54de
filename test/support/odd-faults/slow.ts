/** The answer comes too slowly, too large, not whole, or not at all. */

import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Exchange, Fault } from '../odd-server.ts'
import { JSON_TYPE } from './said.ts'

const OK = 'HTTP/1.1 200 OK\r\n'
const JSON_HEAD = `${OK}content-type: application/json\r\n`
const EVERY_MS = 40
const CHUNK = 'x'.repeat(65_536)
const BOMB_BYTES = 64_000_000

/** A body that the PDS has not sent, and that is far larger than it looks. */
function bomb(encoding: string, compress: (bytes: Buffer) => Buffer): Fault {
  let bytes: Buffer | null = null
  return {
    name: `a little ${encoding} that becomes much`,
    answer: ({ say }) => {
      bytes ??= compress(Buffer.from(`{"padding":"${'x'.repeat(BOMB_BYTES)}"}`))
      say(200, { ...JSON_TYPE, 'content-encoding': encoding }, bytes)
    },
  }
}

const fast = { level: 1 }
const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

/** The PDS does it, and its answer is said in another way. */
function retold(name: string, tell: (head: string, body: Buffer, exchange: Exchange) => void): Fault {
  return {
    name,
    answer: async (exchange) => {
      const { status, headers, body } = await exchange.real()
      const head = `HTTP/1.1 ${status} Said\r\ncontent-type: ${String(headers['content-type'] ?? 'text/plain')}\r\n`
      tell(head, body, exchange)
    },
  }
}

/** Letter by letter, and the last one never comes. */
function letters(text: string, last: string): () => string {
  let at = 0
  return () => text[at++] ?? last
}

export const SLOW: readonly Fault[] = [
  { name: 'silence', answer: () => {} },
  { name: 'the connection is cut', answer: ({ socket }) => void socket.destroy() },
  { name: 'the connection is reset', answer: ({ socket }) => void socket.resetAndDestroy() },
  { name: 'the connection is closed', answer: ({ socket }) => void socket.end() },
  retold('done, and the connection is reset', (_, __, { socket }) => void socket.resetAndDestroy()),
  retold('done, and silence', () => {}),
  retold('done, and reset within the headers', (head, _, { socket }) => {
    socket.write(head, () => socket.resetAndDestroy())
  }),
  retold('done, and reset within the body', (head, body, { socket }) => {
    const half = body.subarray(0, body.length >> 1)
    socket.write(`${head}content-length: ${body.length}\r\n\r\n`)
    socket.write(half, () => socket.resetAndDestroy())
  }),
  { name: 'headers letter by letter', answer: ({ socket, drip }) => drip(socket, letters(JSON_HEAD, 'x'), EVERY_MS) },
  { name: 'headers without an end', answer: ({ socket, drip }) => manyHeaders(socket, drip, 0) },
  { name: 'one header after the other, slowly', answer: ({ socket, drip }) => manyHeaders(socket, drip, EVERY_MS) },
  {
    name: 'a header of a megabyte',
    answer: ({ socket }) => void socket.end(`${JSON_HEAD}x-long: ${'x'.repeat(1_000_000)}\r\n\r\n{}`),
  },
  {
    name: 'a body letter by letter',
    answer: ({ outgoing, drip }) => {
      outgoing.writeHead(200, JSON_TYPE)
      drip(outgoing, letters('{"status":"', 'x'), EVERY_MS)
    },
  },
  retold('done, and the answer letter by letter', (head, body, { socket, drip }) => {
    socket.write(`${head}content-length: ${body.length + 1}\r\n\r\n`)
    drip(socket, letters(body.toString('latin1'), ''), EVERY_MS)
  }),
  {
    name: 'a body without an end',
    answer: ({ outgoing, drip }) => {
      outgoing.writeHead(200, JSON_TYPE)
      outgoing.write('{"padding":"')
      drip(outgoing, () => CHUNK, 0)
    },
  },
  {
    name: 'a refusal without an end',
    answer: ({ outgoing, drip }) => {
      outgoing.writeHead(400, JSON_TYPE)
      outgoing.write('{"error":"InvalidRequest","message":"')
      drip(outgoing, () => CHUNK, 0)
    },
  },
  {
    name: 'white space without an end',
    answer: ({ outgoing, drip }) => {
      outgoing.writeHead(200, JSON_TYPE)
      drip(outgoing, () => ' '.repeat(65_536), 0)
    },
  },
  retold('less than its length says', (head, body, { socket }) => {
    socket.end(`${head}content-length: ${body.length + 50}\r\n\r\n${body.toString('latin1')}`, 'latin1')
  }),
  retold('more than its length says', (head, body, { socket }) => {
    socket.end(`${head}content-length: ${Math.max(1, body.length - 5)}\r\n\r\n${body.toString('latin1')}`, 'latin1')
  }),
  retold('two lengths', (head, body, { socket }) => {
    socket.end(`${head}content-length: ${body.length}\r\ncontent-length: 1\r\n\r\n${body.toString('latin1')}`, 'latin1')
  }),
  retold('a length that is none', (head, body, { socket }) => {
    socket.end(`${head}content-length: -7\r\n\r\n${body.toString('latin1')}`, 'latin1')
  }),
  retold('chunks that are none', (head, body, { socket }) => {
    socket.end(`${head}transfer-encoding: chunked\r\n\r\nzz\r\n${body.toString('latin1')}`, 'latin1')
  }),
  bomb('gzip', (bytes) => gzipSync(bytes, fast)),
  bomb('deflate', (bytes) => deflateSync(bytes, fast)),
  bomb('br', (bytes) => brotliCompressSync(bytes, quick)),
  bomb('zstd', (bytes) => zstdCompressSync(bytes)),
  {
    name: 'gzip that is none',
    answer: ({ say }) => say(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }, '{"status":"ok"}'),
  },
  {
    name: 'an encoding that nobody knows',
    answer: ({ say }) => say(200, { ...JSON_TYPE, 'content-encoding': 'rot13' }, '{"status":"ok"}'),
  },
  {
    name: 'gzip within gzip within gzip',
    answer: ({ say }) => {
      const wrapped = gzipSync(gzipSync(gzipSync('{"status":"ok"}')))
      say(200, { ...JSON_TYPE, 'content-encoding': 'gzip, gzip, gzip' }, wrapped)
    },
  },
]

function manyHeaders(socket: Exchange['socket'], drip: Exchange['drip'], everyMs: number): void {
  let n = 0
  socket.write(JSON_HEAD)
  drip(socket, () => `x-header-${n++}: ${'x'.repeat(everyMs === 0 ? 4_096 : 8)}\r\n`, everyMs)
}
