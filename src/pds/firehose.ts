/** Commits to one repo, as the firehose of its PDS reports them (https://atproto.com/specs/sync#firehose). */

import { LRUCache } from 'lru-cache'
import type { CommitFeed } from '../ports/directory.ts'
import { decodePair } from './repo/dag-cbor.ts'

/** Operations remembered; a repo that is written to all the time must not fill the memory. */
const MAX_SEEN = 1_000

/** The longest frame that there may be (https://atproto.com/specs/sync#firehose), and the longest operation that we remember. */
const MAX_FRAME = 5_000_000
const MAX_OPERATION = 1_000

/** What a frame tells us: what was done to the repo; or that the stream has ended, or cannot be read. */
type Told = { readonly operations: readonly string[] } | { readonly end: string }

const NOTHING: Told = { operations: [] }
const NO_EVENT: Told = { end: 'the PDS sends something else than events' }

/**
 * Reads a frame, whatever it is: its header, then its body.
 *
 * @param did the repo that is followed
 * @returns operations such as `create collection/rkey`
 */
export function readFrame(frame: unknown, did: string): Told {
  if (!(frame instanceof ArrayBuffer) || frame.byteLength > MAX_FRAME) return NO_EVENT
  try {
    const [header, body] = decodePair(new Uint8Array(frame)).map(fieldsOf)
    if (header!['op'] === -1) return { end: 'the PDS ended the stream' }
    if (header!['op'] !== 1) return NO_EVENT
    if (header!['t'] !== '#commit' || body!['repo'] !== did) return NOTHING
    const operations = Array.isArray(body!['ops']) ? body!['ops'].map(fieldsOf) : []
    const named = operations.map(({ action, path }) => `${String(action)} ${String(path)}`)
    return { operations: named.filter((operation) => operation.length <= MAX_OPERATION) }
  } catch {
    return NO_EVENT
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object(value) as Readonly<Record<string, unknown>>
}

export class Firehose implements CommitFeed {
  readonly #socket: WebSocket
  readonly #did: string
  /** The latest operations since the connection, such as `create collection/rkey`. */
  readonly #seen = new LRUCache<string, true>({ max: MAX_SEEN })
  #changed = Promise.withResolvers<void>()
  #broken: string | null = null

  private constructor(socket: WebSocket, did: string) {
    this.#socket = socket
    this.#did = did
    socket.addEventListener('message', ({ data }) => this.#read(data))
    socket.addEventListener('close', () => this.#break('the PDS has closed the connection'))
    socket.addEventListener('error', () => this.#break('the connection was lost'))
  }

  /**
   * Connects, and follows one repo from now on.
   *
   * @param pds base URL
   * @throws Error when there is no connection in time
   */
  static async connect(pds: string, did: string, signal: AbortSignal): Promise<Firehose> {
    const socket = new WebSocket(`${pds.replace(/^http/, 'ws')}/xrpc/com.atproto.sync.subscribeRepos`)
    socket.binaryType = 'arraybuffer'
    const firehose = new Firehose(socket, did)
    try {
      await until(signal, (resolve, reject) => {
        socket.addEventListener('open', () => resolve())
        socket.addEventListener('error', () => reject(new Error('there is no firehose at this PDS')))
      })
      return firehose
    } catch (error) {
      socket.close()
      throw error
    }
  }

  async sees(action: 'create' | 'delete', path: string, signal: AbortSignal): Promise<void> {
    while (!this.#seen.has(`${action} ${path}`)) {
      if (this.#broken !== null) throw new Error(this.#broken)
      const { promise } = this.#changed
      await until(signal, (resolve) => void promise.then(resolve))
    }
  }

  #read(frame: unknown): void {
    const told = readFrame(frame, this.#did)
    if ('end' in told) {
      this.#socket.close()
      return this.#break(told.end)
    }
    if (told.operations.length === 0) return
    for (const operation of told.operations) this.#seen.set(operation, true)
    this.#wake()
  }

  #break(why: string): void {
    this.#broken ??= why
    this.#wake()
  }

  #wake(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers<void>()
    resolve()
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}

/** A promise that is rejected when the signal fires first. */
function until(
  signal: AbortSignal,
  start: (resolve: () => void, reject: (error: Error) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error('not in time'))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    const over = (): void => signal.removeEventListener('abort', stop)
    start(
      () => {
        over()
        resolve()
      },
      (error) => {
        over()
        reject(error)
      },
    )
  })
}
