/**
 * The one way to fetch from a host that is not ours. No redirect is followed, headers come in time, and a body is cut
 * where it is longer than allowed: nothing that a host sends takes more memory or time than was meant.
 */

/** What one request may take. */
export interface Bounds {
  /** Milliseconds until the headers of the answer have to be there. */
  readonly headersMs: number
  /** The most bytes that the body of an answer may have, counted as they are after decompression. */
  readonly maxBytes: number
}

/** The headers of an answer come within this time, in ms, or it is none. */
export const HEADERS_MS = 10_000

/** An error says in a few words what is wrong. Of a longer one, nothing is read. */
const MAX_ERROR_BYTES = 64 * 1024

/** A value of JSON can take a hundred times as much memory as text. A thousand repos in a list have five thousand. */
const MAX_PARTS = 200_000

const MAX_SAID = 200

/**
 * The host has answered, and not as its method promises: that tells something of the host, and nothing of what was asked.
 * Whoever finds so in the body of a good answer throws one as well, from within its `Call`.
 */
export class OddAnswer extends Error {
  /** Names it for programs, such as `Status301`. */
  readonly code: string
  /** What the host answered: a few harmless words that can follow "it answered putRecord with". Nothing of the body is in it. */
  readonly said: string

  constructor(code: string, said: string, options?: ErrorOptions) {
    super(said, options)
    this.code = code
    this.said = harmless(said)
  }
}

/**
 * Sends one request to one host.
 *
 * @param init its `signal` ends the request, also while the body is read
 * @returns the answer. Its body is still to be read, and fails with an {@link OddAnswer} where it is too long; that of an
 *   error, with a status of 400 or more, has been read, and is empty where it is too long or cut off
 * @throws {OddAnswer} for a redirect, and for a body that is said to be too long
 * @throws whatever `fetch` throws where there is no answer
 */
export async function send(url: URL, init: RequestInit, { headersMs, maxBytes }: Bounds): Promise<Response> {
  const response = await answerInTime(url, init, headersMs)
  const { status, headers } = response
  if (status >= 300 && status < 400) {
    await drop(response)
    throw new OddAnswer(`Status${status}`, redirectText(status, headers.get('location'), url))
  }
  if (status >= 400) return new Response(await shortText(response), { status, headers })
  if (response.body === null) return response
  if (Number(headers.get('content-length')) > maxBytes) {
    await drop(response)
    throw tooLong(maxBytes)
  }
  const isJson = /^application\/json\b/i.test(headers.get('content-type') ?? '')
  return new Response(cutAt(maxBytes, response.body, isJson ? MAX_PARTS : Infinity), { status, headers })
}

async function answerInTime(url: URL, init: RequestInit, headersMs: number): Promise<Response> {
  const late = new AbortController()
  const waiting = setTimeout(() => late.abort(new DOMException('no answer in time', 'TimeoutError')), headersMs)
  const signal = AbortSignal.any([late.signal, ...(init.signal ? [init.signal] : [])])
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal })
  } finally {
    clearTimeout(waiting)
  }
}

/** Lets go of the connection: what else comes is not read. */
async function drop({ body }: Response): Promise<void> {
  // It may have failed already.
  await body?.cancel().catch(() => {})
}

/** @param maxParts where it is JSON, the most brackets and commas that it may have */
function cutAt(
  maxBytes: number,
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxParts = Infinity,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = maxBytes
  let partsLeft = maxParts
  const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      left -= chunk.byteLength
      if (maxParts < Infinity) partsLeft -= partsIn(chunk)
      if (left < 0) controller.error(tooLong(maxBytes))
      else if (partsLeft < 0) controller.error(new OddAnswer('AnswerTooLong', `more than ${maxParts} values`))
      else controller.enqueue(chunk)
    },
  })
  return body.pipeThrough(counter)
}

const [COMMA, BRACKET, BRACE] = [...Buffer.from(',[{')]

/** Roughly how many values a piece of JSON has: those in its texts count as well. */
function partsIn(chunk: Uint8Array): number {
  let parts = 0
  for (const byte of chunk) if (byte === COMMA || byte === BRACKET || byte === BRACE) parts++
  return parts
}

/** The status alone tells enough where there is no more to read. */
async function shortText({ body }: Response): Promise<ArrayBuffer | null> {
  if (body === null) return null
  try {
    return await new Response(cutAt(MAX_ERROR_BYTES, body)).arrayBuffer()
  } catch {
    return null
  }
}

function tooLong(maxBytes: number): OddAnswer {
  return new OddAnswer('AnswerTooLong', `more than ${maxBytes} bytes`)
}

/** Of the place that a redirect points to, the host alone: the rest may hold secrets. */
function redirectText(status: number, location: string | null, from: URL): string {
  if (location === null) return `${status}`
  const to = URL.parse(location, from.href)
  if (to === null) return `${status} to no address`
  if (to.origin === 'null') return `${status} to ${to.protocol}`
  return `${status} to ${to.origin === from.origin ? 'another address on the same host' : to.origin}`
}

/** One line of plain characters, and not too many of them. */
function harmless(text: string): string {
  return text.replaceAll(/[^ -~]+/g, '?').slice(0, MAX_SAID)
}

const A_TYPE = /^[\w.+-]+\/[\w.+-]+/

/** The kind of an answer in a few words: status and content type. */
export function kindOf({ status, headers }: Pick<Response, 'status' | 'headers'>): string {
  const type = A_TYPE.exec(headers.get('content-type') ?? '')?.[0]
  return type === undefined ? `${status} without a content type` : `${status} ${type.toLowerCase()}`
}

/** Whether an answer is a page for people: no PDS answers so, whatever stands in it. */
export function isHtml(headers: Headers): boolean {
  return /^text\/html\b/i.test(headers.get('content-type') ?? '')
}

/** A JSON document that anyone may read, or why there is none. */
export type Document =
  | { readonly kind: 'answer'; readonly headers: Headers; readonly body: unknown }
  | { readonly kind: 'none'; readonly why: string }

/** A document about a host itself is a short one. */
const MAX_DOCUMENT_BYTES = 1024 * 1024

/**
 * Reads one JSON document. Never throws.
 *
 * @param timeoutMs how long that may take, in ms
 */
export async function readDocument(
  url: string,
  timeoutMs: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Document> {
  try {
    const bounds = { headersMs: Math.min(HEADERS_MS, timeoutMs), maxBytes: MAX_DOCUMENT_BYTES }
    const response = await send(new URL(url), { headers, signal: AbortSignal.timeout(timeoutMs) }, bounds)
    if (!response.ok) return { kind: 'none', why: `status ${response.status}` }
    return { kind: 'answer', headers: response.headers, body: await jsonOf(response) }
  } catch (error) {
    return { kind: 'none', why: causeOf(error) }
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OddAnswer(`Status${response.status}`, kindOf(response), { cause: error })
  }
}

/** What is below "fetch failed". */
function causeOf(error: unknown): string {
  if (error instanceof OddAnswer) return `it answered with ${error.said}`
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return error instanceof Error ? error.message : String(error)
}
