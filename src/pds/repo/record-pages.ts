/**
 * Reading a collection page by page, where a PDS does not send its repos whole. It counts when the repo had the same
 * revision before and after it; where that cannot be asked for, when two readings are the same.
 */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../../domain/account.ts'
import { type Failure, ok, type Outcome } from '../../domain/outcome.ts'
import type { RepoRecord } from '../../ports/pds.ts'
import { listRecords } from '../methods.ts'
import { type Asked, checkedPage, PAGE_LIMIT } from './record-answer.ts'
import { newestCommit } from './revisions.ts'
import type { Call, Xrpc } from '../xrpc.ts'

type Repo = Pick<ReadyAccount, 'did' | 'pds'>

/** Readings of a repo that changes under our eyes, before it is left for later. */
const READINGS = 3

/** A collection as it was at one revision. */
interface PagesRead {
  /** Null where the PDS does not tell. */
  readonly rev: string | null
  readonly records: ReadonlyMap<string, RepoRecord>
}

export class RecordPages {
  readonly #xrpc: Xrpc
  readonly #maxRecords: number

  /** @param maxRecords the most that a collection may have */
  constructor(client: Xrpc, maxRecords: number) {
    this.#xrpc = client
    this.#maxRecords = maxRecords
  }

  /**
   * A whole collection. Of what the host answers well, nothing says that it is silent: what fails then is `uncertain`, and
   * `answered`.
   */
  async snapshot(account: Repo, collection: string): Promise<Outcome<PagesRead>> {
    let before = await this.revision(account)
    if (before.kind !== 'ok') return before
    let earlier: ReadonlyMap<string, RepoRecord> | null = null
    for (let reading = 0; reading < READINGS; reading++) {
      const records = await this.#records(account, collection)
      if (records.kind !== 'ok') return before.value === null ? records : ofTheRepo(records)
      const after = await this.revision(account)
      if (after.kind !== 'ok') return after
      const isSame = after.value === null ? earlier !== null && isEqual(earlier, records.value) : true
      if (isSame && after.value === before.value) {
        // Pages show no commit: what they say has nobody's signature.
        return ok({ rev: after.value, commit: null, signed: false, records: records.value })
      }
      ;[before, earlier] = [after, records.value]
    }
    return { kind: 'uncertain', code: 'RepoChanges', answered: true, said: 'another revision after each reading' }
  }

  /** Revision of the newest commit; null where the PDS does not tell. */
  async revision({ pds, did }: Repo): Promise<Outcome<string | null>> {
    const answer = await this.#xrpc.ask(pds, newestCommit(did))
    if (answer.kind === 'ok') return ok(answer.value.rev)
    return refusesMethod(answer) ? ok(null) : answer
  }

  async #records(account: Repo, collection: string): Promise<Outcome<ReadonlyMap<string, RepoRecord>>> {
    const records = new Map<string, RepoRecord>()
    const keys: string[] = []
    const cursors = new Set<string>()
    for (let cursor: string | undefined; ;) {
      const page = await this.#xrpc.ask(account.pds, pageCall({ did: account.did, collection }, keys, cursor))
      if (page.kind !== 'ok') return page
      for (const [rkey, record] of page.value.records) {
        records.set(rkey, record)
        keys.push(rkey)
      }
      cursor = page.value.cursor
      // Often a cursor comes with every page that has records: the end is one without either.
      if (cursor === undefined) return ok(records)
      if (page.value.records.size === 0) return odd('CursorRepeats', 'a page without records that is not the last')
      if (cursors.has(cursor)) return odd('CursorRepeats', 'a cursor that it gave before')
      cursors.add(cursor)
      if (keys.length > this.#maxRecords) return odd('CarTooLarge', 'more records than PDS_MAX_REPO_MB allows')
    }
  }
}

interface Page {
  readonly records: ReadonlyMap<string, RepoRecord>
  readonly cursor: string | undefined
}

function pageCall(asked: Asked, after: readonly string[], cursor: string | undefined): Call<Page> {
  const params = {
    repo: asked.did as l.DidString,
    collection: asked.collection as l.NsidString,
    limit: PAGE_LIMIT,
    ...(cursor === undefined ? {} : { cursor }),
  }
  return async (agent, signal) => {
    const { records, cursor: next } = (await xrpc(agent, listRecords, { params, signal })).body
    return { records: checkedPage(asked, after, records), cursor: next }
  }
}

/** Whether the host has answered, and does not do what this method promises, for whatever reason: another may be tried. */
export function refusesMethod(failure: Failure): boolean {
  return (
    failure.kind === 'rejected' || (failure.kind === 'uncertain' && (failure.answered || failure.said !== undefined))
  )
}

/** An answer of a host that answers other methods well tells something of this repo, and not that the host is silent. */
export function ofTheRepo(failure: Failure): Failure {
  return failure.kind === 'uncertain' && failure.said !== undefined ? { ...failure, answered: true } : failure
}

function odd(code: string, said: string): Failure {
  return { kind: 'uncertain', code, answered: true, said }
}

function isEqual(one: ReadonlyMap<string, RepoRecord>, other: ReadonlyMap<string, RepoRecord>): boolean {
  return one.size === other.size && [...one].every(([rkey, { cid }]) => other.get(rkey)?.cid === cid)
}
