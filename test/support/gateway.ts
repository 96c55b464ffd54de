/** A server in front of the real PDS: it reads each request whole, and hands it to whoever decides what becomes of it. */

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

/** One request that has come in. */
export interface Asked {
  readonly incoming: IncomingMessage
  readonly body: Buffer
  /** Path and query. */
  readonly url: string
  /** The XRPC method, or `other`. */
  readonly method: string
}

export class Gateway implements AsyncDisposable {
  readonly target: string
  readonly #server: Server
  /** Its own. */
  #port = 0

  private constructor(target: string, handle: (asked: Asked, outgoing: ServerResponse) => unknown) {
    this.target = target
    this.#server = createServer((incoming, outgoing) => {
      void read(incoming).then(
        (asked) => handle(asked, outgoing),
        // The client went away before it had said everything.
        () => incoming.socket.destroy(),
      )
    })
  }

  /**
   * @param target base URL of the real PDS
   * @param handle answers each request
   * @param port of its own; 0 for any that is free
   */
  static async start(
    target: string,
    handle: (asked: Asked, outgoing: ServerResponse) => unknown,
    port = 0,
  ): Promise<Gateway> {
    const gateway = new Gateway(target, handle)
    gateway.#port = port
    await gateway.open()
    return gateway
  }

  get port(): number {
    return this.#port
  }

  /** Takes connections again after {@link shut}, on the same port. */
  async open(): Promise<void> {
    if (this.#server.listening) return
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Refuses connections, as a host that is down, and ends those that there are. */
  async shut(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Sends the request on to the PDS. Ends when the answer has, or the connection was lost. */
  forward({ incoming, body, url }: Asked, answered: (answer: IncomingMessage) => void): Promise<void> {
    return new Promise((resolve) => {
      const { method, headers } = incoming
      const options = { method: method ?? 'GET', headers: { ...headers, 'content-length': String(body.length) } }
      const forwarded = request(new URL(url, this.target), options, (answer) => {
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

  /** Ends all connections, whatever is under way on them. */
  cut(): void {
    this.#server.closeAllConnections()
  }

  /** Lets a firehose pass as it is. Without this, there is none. */
  passFirehose(): this {
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#tunnel(incoming, socket, head)
    })
    return this
  }

  #tunnel(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    const { hostname, port } = new URL(this.target)
    const upstream = connect(Number(port), hostname, () => {
      const lines = incoming.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []))
      upstream.write([`GET ${incoming.url ?? '/'} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shut()
  }
}

async function read(incoming: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const url = incoming.url ?? '/'
  return { incoming, body: Buffer.concat(chunks), url, method: /^\/xrpc\/([\w.]+)/.exec(url)?.[1] ?? 'other' }
}

/** Hands on the answer of the PDS as it is. */
export function pass(answer: IncomingMessage, outgoing: ServerResponse): void {
  if (outgoing.destroyed) return void answer.resume()
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
  answer.pipe(outgoing)
}
