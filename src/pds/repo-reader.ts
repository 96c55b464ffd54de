/** Reads repos over XRPC: single records, whole repos, and which repos a PDS has. */

import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../domain/account.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import { cidOf } from '../domain/record.ts'
import type { RepoRecord, RepoSnapshot } from '../ports/pds.ts'
import { collectionOf, snapshotOf } from './car.ts'
import { askIdentity, type PublicKey } from './identity.ts'
import { getRecord, getRepo, listRepos } from './methods.ts'
import type { Call, Xrpc } from './xrpc.ts'

/** Up to this many records are read one by one, a request each; more are read with the whole repo, in one. */
const READ_SINGLY = 8

/** A whole repo may take this many times as long as one record. */
const WHOLE_REPO = 12

const PLC_TIMEOUT_MS = 5_000

type Did = l.DidString
type Nsid = l.NsidString

export class RepoReader {
  readonly #xrpc: Xrpc
  readonly #plcUrl: string

  /** @param plcUrl directory that knows the accounts' keys */
  constructor(client: Xrpc, plcUrl: string) {
    this.#xrpc = client
    this.#plcUrl = plcUrl
  }

  async read(
    account: ReadyAccount,
    collection: string,
    rkeys: readonly string[],
  ): Promise<Outcome<ReadonlyMap<string, string | null>>> {
    const found = new Map<string, string | null>()
    if (rkeys.length > READ_SINGLY) {
      const whole = await this.list(account, collection)
      if (whole.kind !== 'ok') return whole
      for (const rkey of rkeys) found.set(rkey, whole.value.get(rkey) ?? null)
      return ok(found)
    }
    const calls = rkeys.map((rkey) => recordCall(account, collection, rkey))
    const answers = await this.#xrpc.askAll(account.pds, calls)
    if (answers.kind !== 'ok') return answers
    for (const [i, each] of answers.value.entries()) {
      const answer = orAbsent(each)
      if (answer.kind !== 'ok') return answer
      found.set(rkeys[i]!, answer.value?.cid ?? null)
    }
    return ok(found)
  }

  list(account: ReadyAccount, collection: string): Promise<Outcome<ReadonlyMap<string, string>>> {
    return this.#whole(account, (car) => collectionOf(car, account.did, collection))
  }

  async #whole<T>(account: ReadyAccount, read: (car: Uint8Array) => T | Promise<T>): Promise<Outcome<T>> {
    const params = { did: account.did as Did }
    const call: Call<Uint8Array> = async (agent, signal) => (await xrpc(agent, getRepo, { params, signal })).body
    const answer = await this.#xrpc.ask(account.pds, call, { patience: WHOLE_REPO })
    if (answer.kind !== 'ok') return answer
    try {
      return ok(await read(answer.value))
    } catch {
      // Cut short or damaged on the way: as good as no answer.
      return { kind: 'uncertain', code: 'UnreadableRepo', answered: true }
    }
  }

  async snapshot(account: ReadyAccount, collection: string, verify: boolean): Promise<Outcome<RepoSnapshot>> {
    const key = verify ? await this.#signingKey(account) : ok(null)
    if (key.kind !== 'ok') return key
    return this.#whole(account, (car) => snapshotOf(car, account.did, collection, key.value))
  }

  /** The key that signs a repo's commits. */
  async #signingKey({ did }: ReadyAccount): Promise<Outcome<PublicKey>> {
    const answer = await askIdentity(did, this.#plcUrl, PLC_TIMEOUT_MS)
    if (answer.kind !== 'ok') return answer
    const identity = answer.value
    if (identity.kind === 'known' && identity.signingKey !== null) return ok(identity.signingKey)
    return { kind: 'rejected', code: 'UnknownDid', message: `there is no signing key of ${did}` }
  }

  async revisions(pds: string): Promise<Outcome<ReadonlyMap<string, string>>> {
    const revs = new Map<string, string>()
    for (let cursor: string | undefined; ;) {
      const params = { limit: 1000, ...(cursor === undefined ? {} : { cursor }) }
      const page = await this.#xrpc.ask(pds, async (agent, signal) => {
        return (await xrpc(agent, listRepos, { params, signal })).body
      })
      if (page.kind !== 'ok') return page
      for (const { did, rev } of page.value.repos) revs.set(did, rev)
      cursor = page.value.cursor
      if (cursor === undefined || page.value.repos.length === 0) return ok(revs)
    }
  }

  async get(
    repo: Pick<ReadyAccount, 'did' | 'pds'>,
    collection: string,
    rkey: string,
    by: 'operator' | 'anyone' = 'operator',
  ): Promise<Outcome<RepoRecord | null>> {
    const isForReaders = by === 'anyone'
    return orAbsent(await this.#xrpc.ask(repo.pds, recordCall(repo, collection, rkey), { isForReaders }))
  }

  async reach(pds: string): Promise<Outcome> {
    const answer = await this.#xrpc.askAll(pds, [])
    return answer.kind === 'ok' ? ok(undefined) : answer
  }
}

function recordCall({ did }: Pick<ReadyAccount, 'did'>, collection: string, rkey: string): Call<RepoRecord> {
  const params = { repo: did as Did, collection: collection as Nsid, rkey }
  return async (agent, signal) => recordIn((await xrpc(agent, getRecord, { params, signal })).body)
}

/** A record as it was answered. A PDS may leave out its CID, which follows from the content. */
export function recordIn({
  uri,
  cid,
  value,
}: Omit<RepoRecord, 'cid' | 'value'> & { cid?: string; value: l.LexMap }): RepoRecord {
  return { uri, cid: cid ?? cidOf(value), value }
}

/** Null for a record that is not there. */
function orAbsent(answer: Outcome<RepoRecord>): Outcome<RepoRecord | null> {
  return answer.kind === 'rejected' && answer.code === 'RecordNotFound' ? ok(null) : answer
}
