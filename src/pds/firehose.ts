/** Commits to one repo, as the firehose of its PDS reports them (https://atproto.com/specs/sync#firehose). */

import { decode, decodeFirst } from '@atcute/cbor'
import { LRUCache } from 'lru-cache'
import type { CommitFeed } from '../ports/directory.ts'

/** Operations remembered; a repo that is written to all the time must not fill the memory. */
const MAX_SEEN = 1_000

/** The fields that we use of a frame: its header, then its body. */
interface Header {
  readonly op: number
  readonly t?: string
}
interface CommitBody {
  readonly repo: string
  readonly ops: readonly { readonly action: string; readonly path: string }[]
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
    socket.addEventListener('message', ({ data }) => this.#read(new Uint8Array(data as ArrayBuffer)))
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

  #read(frame: Uint8Array): void {
    const [header, rest] = decodeFirst(frame) as [Header, Uint8Array]
    if (header.op !== 1) return this.#break('the PDS ended the stream')
    if (header.t !== '#commit') return
    const body = decode(rest) as CommitBody
    if (body.repo !== this.#did) return
    for (const { action, path } of body.ops) this.#seen.set(`${action} ${path}`, true)
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
