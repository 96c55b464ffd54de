/** A stand-in for a relay: it answers what relays answer, and whatever odd things may stand in the place of one. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What it says of one account: a repo status, `unknown`, or any other answer. */
export type Said =
  | { readonly active: boolean; readonly status?: string; readonly rev?: string }
  | 'unknown'
  | ((answer: ServerResponse, did: string) => void)

export interface StandInRelay extends AsyncDisposable {
  readonly url: string
  /** By DID; what is not said of any account is `unknown`. */
  readonly accounts: Map<string, Said>
  /** What it says of hosts; null where it knows none. */
  host: { readonly status?: string; readonly accountCount?: number } | null
  /** In the place of every answer; null for none. */
  instead: ((answer: ServerResponse) => void) | null
  /** Methods that were asked, with what they were asked about. */
  readonly asked: string[]
  /** Hosts that it was asked to crawl. */
  readonly crawls: string[]
}

/** As Indigo's relay answers errors. */
export function refuse(answer: ServerResponse, status: number, error: string): void {
  json(answer, status, { error, message: 'of a stand-in' })
}

export function json(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body))
}

export async function startRelay(): Promise<StandInRelay> {
  const server = createServer((incoming, answer) => void handle(incoming, answer))
  await new Promise<void>((resolve, reject) => void server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const relay: StandInRelay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accounts: new Map(),
    host: { status: 'active', accountCount: 0 },
    instead: null,
    asked: [],
    crawls: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return relay

  async function handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(incoming.url!, relay.url)
    const method = pathname.split('.').at(-1)!
    const about = searchParams.get('did') ?? searchParams.get('hostname') ?? ''
    relay.asked.push(`${method} ${about}`)
    let body = ''
    for await (const chunk of incoming) body += String(chunk)
    if (relay.instead) return relay.instead(answer)
    switch (method) {
      case 'getRepoStatus':
        return ofAccount(answer, about)
      case 'getHostStatus':
        return relay.host === null
          ? refuse(answer, 404, 'HostNotFound')
          : json(answer, 200, { hostname: about, seq: 5, ...relay.host })
      case 'requestCrawl':
        relay.crawls.push((JSON.parse(body) as { hostname: string }).hostname)
        return void answer.writeHead(200).end()
      default:
        return refuse(answer, 404, 'NotFound')
    }
  }

  function ofAccount(answer: ServerResponse, did: string): void {
    const said = relay.accounts.get(did) ?? 'unknown'
    if (said === 'unknown') return refuse(answer, 404, 'RepoNotFound')
    if (typeof said === 'function') return said(answer, did)
    json(answer, 200, { did, ...said })
  }
}
