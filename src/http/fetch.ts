/**
 * The API for servers that speak Fetch (https://fetch.spec.whatwg.org/#fetch-api): a Request in, a Response out, through the
 * same Fastify instance as over HTTP. Fastify's `inject` carries it: it needs no socket, and returns the answer as a stream.
 */

import { finished, Readable } from 'node:stream'
import type { ServerResponse } from 'node:http'
import { errorCodes } from 'fastify'
import { DomainError } from '../domain/errors.ts'
import type { Http } from './deps.ts'

/** Headers of a connection, not of the request; and the length, which `inject` sets from the payload. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
])
const NOT_PASSED_BACK: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding'])

/** A reader that falls further behind a live stream is disconnected. As in `routes/stream.ts`, which cannot see this buffer. */
const MAX_UNREAD_BYTES = 1_000_000

/**
 * Answers one request.
 *
 * @throws DomainError `unavailable` when the installation is closed; TypeError when the body was already read
 */
export async function answerFetch(http: Http, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const headers: Record<string, string> = { host: url.host }
  for (const [name, value] of request.headers) if (!NOT_PASSED_ON.has(name)) headers[name] = value
  const payload = await readBody(request, http.initialConfig.bodyLimit!)
  const answer = await http
    .inject({
      // Fetch allows methods that Node's parser would refuse; Fastify answers them with 404.
      validate: false,
      method: request.method,
      url: url.pathname + url.search,
      headers,
      ...(payload ? { payload } : {}),
      payloadAsStream: true,
    })
    .catch((error: unknown) => {
      if (!(error instanceof errorCodes.FST_ERR_REOPENED_CLOSE_SERVER)) throw error
      throw new DomainError('unavailable', 'this installation is closed', { cause: error })
    })
  const body = answer.stream()
  // The route must learn that the reader has left, as it would from a closed connection.
  body.once('close', () => void answer.raw.res.destroy())
  const hangUp = (): void => void body.destroy()
  request.signal.addEventListener('abort', hangUp, { once: true })
  body.once('close', () => request.signal.removeEventListener('abort', hangUp))
  if (request.signal.aborted) hangUp()
  return toResponse(request, answer.raw.res, answer.headers, body)
}

/** The body as bytes; of a body over the limit, only enough of it to see that. */
async function readBody(request: Request, limit: number): Promise<Buffer | null> {
  if (!request.body) return null
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body) {
    chunks.push(chunk)
    size += chunk.length
    if (size > limit) break
  }
  return Buffer.concat(chunks)
}

function toResponse(request: Request, raw: ServerResponse, fields: object, body: Readable): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(fields)) {
    if (NOT_PASSED_BACK.has(name)) continue
    for (const each of Array.isArray(value) ? value : [value]) headers.append(name, String(each))
  }
  const status = raw.statusCode
  if (request.method === 'HEAD' || status === 204 || status === 304) {
    body.resume()
    return new Response(null, { status, headers })
  }
  const isLive = headers.get('content-type')?.startsWith('text/event-stream') ?? false
  const stream = isLive ? liveBody(body) : (Readable.toWeb(body) as ReadableStream<Uint8Array>)
  return new Response(stream, { status, headers })
}

/** A stream that does not wait for its reader: a reader that falls too far behind is disconnected, and may come back. */
function liveBody(body: Readable): ReadableStream<Uint8Array> {
  let isOver = false
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        body.on('data', (chunk: Buffer) => {
          if (isOver) return
          controller.enqueue(new Uint8Array(chunk))
          if (controller.desiredSize! <= 0) body.destroy(new Error('too much was left unread'))
        })
        finished(body, (error) => {
          if (isOver) return
          isOver = true
          if (error) controller.error(error)
          else controller.close()
        })
      },
      cancel() {
        isOver = true
        body.destroy()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }),
  )
}
