/** Reads and writes repos over XRPC. */

import { type Agent, xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../domain/account.ts'
import { pointsOf, RESERVED_FOR_DELETES } from '../domain/budget.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import type { RepoClient, RepoRecord, RepoSnapshot } from '../ports/pds.ts'
import { collectionOf, snapshotOf } from './car.ts'
import { askIdentity, type PublicKey } from './identity.ts'
import { applyWrites, deleteRecord, getRecord, getRepo, listRepos, putRecord } from './methods.ts'
import type { Cost } from './governor.ts'
import type { Sessions } from './sessions.ts'
import type { Call, Xrpc } from './xrpc.ts'

/** Up to this many records are read one by one, a request each; more are read with the whole repo, in one. */
const READ_SINGLY = 8

/** A whole repo may take this many times as long as one record. */
const WHOLE_REPO = 12

const PLC_TIMEOUT_MS = 5_000

/** Refusals of a token, which another token may mend. */
const OF_THE_TOKEN = new Set(['ExpiredToken', 'InvalidToken', 'AuthMissing', 'AuthenticationRequired'])

type Did = l.DidString
type Nsid = l.NsidString

export class PdsClient implements RepoClient {
  readonly #sessions: Sessions
  readonly #xrpc: Xrpc
  readonly #plcUrl: string

  /** @param plcUrl directory that knows the accounts' keys */
  constructor(sessions: Sessions, client: Xrpc, plcUrl: string) {
    this.#sessions = sessions
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
  ): Promise<Outcome<RepoRecord | null>> {
    return orAbsent(await this.#xrpc.ask(repo.pds, recordCall(repo, collection, rkey)))
  }

  async reach(pds: string): Promise<Outcome> {
    const answer = await this.#xrpc.askAll(pds, [])
    return answer.kind === 'ok' ? ok(undefined) : answer
  }

  async write(
    account: ReadyAccount,
    collection: string,
    writes: readonly RepoWrite[],
    signal: AbortSignal,
  ): Promise<Outcome> {
    let token = await this.#sessions.token(account)
    if (token.kind !== 'ok') return token
    let outcome = await this.#send(account, token.value, collection, writes, signal)
    if (outcome.kind === 'unauthorized' && OF_THE_TOKEN.has(outcome.code)) {
      // Refused before anything was done, so the same request may be sent again with another token.
      token = await this.#sessions.token(account, token.value)
      if (token.kind !== 'ok') return token
      outcome = await this.#send(account, token.value, collection, writes, signal)
    }
    return outcome
  }

  #send(
    account: ReadyAccount,
    token: string,
    collection: string,
    writes: readonly RepoWrite[],
    abort: AbortSignal,
  ): Promise<Outcome> {
    const target = { repo: account.did as Did, collection: collection as Nsid }
    const [only] = writes
    const call: Call<void> = (agent, signal) =>
      writes.length === 1 && only !== undefined
        ? writeOne(agent, target, only, signal)
        : writeAll(agent, target, writes, signal)
    const share = writes.every((write) => write.action === 'delete') ? 1 : 1 - RESERVED_FOR_DELETES
    const costs: Cost[] = [
      { budget: 'points', of: account.did, amount: pointsOf(writes), share },
      { budget: 'events', of: account.pds, amount: 1, share },
    ]
    return this.#xrpc.ask(account.pds, call, { authorization: `Bearer ${token}`, costs, abort })
  }
}

function recordCall({ did }: Pick<ReadyAccount, 'did'>, collection: string, rkey: string): Call<RepoRecord> {
  const params = { repo: did as Did, collection: collection as Nsid, rkey }
  return async (agent, signal) => (await xrpc(agent, getRecord, { params, signal })).body
}

/** Null for a record that is not there. */
function orAbsent(answer: Outcome<RepoRecord>): Outcome<RepoRecord | null> {
  return answer.kind === 'rejected' && answer.code === 'RecordNotFound' ? ok(null) : answer
}

interface Target {
  readonly repo: Did
  readonly collection: Nsid
}

/** A single write names what it replaces, so that it cannot overwrite what we have not seen. */
async function writeOne(agent: Agent, target: Target, write: RepoWrite, signal: AbortSignal): Promise<void> {
  if (write.action === 'delete') {
    await xrpc(agent, deleteRecord, { body: { ...target, rkey: write.rkey }, signal })
  } else {
    const swapRecord = write.action === 'create' ? null : write.was
    await xrpc(agent, putRecord, { body: { ...target, rkey: write.rkey, record: write.value, swapRecord }, signal })
  }
}

/** One commit. A create of what exists, or a delete of what does not, undoes it all with a 500: hence `uncertain`. */
async function writeAll(
  agent: Agent,
  { repo, collection }: Target,
  writes: readonly RepoWrite[],
  signal: AbortSignal,
): Promise<void> {
  const operations = writes.map((write) => ({
    $type: `com.atproto.repo.applyWrites#${write.action}`,
    collection,
    rkey: write.rkey,
    ...(write.action === 'delete' ? {} : { value: write.value }),
  }))
  await xrpc(agent, applyWrites, { body: { repo, writes: operations }, signal })
}
