/** Stands before the real PDS, and answers as gateways, portals, caches and broken servers do, for as long as it is told to. */

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Asked, Gateway } from './gateway.ts'

/** What an answer is made of. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** One request to a server that may misbehave, and the means of it. */
export interface Exchange extends Asked {
  /** Base URL of a server where nothing may ever arrive. */
  readonly elsewhere: string
  /** Base URL of the odd server itself. */
  readonly here: string
  /** What is kept from one request to the next, as long as the fault lasts. */
  readonly memory: Map<string, unknown>
  /** Has the PDS do what is asked, or another thing, and gives its whole answer. */
  readonly real: (path?: string) => Promise<RawAnswer>
  /** Answers. A body that is no text or buffer becomes JSON. */
  readonly say: (status: number, headers: Record<string, string>, body?: unknown) => void
  /** Passes an answer on. */
  readonly pass: (answer: RawAnswer) => void
  /** The connection, to write on it what HTTP does not allow. */
  readonly socket: Socket
  /** Writes this piece again and again until nobody reads it. @param everyMs 0 for as fast as it is read */
  readonly drip: (to: Socket | ServerResponse, piece: () => string | Buffer, everyMs: number) => void
  readonly outgoing: ServerResponse
}

export interface Fault {
  readonly name: string
  /** The methods that it is about; all if not said. */
  readonly methods?: readonly string[]
  /** Work goes on while it lasts, on the ways that are left; otherwise what needs the answer may wait until it is over. */
  readonly livedWith?: boolean
  /** How many minutes after its end everything is as it should be; 2 if not said. */
  readonly withinMinutes?: number
  readonly answer: (exchange: Exchange) => void | Promise<void>
}

/** A server that counts, and keeps, what reaches it. */
export class Trap implements AsyncDisposable {
  /** Every request: its first line and its headers. */
  readonly caught: string[] = []
  readonly #server: Server

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      this.caught.push(`${incoming.method} ${incoming.url} ${JSON.stringify(incoming.headers)}`)
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  }

  static async start(): Promise<Trap> {
    const trap = new Trap()
    await new Promise<void>((resolve) => trap.#server.listen(0, '127.0.0.1', resolve))
    return trap
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A fault that lasts. */
interface Lasting {
  readonly fault: Fault
  readonly methods: ReadonlySet<string> | null
  readonly memory: Map<string, unknown>
  /** Whether the next write is carried out, and its answer lost. */
  loses: boolean
}

const WRITES: ReadonlySet<string> = new Set([
  'com.atproto.repo.putRecord',
  'com.atproto.repo.applyWrites',
  'com.atproto.repo.deleteRecord',
  'com.atproto.server.createAccount',
])

export class OddServer implements AsyncDisposable {
  /** How many requests have come in all. */
  total = 0
  /** How many requests the fault has answered that lasts, or was the last. */
  spoiled = 0
  /** The methods that were asked for since the last fault began. */
  readonly asked = new Set<string>()
  readonly trap: Trap
  #gateway!: Gateway
  readonly #running = new Set<Promise<unknown>>()
  #lasting: Lasting | null = null

  private constructor(trap: Trap) {
    this.trap = trap
  }

  /** @param target base URL of the real PDS */
  static async start(target: string): Promise<OddServer> {
    const server = new OddServer(await Trap.start())
    server.#gateway = await Gateway.start(target, (asked, outgoing) => server.#handle(asked, outgoing))
    return server
  }

  get url(): string {
    return this.#gateway.url
  }

  /**
   * From now on the fault answers.
   *
   * @param methods only these; null for whatever is asked
   * @param loses the first write is carried out, and its answer lost, so that whoever has sent it has to look
   */
  begin(fault: Fault, methods: readonly string[] | null, loses = false): void {
    this.#lasting = { fault, methods: methods && new Set(methods), memory: new Map(), loses }
    this.spoiled = 0
    this.asked.clear()
  }

  /** From now on the PDS answers; what the fault is still answering is cut. */
  async end(): Promise<void> {
    this.#lasting = null
    this.#gateway.cut()
    await Promise.all(this.#running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    await this.#gateway[Symbol.asyncDispose]()
    await this.trap[Symbol.asyncDispose]()
  }

  #handle(asked: Asked, outgoing: ServerResponse): void {
    const { socket } = asked.incoming
    // It may serve several requests.
    if (socket.listenerCount('error', ignore) === 0) socket.on('error', ignore)
    outgoing.on('error', ignore)
    this.total++
    this.asked.add(asked.method)
    const handled = this.#answer(asked, outgoing).catch(() => void socket.destroy())
    this.#running.add(handled)
    void handled.finally(() => this.#running.delete(handled))
  }

  async #answer(asked: Asked, outgoing: ServerResponse): Promise<void> {
    const exchange = this.#exchange(asked, outgoing)
    const lasting = this.#lasting
    if (lasting?.loses && WRITES.has(asked.method)) {
      lasting.loses = false
      await exchange.real()
      return void exchange.socket.destroy()
    }
    if (lasting === null || !(lasting.methods?.has(asked.method) ?? true)) return exchange.pass(await exchange.real())
    this.spoiled++
    await lasting.fault.answer(exchange)
  }

  #exchange(asked: Asked, outgoing: ServerResponse): Exchange {
    return {
      ...asked,
      outgoing,
      elsewhere: this.trap.url,
      here: this.url,
      memory: this.#lasting?.memory ?? new Map(),
      socket: asked.incoming.socket,
      real: (url) => this.#real(url === undefined ? asked : { ...asked, url }),
      say(status, headers, content = '') {
        outgoing.writeHead(status, headers)
        outgoing.end(typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content))
      },
      pass({ status, headers, body }) {
        if (outgoing.destroyed) return
        const { 'transfer-encoding': _, ...rest } = headers
        outgoing.writeHead(status, { ...rest, 'content-length': String(body.length) })
        outgoing.end(body)
      },
      drip,
    }
  }

  #real(asked: Asked): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const forwarded = this.#gateway.forward(asked, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.once('end', () => {
          resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: Buffer.concat(chunks) })
        })
      })
      void forwarded.then(() => reject(new Error('the PDS has not answered')))
    })
  }
}

/** That a client goes away is no error here. */
function ignore(): void {}

function drip(to: Socket | ServerResponse, piece: () => string | Buffer, everyMs: number): void {
  const next = (): void => {
    if (to.destroyed || to.writableEnded) return
    const isRead = to.write(piece())
    if (everyMs > 0) setTimeout(next, everyMs).unref()
    else if (isRead) setImmediate(next)
    else to.once('drain', next)
  }
  next()
}
