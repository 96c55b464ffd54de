/** Stands between the engine and the real PDS, and lets go wrong what can: by a plan that follows from a seed. */

import type { ServerResponse } from 'node:http'
import { type Asked, Gateway, pass } from './gateway.ts'
import { randomFrom } from './random.ts'

/**
 * - `drop-request`: never reaches the PDS;
 * - `drop-answer`: the PDS does it, and nobody hears of it;
 * - `answer-500`, `answer-502`, `answer-429`: never reaches the PDS, and says so in different ways;
 * - `slow-answer`: the PDS does it, and says so after the client has given up;
 * - `cut-answer`: the PDS does it, and its answer is cut in the middle;
 * - `late-request`: reaches the PDS long after the client has given up.
 */
export const FAULTS = [
  'drop-request',
  'drop-answer',
  'answer-500',
  'answer-502',
  'answer-429',
  'slow-answer',
  'cut-answer',
  'late-request',
] as const
export type Fault = (typeof FAULTS)[number]

export interface ProxyOptions {
  readonly target: string
  readonly seed: number
  /** Share of requests that go wrong, 0 to 1; may be changed while running. */
  rate: number
  /** How long the client waits before it gives up. */
  readonly clientTimeoutMs: number
  /** How long after that a late request is delivered. */
  readonly lateMs: number
}

export class FaultyProxy implements AsyncDisposable {
  /** How often each method of the PDS was asked for. */
  readonly asked: Record<string, number> = {}
  readonly hits = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>
  readonly options: ProxyOptions
  /** Refuses every connection, as a host that is down. */
  isDown = false
  #gateway!: Gateway
  readonly #random
  readonly #late = new Set<Promise<void>>()
  /** Faults that are still to happen before any happens again: eight faults are one of each kind. */
  readonly #next: Fault[] = []

  private constructor(options: ProxyOptions) {
    this.options = options
    this.#random = randomFrom(options.seed)
  }

  static async start(options: ProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options)
    proxy.#gateway = await Gateway.start(options.target, (asked, outgoing) => proxy.#handle(asked, outgoing))
    return proxy
  }

  get url(): string {
    return this.#gateway.url
  }

  /** Resolves when no request is on its way to the PDS any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settled()
    await this.#gateway[Symbol.asyncDispose]()
  }

  #handle(asked: Asked, outgoing: ServerResponse): Promise<void> | void {
    const { incoming, method } = asked
    this.asked[method] = (this.asked[method] ?? 0) + 1
    if (this.isDown) return void incoming.socket.destroy()
    if (this.#random.next() >= this.options.rate)
      return this.#gateway.forward(asked, (answer) => pass(answer, outgoing))
    if (this.#next.length === 0) this.#next.push(...FAULTS)
    const fault = this.#next.splice(this.#random.below(this.#next.length), 1)[0]!
    this.hits[fault]++
    return this.#goWrong(fault, asked, outgoing)
  }

  async #goWrong(fault: Fault, asked: Asked, outgoing: ServerResponse): Promise<void> {
    const { clientTimeoutMs, lateMs } = this.options
    const { incoming } = asked
    switch (fault) {
      case 'drop-request':
        return void incoming.socket.destroy()
      case 'drop-answer':
        return this.#gateway.forward(asked, () => void incoming.socket.destroy())
      case 'answer-500':
      case 'answer-502':
      case 'answer-429': {
        const status = Number(fault.slice(-3))
        outgoing.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' })
        return void outgoing.end(JSON.stringify({ error: 'Fault', message: fault }))
      }
      case 'slow-answer':
        return this.#gateway.forward(asked, (answer) => {
          setTimeout(() => pass(answer, outgoing), clientTimeoutMs + 200)
        })
      case 'cut-answer':
        return this.#gateway.forward(asked, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.once('data', (chunk: Buffer) => {
            outgoing.write(chunk.subarray(0, chunk.length >> 1), () => outgoing.destroy())
          })
        })
      case 'late-request': {
        const delivered = new Promise<void>((resolve) => {
          setTimeout(() => {
            void this.#gateway.forward(asked, (answer) => void answer.resume()).finally(resolve)
          }, clientTimeoutMs + lateMs)
        })
        this.#late.add(delivered)
        return void delivered.finally(() => this.#late.delete(delivered))
      }
    }
  }
}
