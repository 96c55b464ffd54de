/** Stands between the engine and the real PDS, and lets go wrong what can: by a plan that follows from a seed. */

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
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
  readonly #server: Server
  readonly #random
  readonly #late = new Set<Promise<void>>()
  /** Faults that are still to happen before any happens again: eight faults are one of each kind. */
  readonly #next: Fault[] = []

  private constructor(options: ProxyOptions) {
    this.options = options
    this.#random = randomFrom(options.seed)
    this.#server = createServer((incoming, outgoing) => void this.#handle(incoming, outgoing))
  }

  static async start(options: ProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when no request is on its way to the PDS any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settled()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const method = /^\/xrpc\/([\w.]+)/.exec(incoming.url ?? '')?.[1] ?? 'other'
    this.asked[method] = (this.asked[method] ?? 0) + 1
    if (this.isDown) return void incoming.socket.destroy()
    if (this.#random.next() >= this.options.rate)
      return this.#forward(incoming, body, (answer) => pass(answer, outgoing))
    if (this.#next.length === 0) this.#next.push(...FAULTS)
    const fault = this.#next.splice(this.#random.below(this.#next.length), 1)[0]!
    this.hits[fault]++
    return this.#goWrong(fault, incoming, body, outgoing)
  }

  async #goWrong(fault: Fault, incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    const { clientTimeoutMs, lateMs } = this.options
    switch (fault) {
      case 'drop-request':
        return void incoming.socket.destroy()
      case 'drop-answer':
        return this.#forward(incoming, body, () => void incoming.socket.destroy())
      case 'answer-500':
      case 'answer-502':
      case 'answer-429': {
        const status = Number(fault.slice(-3))
        outgoing.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' })
        return void outgoing.end(JSON.stringify({ error: 'Fault', message: fault }))
      }
      case 'slow-answer':
        return this.#forward(incoming, body, (answer) => {
          setTimeout(() => pass(answer, outgoing), clientTimeoutMs + 200)
        })
      case 'cut-answer':
        return this.#forward(incoming, body, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.once('data', (chunk: Buffer) => {
            outgoing.write(chunk.subarray(0, chunk.length >> 1), () => outgoing.destroy())
          })
        })
      case 'late-request': {
        const delivered = new Promise<void>((resolve) => {
          setTimeout(() => {
            void this.#forward(incoming, body, (answer) => void answer.resume()).finally(resolve)
          }, clientTimeoutMs + lateMs)
        })
        this.#late.add(delivered)
        return void delivered.finally(() => this.#late.delete(delivered))
      }
    }
  }

  #forward(incoming: IncomingMessage, body: Buffer, answered: (answer: IncomingMessage) => void): Promise<void> {
    return new Promise((resolve) => {
      const { method, url, headers } = incoming
      const options = { method: method ?? 'GET', headers: { ...headers, 'content-length': String(body.length) } }
      const forwarded = request(new URL(url ?? '/', this.options.target), options, (answer) => {
        answered(answer)
        answer.once('close', resolve)
      })
      forwarded.on('error', () => {
        incoming.socket.destroy()
        resolve()
      })
      forwarded.end(body)
    })
  }
}

function pass(answer: IncomingMessage, outgoing: ServerResponse): void {
  if (outgoing.destroyed) return void answer.resume()
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
  answer.pipe(outgoing)
}
