/** A PDS whose reads come from a copy that is behind: it shows a repo as it was before the writes that it has not seen yet. */

import type { ServerResponse } from 'node:http'
import { type Asked, Gateway, pass } from './gateway.ts'

/** Reads of a record or of its repo, with what names the repo in each. */
const READS = {
  'com.atproto.repo.getRecord': 'repo',
  'com.atproto.repo.listRecords': 'repo',
  'com.atproto.sync.getRecord': 'did',
  'com.atproto.sync.getRepo': 'did',
  'com.atproto.sync.getLatestCommit': 'did',
} as const

type Read = keyof typeof READS

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

interface Write {
  readonly repo: string
  readonly collection: string
  readonly rkey: string
}

export class LaggingPds implements AsyncDisposable {
  isBehind = false
  #gateway!: Gateway
  /** What the copy answers, by method, repo and record. */
  readonly #old = new Map<string, Answer>()

  static async start(target: string): Promise<LaggingPds> {
    const pds = new LaggingPds()
    pds.#gateway = await Gateway.start(target, (asked, outgoing) => pds.#handle(asked, outgoing))
    return pds
  }

  get url(): string {
    return this.#gateway.url
  }

  /** The copy has seen all writes, and sees the next ones at once. */
  catchUp(): void {
    this.isBehind = false
    this.#old.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway[Symbol.asyncDispose]()
  }

  async #handle(asked: Asked, outgoing: ServerResponse): Promise<void> {
    const { method, incoming } = asked
    const query = new URL(asked.url, this.url).searchParams
    if (method in READS) {
      const repo = query.get(READS[method as Read]) ?? ''
      const old = this.#old.get(keyOf(method, repo, query.get('rkey')))
      if (old) return void outgoing.writeHead(old.status, { 'content-type': old.type }).end(old.body)
    } else if (this.isBehind && incoming.method === 'POST' && method.startsWith('com.atproto.repo.')) {
      const { repo, writes, ...one } = JSON.parse(asked.body.toString()) as Write & {
        readonly writes?: readonly Write[]
      }
      for (const write of writes ?? [{ ...one, repo }]) await this.#keep({ ...write, repo })
    }
    return this.#gateway.forward(asked, (answer) => pass(answer, outgoing))
  }

  async #keep({ repo, collection, rkey }: Write): Promise<void> {
    for (const [method, name] of Object.entries(READS)) {
      const isOfRecord = method.endsWith('getRecord')
      const key = keyOf(method, repo, isOfRecord ? rkey : null)
      if (this.#old.has(key)) continue
      const query = new URLSearchParams({ [name]: repo, collection, ...(isOfRecord ? { rkey } : {}) })
      const answer = await fetch(`${this.#gateway.target}/xrpc/${method}?${query.toString()}`)
      const body = Buffer.from(await answer.arrayBuffer())
      this.#old.set(key, { status: answer.status, type: answer.headers.get('content-type') ?? '', body })
    }
  }
}

function keyOf(method: string, repo: string, rkey: string | null): string {
  return `${method} ${repo} ${rkey ?? ''}`
}
