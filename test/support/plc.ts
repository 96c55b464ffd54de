/** Stands before the real PLC directory, and says of some accounts what a test wants it to say. */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

type Document = Record<string, unknown> & { service?: { id: string; type: string; serviceEndpoint: string }[] }

export class TestPlc implements AsyncDisposable {
  /** How often each DID was asked for. */
  readonly asked: Record<string, number> = {}
  /** Base URL of the real one; to be set before anything is asked. */
  target = ''
  readonly #server: Server
  readonly #changes = new Map<string, (document: Document) => Document>()
  #spoiled: RequestListener | null = null

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      const did = decodeURIComponent((incoming.url ?? '').slice(1))
      this.asked[did] = (this.asked[did] ?? 0) + 1
      if (this.#spoiled) return this.#spoiled(incoming, outgoing)
      void this.#answer(did).then(({ status, text }) => {
        outgoing.writeHead(status, { 'content-type': 'application/did+ld+json' }).end(text)
      })
    })
  }

  static async start(): Promise<TestPlc> {
    const plc = new TestPlc()
    await new Promise<void>((resolve) => plc.#server.listen(0, '127.0.0.1', resolve))
    return plc
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The document of this account names another PDS from now on; its own again for null. */
  move(did: string, pds: string | null): void {
    if (pds === null) return void this.#changes.delete(did)
    this.change(did, (document) => {
      return { ...document, service: document.service?.map((service) => ({ ...service, serviceEndpoint: pds })) ?? [] }
    })
  }

  change(did: string, change: (document: Document) => Document): void {
    this.#changes.set(did, change)
  }

  /** From now on every request is answered like this; as the directory does for null. */
  spoil(answer: RequestListener | null): void {
    this.#spoiled = answer
  }

  async #answer(did: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.target}/${did}`)
    const change = this.#changes.get(did)
    if (!response.ok || !change) return { status: response.status, text: await response.text() }
    return { status: 200, text: JSON.stringify(change((await response.json()) as Document)) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
