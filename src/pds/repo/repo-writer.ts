/** Writes repos over XRPC, in the name of their accounts. */

import { type Agent, xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../../domain/account.ts'
import { pointsOf, RESERVED_FOR_DELETES } from '../../domain/budget.ts'
import { type HostTraits, REFERENCE } from '../../domain/host-facts.ts'
import { ok, type Outcome } from '../../domain/outcome.ts'
import type { RepoWrite } from '../../domain/plan.ts'
import { uriOf } from '../../domain/record.ts'
import type { Cost } from '../governor.ts'
import { isOfToken } from '../known-errors.ts'
import { applyWrites, deleteRecord, putRecord } from '../methods.ts'
import type { Sessions } from '../sessions.ts'
import { OddAnswer } from '../transport.ts'
import type { Call, Xrpc } from '../xrpc.ts'

type Did = l.DidString
type Nsid = l.NsidString

/** Which forms of `swapRecord` the host of a write takes. */
export type SwapForms = Pick<HostTraits, 'nullSwap' | 'cidSwap'>

export class RepoWriter {
  readonly #sessions: Sessions
  readonly #xrpc: Xrpc

  constructor(sessions: Sessions, client: Xrpc) {
    this.#sessions = sessions
    this.#xrpc = client
  }

  /** Whether the account can be written to, as far as its tokens tell. */
  async authorise(account: ReadyAccount): Promise<Outcome> {
    const token = await this.#sessions.token(account)
    return token.kind === 'ok' ? ok(undefined) : token
  }

  async write(
    account: ReadyAccount,
    collection: string,
    writes: readonly RepoWrite[],
    signal: AbortSignal,
    forms: SwapForms = REFERENCE,
  ): Promise<Outcome> {
    const target = { repo: account.did as Did, collection: collection as Nsid }
    const [only] = writes
    const call: Call<boolean> = (agent, abort) =>
      writes.length === 1 && only !== undefined
        ? writeOne(agent, target, only, forms, abort)
        : writeAll(agent, target, writes, abort)
    let token = await this.#sessions.token(account)
    if (token.kind !== 'ok') return token
    let outcome = await this.#send(account, token.value, call, writes, signal)
    if (outcome.kind === 'unauthorized' && isOfToken(outcome.code)) {
      // Refused before anything was done, so the same request may be sent again with another token.
      token = await this.#sessions.token(account, token.value)
      if (token.kind !== 'ok') return token
      outcome = await this.#send(account, token.value, call, writes, signal)
      // A token that was given just now is no good: whoever gave it, or took it away on the way, is at fault, and not the account.
      if (outcome.kind === 'unauthorized' && isOfToken(outcome.code)) {
        return { kind: 'uncertain', code: outcome.code, answered: true }
      }
    }
    return outcome
  }

  async #send(
    account: ReadyAccount,
    token: string,
    call: Call<boolean>,
    writes: readonly RepoWrite[],
    abort: AbortSignal,
  ): Promise<Outcome> {
    const share = writes.every((write) => write.action === 'delete') ? 1 : 1 - RESERVED_FOR_DELETES
    const costs: Cost[] = [
      { budget: 'points', of: account.did, amount: pointsOf(writes), share },
      { budget: 'events', of: account.pds, amount: 1, share },
    ]
    const answer = await this.#xrpc.ask(account.pds, call, { authorization: `Bearer ${token}`, costs, abort })
    if (answer.kind !== 'ok') return answer
    // Without results there is no telling what was done: only a reading can.
    return answer.value ? ok(undefined) : { kind: 'uncertain', code: 'NoResults', answered: true }
  }
}

interface Target {
  readonly repo: Did
  readonly collection: Nsid
}

/**
 * A single write names what it replaces, so that it cannot overwrite what we have not seen.
 *
 * @returns whether the answer tells what was done
 */
async function writeOne(
  agent: Agent,
  target: Target,
  write: RepoWrite,
  { nullSwap, cidSwap }: SwapForms,
  signal: AbortSignal,
): Promise<boolean> {
  const { rkey } = write
  if (write.action === 'delete') {
    await xrpc(agent, deleteRecord, { body: { ...target, rkey }, signal })
    // Whoever deletes reads the repo afterwards.
    return true
  }
  const isTaken = (write.action === 'create' ? nullSwap : cidSwap) !== 'refused'
  const swap = isTaken ? { swapRecord: write.action === 'create' ? null : write.was } : {}
  const answer = await xrpc(agent, putRecord, { body: { ...target, rkey, record: write.value, ...swap }, signal })
  requireOurs(target, write, answer.body)
  return true
}

/**
 * One commit. A create of what exists, or a delete of what does not, undoes it all with a 500: hence `uncertain`.
 *
 * @returns whether the answer tells what was done: the method leaves its results to the server
 */
async function writeAll(
  agent: Agent,
  target: Target,
  writes: readonly RepoWrite[],
  signal: AbortSignal,
): Promise<boolean> {
  const { repo, collection } = target
  const operations = writes.map((write) => ({
    $type: `com.atproto.repo.applyWrites#${write.action}`,
    collection,
    rkey: write.rkey,
    ...(write.action === 'delete' ? {} : { value: write.value }),
  }))
  const { results } = (await xrpc(agent, applyWrites, { body: { repo, writes: operations }, signal })).body
  if (writes.every(({ action }) => action === 'delete')) return true
  if (results === undefined) return false
  if (results.length !== writes.length) throw another()
  for (const [i, write] of writes.entries()) requireOurs(target, write, results[i]!)
  return true
}

/** @throws {OddAnswer} where the result speaks of something else: it may have come from something that stands before the PDS */
function requireOurs({ repo, collection }: Target, write: RepoWrite, result: Readonly<Record<string, unknown>>): void {
  if (write.action === 'delete') return
  if (result['uri'] !== uriOf(repo, write.rkey, collection) || result['cid'] !== write.cid) throw another()
}

function another(): OddAnswer {
  return new OddAnswer('AnotherRecord', '200 about another record')
}
