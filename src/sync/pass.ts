/**
 * One pass over one repo, under a lease: finish what was intended, make the account if need be, then bring the repo to
 * what the rows say. There is no other way for a mood to reach a PDS.
 */

import { type Account, isReady, type ReadyAccount, refused } from '../domain/account.ts'
import { backoffMs, QUARANTINE_MS } from '../domain/backoff.ts'
import type { Erasure } from '../domain/erasure.ts'
import type { Mood } from '../domain/mood.ts'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import { batches, inPlace, type Known, MAX_WRITES, planMood, type Quarantine, type Step } from '../domain/plan.ts'
import { FEDERATE_NONE, type FederationPolicy, federates } from '../domain/policy.ts'
import { COLLECTION, type Desired, desiredRecord, uriOf } from '../domain/record.ts'
import { delayed, failed, rejected } from '../domain/sync.ts'
import { enqueueHeld } from './held.ts'
import { applyIntent } from './intents.ts'
import type { Events } from '../observe/events.ts'
import type { Settlement, Store } from '../ports/store.ts'
import type { Lease, Release } from '../domain/queue.ts'
import type { AccountHost, RepoClient } from '../ports/pds.ts'
import type { Clock } from '../ports/clock.ts'
import { erase } from './erase.ts'
import { provision } from './provision.ts'
import { removeStrays } from './removal.ts'

/** Points between two steps at which a process may die; tests let it die there. */
export type Seam = 'after-claim' | 'before-write' | 'after-write' | 'after-settle'

export interface PassDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly host: AccountHost
  readonly clock: Clock
  readonly random: () => number
  readonly events: Events
  readonly policy: FederationPolicy
  /** Whether erasing a user deletes the account on the PDS too. */
  readonly eraseAccounts: boolean
  /** Called when moods have changed. */
  readonly changed: () => void
  readonly seam: (name: Seam) => void
}

export interface PassSignals {
  /** The lease is gone: stop at once. */
  readonly lost: AbortSignal
  /** The process wants to end: stop between two writes. */
  readonly stopping: AbortSignal
}

type WriteStep = Extract<Step, { kind: 'write' }>

/** Rounds of one pass; a repo with more to do goes to the end of the queue, so that none has to wait for a backlog. */
const MAX_ROUNDS = 4
/** Answers about one mood that may be others next time, before it is given up. A deletion never is. */
const MAX_ATTEMPTS = 5
/** Refusals that will not be others next time. */
const TERMINAL = new Set(['InvalidRequest', 'InvalidRecord', 'PayloadTooLarge', 'PayloadTooLargeError'])

export class Pass {
  readonly #deps: PassDeps
  readonly #lease: Lease
  readonly #signals: PassSignals
  /** What we remember of the repo may be wrong: read before writing. */
  #uncertain: boolean
  /** What is published in this pass. */
  #policy: FederationPolicy
  #quarantine: Quarantine
  /** What is on its way to the repo, or was and has not been answered for. */
  #inFlight: 'nothing' | 'creations' | 'destruction' = 'nothing'
  /** Record keys deleted in this pass; one still there afterwards is not deleted in a loop. */
  readonly #deleted = new Set<string>()

  constructor(deps: PassDeps, lease: Lease, signals: PassSignals) {
    this.#deps = deps
    this.#lease = lease
    this.#signals = signals
    this.#uncertain = lease.uncertain
    this.#policy = deps.policy
    this.#quarantine = lease.quarantine
  }

  /** Works until nothing of this repo is due, or something has to be waited for. */
  async run(): Promise<Release> {
    this.#deps.seam('after-claim')
    const erasure = await this.#deps.store.erasures.byUser(this.#lease.user)
    if (erasure) return this.#erase(erasure)
    const intent = await this.#deps.store.intents.get(this.#lease.user)
    if (intent) await applyIntent(this.#deps.store, this.#deps.clock, intent)
    if (await this.#deps.store.publishing.isOff()) this.#policy = FEDERATE_NONE
    const answer = await this.#account()
    if (answer.kind !== 'ok') return this.#failed(answer)
    const account = answer.value
    // A known repo that refuses us: what is due stays due until somebody has looked at the account.
    if (account !== null && account.did !== null && !isReady(account)) return this.#release(null)
    if (isReady(account)) {
      const removed = await this.#removeStrays(account)
      if (removed.kind !== 'ok') return this.#failed(removed, account)
    }
    for (let round = 0; round < MAX_ROUNDS && !this.#stopped; round++) {
      const due = await this.#deps.store.work.due(this.#lease.user, this.#now, MAX_WRITES)
      if (due.length === 0) return this.#finished()
      const done = await this.#round(account, due)
      if (done.kind !== 'ok') return this.#failed(done, account)
      if (done.value === 'held') await this.#lookAgain(account)
    }
    return this.#release(this.#now)
  }

  /** All that was due is done: what was uncertain has been read, but for what may still be on its way. */
  async #finished(): Promise<Release> {
    this.#uncertain = this.#quarantine.until > this.#now
    return this.#release(await this.#deps.store.work.nextDue(this.#lease.user))
  }

  async #erase(erasure: Erasure): Promise<Release> {
    this.#inFlight = 'destruction'
    const answer = await erase(this.#deps, erasure, this.#lease, this.#quarantine.until, this.#signals.lost)
    if (answer.kind !== 'ok') return this.#failed(answer, await this.#deps.store.accounts.byUser(this.#lease.user))
    this.#inFlight = 'nothing'
    this.#deps.events.erasure(erasure.receipt, answer.value.kind)
    return this.#release(answer.value.kind === 'wait' ? answer.value.until : null)
  }

  /** What a repair has found that belongs to no row. */
  async #removeStrays(account: ReadyAccount): Promise<Outcome> {
    if ((await this.#deps.store.removals.of(account.user)).length === 0) return ok(undefined)
    this.#inFlight = 'destruction'
    const removed = await removeStrays(this.#deps, account, this.#lease, this.#signals.lost)
    if (removed.kind === 'ok') this.#inFlight = 'nothing'
    return removed
  }

  /** The account, made if it is still to be made, with its held moods put back to work. */
  async #account(): Promise<Outcome<Account | null>> {
    const { store, host, clock, events } = this.#deps
    let account = await store.accounts.byUser(this.#lease.user)
    if (account?.state === 'pending' && federates(this.#policy, account.user, account.handle)) {
      const made = await provision({ accounts: store.accounts, host, clock, events }, account)
      if (made.kind !== 'ok') return made
      account = made.value
    }
    if (account?.requeue) {
      const isAll = await enqueueHeld(store.work, clock, account.user, 'no_account', () => this.#stopped)
      if (this.#stopped) return { kind: 'later', afterMs: 0, scope: 'account' }
      // Cleared last: a crash before this repeats a step that does nothing twice. If some are left, the sweep comes back.
      if (isAll) await store.accounts.save({ ...account, requeue: false })
      this.#deps.changed()
    }
    return ok(account)
  }

  /** Plans and carries out what is due. `held`: some moods had no account to go to. */
  async #round(account: Account | null, due: readonly Mood[]): Promise<Outcome<'done' | 'held'>> {
    const did = account?.did ?? null
    const wanted = due.map((mood) => ({ mood, desired: desiredRecord(mood, account, this.#policy) }))
    const known = await this.#known(account, wanted)
    if (known.kind !== 'ok') return known
    const view = { did, quarantine: this.#quarantine, now: this.#now }
    const steps = wanted.map(({ mood, desired }) => planMood(mood, desired, known.value(mood), view))
    const settled = steps.filter((step) => step.kind === 'settle')
    await this.#settle(settled.map((step) => ({ id: step.mood.id, version: step.mood.version, next: step.next })))
    for (const group of batches(
      steps.filter((step) => step.kind === 'write'),
      this.#maxWrites,
    )) {
      if (this.#stopped) break
      if (!isReady(account)) throw new Error('a write was planned for a repo that is not there')
      const written = await this.#write(account, group)
      if (written.kind !== 'ok') return written
    }
    return ok(settled.some((step) => step.next.hold === 'no_account') ? 'held' : 'done')
  }

  /** What the repo holds: remembered, or read where memory will not do. A delete always reads, before and after. */
  async #known(
    account: Account | null,
    wanted: readonly { mood: Mood; desired: Desired }[],
  ): Promise<Outcome<(mood: Mood) => Known>> {
    const mustRead = this.#uncertain || wanted.some(({ desired }) => desired.kind === 'absent')
    if (!isReady(account) || !mustRead) return ok((mood) => ({ cid: mood.sync.cid, verified: false }))
    const rkeys = wanted.map(({ mood }) => mood.sync.rkey)
    const actual = await this.#deps.client.read(account, COLLECTION, rkeys)
    if (actual.kind !== 'ok') return actual
    return ok((mood) => ({ cid: actual.value.get(mood.sync.rkey) ?? null, verified: true }))
  }

  async #write(account: ReadyAccount, group: readonly WriteStep[]): Promise<Outcome> {
    for (const { write } of group) {
      if (write.action !== 'delete') continue
      if (this.#deleted.has(write.rkey)) return { kind: 'uncertain', code: 'StillThere', answered: true }
      this.#deleted.add(write.rkey)
    }
    const isDestructive = group.some(({ write }) => write.action !== 'create')
    if (isDestructive && !(await this.#deps.store.repos.noteDestructive(this.#lease))) {
      return { kind: 'uncertain', code: 'LeaseLost', answered: true }
    }
    const started = performance.now()
    const writes = group.map((step) => step.write)
    this.#deps.seam('before-write')
    this.#inFlight = isDestructive ? 'destruction' : 'creations'
    const outcome = await this.#deps.client.write(account, COLLECTION, writes, this.#signals.lost)
    this.#deps.seam('after-write')
    if (outcome.kind !== 'uncertain') this.#inFlight = 'nothing'
    if (outcome.kind === 'ok') {
      await this.#written(account, group)
      this.#deps.events.published(account.user, group.length, performance.now() - started)
      return outcome
    }
    if (outcome.kind === 'rejected') {
      return group.length === 1 ? this.#refused(group[0]!, outcome) : this.#halve(account, group)
    }
    if (outcome.kind === 'later' && outcome.less === true && group.length > 1) return this.#halve(account, group)
    // Alone and unanswered for: the others of this repo do not have to wait behind it.
    if (outcome.kind === 'uncertain' && group.length === 1) await this.#postpone(group[0]!.mood)
    return outcome
  }

  async #written(account: ReadyAccount, group: readonly WriteStep[]): Promise<void> {
    const quarantined = { quarantine: this.#quarantine, now: this.#now }
    const results = group.flatMap(({ mood, write }): Settlement[] => {
      // A deletion is settled by reading, in the next round.
      if (write.action === 'delete') return []
      const next = inPlace(mood, uriOf(account.did, write.rkey), write.cid, quarantined)
      return [{ id: mood.id, version: mood.version, next }]
    })
    await this.#settle(results)
    this.#deps.seam('after-settle')
  }

  /** One bad write has the whole commit refused, or a budget has room for a part of it: let through what can go. */
  async #halve(account: ReadyAccount, group: readonly WriteStep[]): Promise<Outcome> {
    for (const { write } of group) this.#deleted.delete(write.rkey)
    const middle = Math.ceil(group.length / 2)
    for (const half of [group.slice(0, middle), group.slice(middle)]) {
      const outcome = await this.#write(account, half)
      if (outcome.kind !== 'ok') return outcome
    }
    return ok(undefined)
  }

  /** The PDS has something against this very mood. */
  async #refused({ mood, write }: WriteStep, answer: { code: string; message: string }): Promise<Outcome> {
    const { sync, id, version } = mood
    const error = { code: answer.code, message: answer.message, at: this.#now }
    const giveUp = TERMINAL.has(answer.code) || sync.attempts + 1 >= MAX_ATTEMPTS
    const isOver = giveUp && write.action !== 'delete'
    const retryAt = this.#now + backoffMs(sync.attempts + 1, this.#deps.random())
    await this.#settle([{ id, version, next: isOver ? rejected(sync, error) : failed(sync, retryAt, error) }])
    if (isOver) this.#deps.events.moodRejected(id, answer.code)
    return ok(undefined)
  }

  async #postpone({ id, version, sync }: Mood): Promise<void> {
    const dueAt = this.#now + backoffMs(this.#lease.failures + 1, this.#deps.random())
    await this.#settle([{ id, version, next: delayed(sync, dueAt) }])
  }

  /** Keeps results. One that comes too late leaves a repo that may differ from what the rows say. */
  async #settle(settlements: readonly Settlement[]): Promise<void> {
    if (settlements.length === 0) return
    const kept = await this.#deps.store.work.settle(settlements, this.#now)
    if (kept.size < settlements.length) {
      this.#uncertain = true
      this.#deps.events.settleDropped(this.#lease.user, settlements.length - kept.size)
    }
    this.#deps.changed()
  }

  /** An account that appeared while moods were being held must not miss them. */
  async #lookAgain(before: Account | null): Promise<void> {
    const { store } = this.#deps
    const account = await store.accounts.byUser(this.#lease.user)
    if (account && account.version !== before?.version && isReady(account)) {
      await this.#changeAccount((current) => ({ ...current, requeue: true }))
      await store.repos.mark(account.user, this.#now)
    }
  }

  /** Changes the account as it is now, whoever else changes it. */
  async #changeAccount(change: (account: Account) => Account): Promise<void> {
    const { accounts } = this.#deps.store
    for (;;) {
      const account = await accounts.byUser(this.#lease.user)
      if (!account || (await accounts.save(change(account)))) return
    }
  }

  /** Comes back later, sooner or later depending on what went wrong. */
  async #failed(failure: Failure, account: Account | null = null): Promise<Release> {
    if (failure.kind === 'uncertain') {
      this.#uncertain = true
      // A swap that failed was answered for: it was not done, and will not be.
      if (this.#inFlight !== 'nothing' && failure.code !== 'InvalidSwap') this.#enterQuarantine()
    }
    if (failure.kind === 'later') {
      return { ...this.#release(this.#now + failure.afterMs), failures: this.#lease.failures }
    }
    if (failure.kind === 'unauthorized' && account !== null) {
      const { code, message } = failure
      await this.#changeAccount((current) => refused(current, { code, message, at: this.#now }))
      this.#deps.events.accountRefused(account.user, code)
      return this.#release(null)
    }
    const failures = this.#lease.failures + 1
    const waitMs = backoffMs(failures, this.#deps.random())
    this.#deps.events.passFailed(this.#lease.user, failure, failures, waitMs)
    return { ...this.#release(this.#now + waitMs), failures }
  }

  /** The request may yet be carried out. */
  #enterQuarantine(): void {
    const wasDestructive = this.#quarantine.destructive && this.#quarantine.until > this.#now
    const destructive = wasDestructive || this.#inFlight === 'destruction'
    this.#quarantine = { until: this.#now + QUARANTINE_MS, destructive }
  }

  #release(dueAt: number | null): Release {
    return { dueAt, uncertain: this.#uncertain, quarantine: this.#quarantine, failures: 0 }
  }

  /** Smaller commits after failures: what fails together may succeed apart. */
  get #maxWrites(): number {
    return Math.max(1, MAX_WRITES >> this.#lease.failures)
  }

  get #stopped(): boolean {
    return this.#signals.stopping.aborted || this.#signals.lost.aborted
  }

  get #now(): number {
    return this.#deps.clock.now()
  }
}
