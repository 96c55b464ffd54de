/** Asks PLC directory and PDSes what anyone may ask, over XRPC and without authorisation. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { AuditedRecord } from '../domain/audit.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { CommitFeed, Directory, Identity, RepoStatus } from '../ports/directory.ts'
import { Firehose } from './firehose.ts'
import { askIdentity, isDid } from './identity.ts'
import { describeRepo, listRecords, resolveHandle } from './methods.ts'
import { askRepoStatus } from './repo-status.ts'
import { checkedPage, PAGE_LIMIT } from './repo/record-answer.ts'
import type { Call, Xrpc } from './xrpc.ts'

type Did = l.DidString

/** Of the requests that a PDS allows; the rest is left for the engine. */
const SHARE = 0.5

export interface DirectoryOptions {
  /** Directory of the did:plc accounts. */
  readonly plcUrl: string
  /** How long a look-up of a DID may take, in milliseconds. */
  readonly timeoutMs: number
}

export class PdsDirectory implements Directory {
  readonly #xrpc: Xrpc
  readonly #options: DirectoryOptions

  constructor(client: Xrpc, options: DirectoryOptions) {
    this.#xrpc = client
    this.#options = options
  }

  async identity(did: string): Promise<Outcome<Identity>> {
    if (!isDid(did)) return ok({ kind: 'invalid' })
    return askIdentity(did, this.#options.plcUrl, this.#options.timeoutMs)
  }

  repoStatus(pds: string, did: string, abort?: AbortSignal): Promise<Outcome<RepoStatus>> {
    return askRepoStatus(this.#xrpc, pds, did, { share: SHARE, abort })
  }

  handleOf(pds: string, did: string, abort?: AbortSignal): Promise<Outcome<string>> {
    const params = { repo: did as Did }
    return this.#ask(pds, abort, async (agent, signal) => {
      return (await xrpc(agent, describeRepo, { params, signal })).body.handle
    })
  }

  resolveHandle(pds: string, handle: string, abort?: AbortSignal): Promise<Outcome<string>> {
    const params = { handle: handle as l.HandleString }
    return this.#ask(pds, abort, async (agent, signal) => {
      return (await xrpc(agent, resolveHandle, { params, signal })).body.did
    })
  }

  async latestRecords(
    pds: string,
    did: string,
    collection: string,
  ): Promise<Outcome<ReadonlyMap<string, AuditedRecord>>> {
    const params = { repo: did as Did, collection: collection as l.NsidString, limit: PAGE_LIMIT }
    return this.#ask(pds, undefined, async (agent, signal) => {
      const { records } = (await xrpc(agent, listRecords, { params, signal })).body
      return checkedPage({ did, collection }, [], records)
    })
  }

  #ask<T>(pds: string, abort: AbortSignal | undefined, call: Call<T>): Promise<Outcome<T>> {
    return this.#xrpc.ask(pds, call, { share: SHARE, abort })
  }

  follow(pds: string, did: string, signal: AbortSignal): Promise<CommitFeed> {
    return Firehose.connect(pds, did, signal)
  }
}
