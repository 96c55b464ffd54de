/** Writes repos over XRPC, in the name of their accounts. */

import { type Agent, xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../domain/account.ts'
import { pointsOf, RESERVED_FOR_DELETES } from '../domain/budget.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import { uriOf } from '../domain/record.ts'
import type { Cost } from './governor.ts'
import { applyWrites, deleteRecord, putRecord } from './methods.ts'
import type { Sessions } from './sessions.ts'
import type { Call, Xrpc } from './xrpc.ts'

/** Refusals of a token, which another token may mend. */
const OF_THE_TOKEN = new Set(['ExpiredToken', 'InvalidToken', 'AuthMissing', 'AuthenticationRequired'])

type Did = l.DidString
type Nsid = l.NsidString

export class RepoWriter {
  readonly #sessions: Sessions
  readonly #xrpc: Xrpc

  constructor(sessions: Sessions, client: Xrpc) {
    this.#sessions = sessions
    this.#xrpc = client
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

  async #send(
    account: ReadyAccount,
    token: string,
    collection: string,
    writes: readonly RepoWrite[],
    abort: AbortSignal,
  ): Promise<Outcome> {
    const target = { repo: account.did as Did, collection: collection as Nsid }
    const [only] = writes
    const call: Call<Proof> = (agent, signal) =>
      writes.length === 1 && only !== undefined
        ? writeOne(agent, target, only, signal)
        : writeAll(agent, target, writes, signal)
    const share = writes.every((write) => write.action === 'delete') ? 1 : 1 - RESERVED_FOR_DELETES
    const costs: Cost[] = [
      { budget: 'points', of: account.did, amount: pointsOf(writes), share },
      { budget: 'events', of: account.pds, amount: 1, share },
    ]
    const answer = await this.#xrpc.ask(account.pds, call, { authorization: `Bearer ${token}`, costs, abort })
    return answer.kind === 'ok' ? believed(answer.value) : answer
  }
}

/** What the answer to a write says about it: that it speaks of what was sent, of something else, or not at all. */
type Proof = 'ours' | 'another' | 'none'

/**
 * A write is believed if its answer speaks of what was sent. Anything else may have come from something that stands before the PDS:
 * only a reading can tell what the repo holds.
 */
function believed(proof: Proof): Outcome {
  switch (proof) {
    case 'ours':
      return ok(undefined)
    case 'another':
      return { kind: 'uncertain', code: 'AnotherRecord', answered: false }
    case 'none':
      return { kind: 'uncertain', code: 'NoResults', answered: false }
  }
}

interface Target {
  readonly repo: Did
  readonly collection: Nsid
}

/** A single write names what it replaces, so that it cannot overwrite what we have not seen. */
async function writeOne(agent: Agent, target: Target, write: RepoWrite, signal: AbortSignal): Promise<Proof> {
  const { rkey } = write
  if (write.action === 'delete') {
    await xrpc(agent, deleteRecord, { body: { ...target, rkey }, signal })
    // Whoever deletes reads the repo afterwards.
    return 'ours'
  }
  const swapRecord = write.action === 'create' ? null : write.was
  const answer = await xrpc(agent, putRecord, { body: { ...target, rkey, record: write.value, swapRecord }, signal })
  return proofOf(target, write, answer.body)
}

/** One commit. A create of what exists, or a delete of what does not, undoes it all with a 500: hence `uncertain`. */
async function writeAll(
  agent: Agent,
  target: Target,
  writes: readonly RepoWrite[],
  signal: AbortSignal,
): Promise<Proof> {
  const { repo, collection } = target
  const operations = writes.map((write) => ({
    $type: `com.atproto.repo.applyWrites#${write.action}`,
    collection,
    rkey: write.rkey,
    ...(write.action === 'delete' ? {} : { value: write.value }),
  }))
  const { results } = (await xrpc(agent, applyWrites, { body: { repo, writes: operations }, signal })).body
  if (writes.every(({ action }) => action === 'delete')) return 'ours'
  // The method leaves its results to the server; without them there is no telling what has answered.
  if (results === undefined) return 'none'
  if (results.length !== writes.length) return 'another'
  return writes.every((write, i) => proofOf(target, write, results[i]!) === 'ours') ? 'ours' : 'another'
}

function proofOf(
  { repo, collection }: Target,
  write: RepoWrite,
  { uri, cid }: Readonly<Record<string, unknown>>,
): Proof {
  if (write.action === 'delete') return 'ours'
  return uri === uriOf(repo, write.rkey, collection) && cid === write.cid ? 'ours' : 'another'
}
