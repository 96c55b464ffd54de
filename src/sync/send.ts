/** Sends one pass's writes to its repo, keeps their results, and remembers what is not certain about the repo. */

import type { ReadyAccount } from '../domain/account.ts'
import { backoffMs } from '../domain/backoff.ts'
import { chunks } from '../domain/chunks.ts'
import { answered, type Doubt, handedOn, inherited, resultDropped, sending, workedOff } from '../domain/doubt.ts'
import { type HostFacts, isGuarded } from '../domain/host-facts.ts'
import type { Mood } from '../domain/mood.ts'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import { inPlace, type RepoWrite, type Step } from '../domain/plan.ts'
import { COLLECTION, uriOf } from '../domain/record.ts'
import { delayed, failed, rejected } from '../domain/sync.ts'
import type { Events } from '../observe/events.ts'
import type { Clock } from '../ports/clock.ts'
import type { RepoClient } from '../ports/pds.ts'
import type { Lease, Release } from '../domain/queue.ts'
import type { Settlement, Store } from '../ports/store.ts'
import type { KnownHosts } from './known-hosts.ts'

/** Points between two steps at which a process may die; tests let it die there. */
export type Seam = 'after-claim' | 'before-write' | 'after-write' | 'after-settle'

export interface SendDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly hosts: KnownHosts
  readonly clock: Clock
  readonly random: () => number
  readonly events: Events
  /** Called when moods have changed. */
  readonly changed: () => void
  readonly seam: (name: Seam) => void
  /** Told of moods whose rows refuse a result, where somebody waits for it. @param ids at least one */
  readonly refused?: ((user: string, ids: readonly string[]) => void) | undefined
}

type WriteStep = Extract<Step, { kind: 'write' }>

/** Refusals of one mood that may not be repeated, before it is given up. A deletion never is. */
const MAX_ATTEMPTS = 5
/** Refusals that will be repeated. */
const TERMINAL = new Set(['InvalidRequest', 'InvalidRecord', 'PayloadTooLarge', 'PayloadTooLargeError'])

export class Sender {
  readonly #deps: SendDeps
  readonly #lease: Lease
  readonly #lost: AbortSignal
  #doubt: Doubt
  #hasSettled = false
  /** Record keys deleted in this pass; one that is still there afterwards is not deleted in a loop. */
  readonly #deleted = new Set<string>()
  /**
   * What was written in this pass to a host that does not compare, by record key: only a reading settles it. When it was sent, by
   * the clock of `performance`.
   */
  readonly #unproven = new Map<string, { readonly cid: string; readonly sentAt: number }>()

  /** @param lost fires when the lease is gone: waiting for an answer ends */
  constructor(deps: SendDeps, lease: Lease, lost: AbortSignal) {
    this.#deps = deps
    this.#lease = lease
    this.#lost = lost
    this.#doubt = inherited(lease)
  }

  /** Whether any result of this pass was kept. */
  get hasSettled(): boolean {
    return this.#hasSettled
  }

  /** Record keys deleted in this pass. */
  get deleted(): ReadonlySet<string> {
    return this.#deleted
  }

  get doubt(): Doubt {
    return this.#doubt
  }

  /** Notes a failure of any request of this pass. */
  noteFailure(failure: Failure): void {
    this.#doubt = answered(this.#doubt, failure, this.#now)
  }

  /** Carries out work that deletes records by requests of its own. */
  async destroying<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    this.#doubt = sending(this.#doubt, 'destruction')
    const outcome = await work()
    this.#doubt = answered(this.#doubt, outcome, this.#now)
    return outcome
  }

  /** The end of a pass with more to do. @param dueAt when to come back, in ms since 1970; null for not at all */
  release(dueAt: number | null): Release {
    return { dueAt, ...handedOn(this.#doubt), failures: 0 }
  }

  /** The end of a pass that has done all that was due. */
  releaseDone(dueAt: number | null): Release {
    this.#doubt = workedOff(this.#doubt, this.#now)
    return this.release(dueAt)
  }

  /**
   * Keeps results. One that comes too late is dropped, and leaves a repo that may differ from its rows.
   *
   * @returns ids of the moods whose result was kept
   */
  async settle(settlements: readonly Settlement[]): Promise<ReadonlySet<string>> {
    if (settlements.length === 0) return new Set()
    const kept = await this.#deps.store.work.settle(settlements, this.#now)
    if (kept.size > 0) this.#hasSettled = true
    const dropped = settlements.filter(({ id }) => !kept.has(id)).map(({ id }) => id)
    if (dropped.length > 0) {
      this.#doubt = resultDropped(this.#doubt)
      this.#deps.events.settleDropped(this.#lease.user, dropped)
      await this.#tellRefused(settlements.filter(({ id }) => !kept.has(id)))
    }
    this.#deps.changed()
    return kept
  }

  /** Of results that were not kept, some came too late; the others are refused by their rows, which have not changed. */
  async #tellRefused(dropped: readonly Settlement[]): Promise<void> {
    const { store, events, refused } = this.#deps
    const now = await Promise.all(dropped.map(({ id }) => store.moods.byId(id)))
    const ids = dropped.filter(({ version }, i) => now[i]?.version === version).map(({ id }) => id)
    if (ids.length === 0) return
    events.moodsRefuseChange(this.#lease.user, ids)
    refused?.(this.#lease.user, ids)
  }

  /** Whether a record of this key was in the repo before this pass, as far as the row or the pass can tell. */
  hadRecord({ sync }: Mood): boolean {
    return sync.cid !== null || this.#deleted.has(sync.rkey)
  }

  /** What was sent of this mood in this pass to a host that does not compare; null where nothing was. */
  sent({ sync }: Mood): { readonly cid: string; readonly sentAt: number } | null {
    return this.#unproven.get(sync.rkey) ?? null
  }

  /**
   * Writes the group in one commit, or in several where one is refused, and settles its moods. What goes to a host that does not
   * compare is settled by reading it in the next round.
   */
  async write(account: ReadyAccount, group: readonly WriteStep[], host: HostFacts): Promise<Outcome> {
    const again = this.#alreadyDone(group)
    if (again) return again
    const writes = group.map((step) => step.write)
    const isProof = isGuarded(host, writes)
    // Where the host does not compare, a creation may write over what is there.
    const isDestructive = !isProof || writes.some(({ action }) => action !== 'create')
    if (isDestructive && !(await this.#deps.store.repos.noteDestructive(this.#lease))) {
      return { kind: 'uncertain', code: 'LeaseLost', answered: true }
    }
    const started = performance.now()
    this.#deps.seam('before-write')
    this.#doubt = sending(this.#doubt, isDestructive ? 'destruction' : 'creations')
    const outcome = await this.#deps.client.write(account, COLLECTION, writes, this.#lost, host)
    this.#deps.seam('after-write')
    this.#doubt = answered(this.#doubt, outcome, this.#now)
    if (outcome.kind === 'ok') {
      if (isProof) await this.#written(account, group, started)
      else this.#sent(writes, started)
      return outcome
    }
    await this.#deps.hosts.heard(account.pds, writes, outcome)
    return this.#failed(account, group, host, outcome)
  }

  /** Nothing is done a second time in a pass: where a reading shows that it was not done, something else is writing, or nothing is. */
  #alreadyDone(group: readonly WriteStep[]): Failure | null {
    for (const { write } of group) {
      if (write.action !== 'delete') {
        if (this.#unproven.get(write.rkey)?.cid === write.cid) {
          return { kind: 'uncertain', code: 'NotThere', answered: true }
        }
        continue
      }
      if (this.#deleted.has(write.rkey)) return { kind: 'uncertain', code: 'StillThere', answered: true }
      this.#deleted.add(write.rkey)
    }
    return null
  }

  #sent(writes: readonly RepoWrite[], sentAt: number): void {
    for (const write of writes) {
      if (write.action !== 'delete') this.#unproven.set(write.rkey, { cid: write.cid, sentAt })
    }
  }

  async #failed(
    account: ReadyAccount,
    group: readonly WriteStep[],
    host: HostFacts,
    outcome: Failure,
  ): Promise<Outcome> {
    if (outcome.kind === 'rejected') {
      return group.length === 1 ? this.#refused(group[0]!, outcome) : this.#halve(account, group, host)
    }
    if (outcome.kind === 'later' && outcome.less === true && group.length > 1) return this.#halve(account, group, host)
    // Alone and without an answer: the others of this repo do not have to wait behind it.
    if (outcome.kind === 'uncertain' && group.length === 1) await this.#postpone(group[0]!.mood)
    return outcome
  }

  /** Settles what is in the repo now. A deletion is settled by reading, in the next round. */
  async #written(account: ReadyAccount, group: readonly WriteStep[], started: number): Promise<void> {
    const quarantined = { quarantine: this.#doubt.quarantine, now: this.#now }
    const results = group.flatMap(({ mood, write }): Settlement[] => {
      if (write.action === 'delete') return []
      const next = inPlace(mood, uriOf(account.did, write.rkey), write.cid, quarantined)
      return [{ id: mood.id, version: mood.version, next }]
    })
    const kept = await this.settle(results)
    const published = results.filter(({ id, next }) => next.state === 'published' && kept.has(id))
    if (published.length > 0) {
      this.#deps.events.published(account.user, published.length, performance.now() - started)
    }
    this.#deps.seam('after-settle')
  }

  /** One bad write has the whole commit refused, or a budget has room for a part of it: let through what can go. */
  async #halve(account: ReadyAccount, group: readonly WriteStep[], host: HostFacts): Promise<Outcome> {
    for (const { write } of group) this.#deleted.delete(write.rkey)
    for (const half of chunks(group, Math.ceil(group.length / 2))) {
      const outcome = await this.write(account, half, host)
      if (outcome.kind !== 'ok') return outcome
    }
    return ok(undefined)
  }

  /** The PDS refuses this very mood: it is tried again, or given up with the reason. */
  async #refused({ mood, write }: WriteStep, answer: { code: string; message: string }): Promise<Outcome> {
    const { sync, id, version } = mood
    const error = { code: answer.code, message: answer.message, at: this.#now }
    const giveUp = TERMINAL.has(answer.code) || sync.attempts + 1 >= MAX_ATTEMPTS
    const isOver = giveUp && write.action !== 'delete'
    const retryAt = this.#now + backoffMs(sync.attempts + 1, this.#deps.random())
    await this.settle([{ id, version, next: isOver ? rejected(sync, error) : failed(sync, retryAt, error) }])
    if (isOver) this.#deps.events.moodRejected(id, answer.code)
    return ok(undefined)
  }

  async #postpone({ id, version, sync }: Mood): Promise<void> {
    const dueAt = this.#now + backoffMs(this.#lease.failures + 1, this.#deps.random())
    await this.settle([{ id, version, next: delayed(sync, dueAt) }])
  }

  get #now(): number {
    return this.#deps.clock.now()
  }
}
