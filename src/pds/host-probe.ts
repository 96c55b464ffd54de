/**
 * Finds out what holds on a host, by test records in the repo of one of its accounts. They are in a collection of their own, where
 * nobody takes them for moods, and are deleted again.
 *
 * A host is believed to protect what is there only if it refuses to write over it, and a reading shows that it did not.
 */

import { randomInt, randomUUID } from 'node:crypto'
import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { ReadyAccount } from '../domain/account.ts'
import { type HostTraits, REFERENCE, type Swap } from '../domain/host-facts.ts'
import { codeOf, type Failure, isLostSwap, ok, type Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import { cidOf, rkeyFor } from '../domain/record.ts'
import { getBlocks, getRepo } from './methods.ts'
import type { RepoReader } from './repo/repo-reader.ts'
import type { RepoWriter, SwapForms } from './repo/repo-writer.ts'
import type { Call, Xrpc } from './xrpc.ts'

/** The collection of test records. */
const COLLECTION = 'computer.aesthetic.probe'

const CONTENTS = ['first', 'second', 'third', 'never written'].map((note) => {
  const value = { $type: COLLECTION, note: `A test of what this server does with records, soon deleted: ${note}.` }
  return { value, cid: cidOf(value) }
})

/** Requests for one answer: of those whose answers are lost, or may be a gateway's. */
const TRIES = 6
/** What may be a gateway's answer counts if it comes so often in a row. */
const IN_A_ROW = 2
/** Codes of answers by which hosts refuse what they do not know, or what is not as it should be; gateways seldom give them. */
const REFUSALS = new Set([
  'InternalServerError',
  'MethodNotImplemented',
  'XRPCNotSupported',
  'NoResults',
  'Status400',
  'Status404',
  'Status405',
  'Status409',
  'Status412',
  'Status422',
  'Status500',
  'Status501',
])

/** What was written, as the host says, is not there, or what was not: whoever answers, it is no PDS. */
const NONSENSE: Failure = { kind: 'uncertain', code: 'HostContradictsItself', answered: true }

/** Why the host cannot be asked now. */
class Stopped extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(codeOf(failure))
    this.failure = failure
  }
}

export interface ProbeParts {
  readonly writer: RepoWriter
  readonly reader: RepoReader
  readonly xrpc: Xrpc
}

/**
 * @param account in whose repo the test records are written
 * @param signal ends it early; what was written is deleted all the same
 * @returns what holds; or why it cannot be found out now
 */
export async function probeHost(
  parts: ProbeParts,
  account: ReadyAccount,
  signal: AbortSignal,
): Promise<Outcome<HostTraits>> {
  const probe = new Probe(parts, account, signal)
  try {
    return ok(await probe.run())
  } catch (error) {
    if (error instanceof Stopped) return error.failure
    throw error
  } finally {
    await probe.cleanUp()
  }
}

class Probe {
  readonly #parts: ProbeParts
  readonly #account: ReadyAccount
  readonly #signal: AbortSignal
  readonly #name = randomUUID()
  readonly #when = randomInt(2 ** 42)
  /** Keys under which a record may be. */
  readonly #used = new Set<string>()

  constructor(parts: ProbeParts, account: ReadyAccount, signal: AbortSignal) {
    this.#parts = parts
    this.#account = account
    this.#signal = signal
  }

  async run(): Promise<HostTraits> {
    const authorised = await this.#parts.writer.authorise(this.#account)
    if (authorised.kind !== 'ok') throw new Stopped(authorised)
    const nullSwap = await this.#nullSwap()
    const cidSwap = await this.#cidSwap()
    const did = this.#account.did as l.DidString
    const cids = [CONTENTS[(await this.#contentAt(0)) ?? 0]!.cid]
    const blocks = await this.#read((agent, signal) => xrpc(agent, getBlocks, { params: { did, cids }, signal }))
    const repo = await this.#read((agent, signal) => xrpc(agent, getRepo, { params: { did }, signal }))
    const batches = await this.#batches()
    const deletion = { action: 'delete', rkey: this.#rkey(0) } as const
    await this.#write([deletion])
    const again = await this.#write([deletion])
    return { nullSwap, cidSwap, batches, deletesNothing: again === null, getBlocks: blocks, getRepo: repo }
  }

  /** Deletes whatever may be there, as far as the host allows it. */
  async cleanUp(): Promise<void> {
    const { writer } = this.#parts
    const deletions = [...this.#used].map((rkey) => ({ action: 'delete', rkey }) as const)
    for (const deletion of deletions) {
      for (let i = 0; i < TRIES; i++) {
        const outcome = await writer.write(this.#account, COLLECTION, [deletion], new AbortController().signal)
        if (outcome.kind !== 'uncertain' || isLostSwap(outcome)) break
      }
    }
  }

  async #nullSwap(): Promise<Swap> {
    const refusal = await this.#write([this.#creation(0, 0)])
    if ((await this.#contentAt(0)) === null) {
      if (refusal === null) throw new Stopped(NONSENSE)
      const without = await this.#write([this.#creation(0, 0)], { ...REFERENCE, nullSwap: 'refused' })
      if ((await this.#contentAt(0)) === null) throw new Stopped(without ?? NONSENSE)
      return 'refused'
    }
    const over = await this.#write([this.#creation(0, 1)])
    return (await this.#protects(over, 0)) ? 'protects' : 'ignored'
  }

  async #cidSwap(): Promise<Swap> {
    const before = await this.#contentAt(0)
    if (before === null) throw new Stopped(NONSENSE)
    const wrong = await this.#write([this.#update(2, 3)])
    if (!(await this.#protects(wrong, before))) return 'ignored'
    await this.#write([this.#update(2, before)])
    return (await this.#contentAt(0)) === 2 ? 'protects' : 'refused'
  }

  async #batches(): Promise<HostTraits['batches']> {
    const refusal = await this.#write([this.#creation(1, 0), this.#creation(2, 0)])
    // Carried out, but in an answer that says nothing: then a batch proves nothing.
    if (refusal !== null && codeOf(refusal) === 'NoResults') return 'none'
    if ((await this.#contentAt(1)) === null) return 'none'
    const over = await this.#write([this.#creation(1, 1), this.#creation(3, 0)])
    return (await this.#protects(over, 0, 1)) ? 'protected' : 'unprotected'
  }

  /** Whether a write over this content was refused, and is not there. */
  async #protects(refusal: Failure | null, content: number, n = 0): Promise<boolean> {
    return (await this.#contentAt(n)) === content && refusal !== null
  }

  async #read(call: Call<unknown>): Promise<boolean> {
    const { pds } = this.#account
    return (await this.#answer(() => this.#parts.xrpc.ask(pds, call, { abort: this.#signal, patience: 2 }))) === null
  }

  #write(writes: readonly RepoWrite[], forms: SwapForms = REFERENCE): Promise<Failure | null> {
    for (const { action, rkey } of writes) if (action !== 'delete') this.#used.add(rkey)
    return this.#answer(() => this.#parts.writer.write(this.#account, COLLECTION, writes, this.#signal, forms))
  }

  /** Asks until there is an answer that tells something. @returns how it was refused; null when it was not */
  async #answer(ask: () => Promise<Outcome<unknown>>): Promise<Failure | null> {
    let last: Failure | null = null
    for (let i = 0, inARow = 0; i < TRIES; i++) {
      const outcome = await ask()
      if (outcome.kind === 'ok') return null
      if (outcome.kind === 'rejected' || isLostSwap(outcome)) return outcome
      if (outcome.kind !== 'uncertain' || this.#signal.aborted) throw new Stopped(outcome)
      inARow = REFUSALS.has(outcome.code) ? inARow + 1 : 0
      if (inARow >= IN_A_ROW) return outcome
      last = outcome
    }
    throw new Stopped(last ?? NONSENSE)
  }

  /** Which content is under a key; null for none, as far as the host can say so. */
  async #contentAt(n: number): Promise<number | null> {
    let last: Failure = NONSENSE
    for (let i = 0; i < TRIES; i++) {
      const answer = await this.#parts.reader.read(this.#account, COLLECTION, [this.#rkey(n)])
      const cid = answer.kind === 'ok' ? answer.value.cids.get(this.#rkey(n)) : undefined
      if (cid !== undefined) {
        const found = CONTENTS.findIndex((content) => content.cid === cid)
        return found === -1 ? null : found
      }
      last = answer.kind === 'ok' ? (answer.value.unread.get(this.#rkey(n)) ?? NONSENSE) : answer
    }
    if (last.kind === 'uncertain' && REFUSALS.has(last.code)) return null
    throw new Stopped(last)
  }

  #creation(n: number, content: number): RepoWrite {
    return { action: 'create', rkey: this.#rkey(n), ...CONTENTS[content]! }
  }

  /** @param was the content that the write says to replace */
  #update(content: number, was: number): RepoWrite {
    return { action: 'update', rkey: this.#rkey(0), ...CONTENTS[content]!, was: CONTENTS[was]!.cid }
  }

  #rkey(n: number): string {
    return rkeyFor(this.#when, this.#name, n)
  }
}
