/**
 * One pass over one repo, under a lease: make the account if need be, then bring the repo to what the rows say. There is
 * no other way for a mood to reach a PDS.
 */

import { type Account, isReady, type ReadyAccount, refused } from '../domain/account.ts'
import { backoffMs } from '../domain/backoff.ts'
import type { Mood } from '../domain/mood.ts'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import { batches, type Known, MAX_WRITES, planMood, type Step } from '../domain/plan.ts'
import { COLLECTION, type Desired, desiredRecord, uriOf } from '../domain/record.ts'
import { published, rejected } from '../domain/sync.ts'
import type { Events } from '../observe/events.ts'
import type { AccountHost, Clock, Lease, Release, RepoClient, Settlement, Store } from '../ports.ts'
import { provision } from './provision.ts'

export interface PassDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly host: AccountHost
  readonly clock: Clock
  readonly random: () => number
  readonly events: Events
  /** Called when moods have changed. */
  readonly changed: () => void
}

export interface PassSignals {
  /** The lease is gone: stop at once. */
  readonly lost: AbortSignal
  /** The process wants to end: stop between two writes. */
  readonly stopping: AbortSignal
}

type WriteStep = Extract<Step, { kind: 'write' }>

/** Parked moods put back to work in one step. */
const REQUEUE_PAGE = 500

export class Pass {
  readonly #deps: PassDeps
  readonly #lease: Lease
  readonly #signals: PassSignals
  /** What we remember of the repo may be wrong: read before writing. */
  #uncertain: boolean
  /** Record keys deleted in this pass; one still there afterwards is not deleted in a loop. */
  readonly #deleted = new Set<string>()

  constructor(deps: PassDeps, lease: Lease, signals: PassSignals) {
    this.#deps = deps
    this.#lease = lease
    this.#signals = signals
    this.#uncertain = lease.uncertain
  }

  /** Works until nothing of this repo is due, or something has to be waited for. */
  async run(): Promise<Release> {
    const answer = await this.#account()
    if (answer.kind !== 'ok') return this.#failed(answer)
    const account = answer.value
    // A known repo that refuses us: what is due stays due until somebody has looked at the account.
    if (account !== null && account.did !== null && !isReady(account)) return this.#release(null)
    while (!this.#stopped) {
      const due = await this.#deps.store.moods.due(this.#lease.user, this.#now, MAX_WRITES)
      if (due.length === 0) return this.#release(await this.#deps.store.moods.nextDue(this.#lease.user))
      const round = await this.#round(account, due)
      if (round.kind !== 'ok') return this.#failed(round, account)
      if (round.value === 'parked') await this.#lookAgain(account)
    }
    return this.#release(this.#now)
  }

  /** The account, made if it is still to be made, with its parked moods put back to work. */
  async #account(): Promise<Outcome<Account | null>> {
    const { store, host, clock, events } = this.#deps
    let account = await store.accounts.byUser(this.#lease.user)
    if (account?.state === 'pending') {
      const made = await provision({ accounts: store.accounts, host, clock, events }, account)
      if (made.kind !== 'ok') return made
      account = made.value
    }
    if (account?.requeue) {
      while ((await store.moods.requeueParked(account.user, 'no_account', this.#now, REQUEUE_PAGE)) > 0) {
        if (this.#stopped) return { kind: 'later', afterMs: 0 }
      }
      // Cleared last: a crash before this repeats a step that does nothing twice.
      await store.accounts.save({ ...account, requeue: false })
      this.#deps.changed()
    }
    return ok(account)
  }

  /** Plans and carries out what is due. `parked`: some moods had no account to go to. */
  async #round(account: Account | null, due: readonly Mood[]): Promise<Outcome<'done' | 'parked'>> {
    const did = account?.did ?? null
    const wanted = due.map((mood) => ({ mood, desired: desiredRecord(mood, account) }))
    const known = await this.#known(account, wanted)
    if (known.kind !== 'ok') return known
    const steps = wanted.map(({ mood, desired }) => planMood(mood, desired, known.value(mood), did, this.#now))
    const settled = steps.filter((step) => step.kind === 'settle')
    await this.#settle(settled.map((step) => ({ id: step.mood.id, version: step.mood.version, next: step.next })))
    for (const group of batches(steps.filter((step) => step.kind === 'write'))) {
      if (this.#stopped) break
      if (!isReady(account)) throw new Error('a write was planned for a repo that is not there')
      const written = await this.#write(account, group)
      if (written.kind !== 'ok') return written
    }
    return ok(settled.some((step) => step.next.hold === 'no_account') ? 'parked' : 'done')
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
      if (this.#deleted.has(write.rkey)) return { kind: 'uncertain', code: 'StillThere' }
      this.#deleted.add(write.rkey)
    }
    const started = performance.now()
    const writes = group.map((step) => step.write)
    const outcome = await this.#deps.client.write(account, COLLECTION, writes, this.#signals.lost)
    switch (outcome.kind) {
      case 'ok': {
        const results = group.flatMap(({ mood, write }): Settlement[] => {
          if (write.action === 'delete') return []
          const next = published(mood.sync, uriOf(account.did, write.rkey), write.cid)
          return [{ id: mood.id, version: mood.version, next }]
        })
        await this.#settle(results)
        this.#deps.events.published(account.user, group.length, performance.now() - started)
        return outcome
      }
      case 'rejected':
        return group.length === 1 ? this.#reject(group[0]!, outcome) : this.#halve(account, group)
      case 'uncertain':
      case 'later':
      case 'host_down':
      case 'unauthorized':
        return outcome
    }
  }

  /** One bad write has the whole commit refused: look for it, and let the others through. */
  async #halve(account: ReadyAccount, group: readonly WriteStep[]): Promise<Outcome> {
    for (const { write } of group) this.#deleted.delete(write.rkey)
    const middle = Math.ceil(group.length / 2)
    for (const half of [group.slice(0, middle), group.slice(middle)]) {
      const outcome = await this.#write(account, half)
      if (outcome.kind !== 'ok') return outcome
    }
    return ok(undefined)
  }

  async #reject({ mood }: WriteStep, { code, message }: { code: string; message: string }): Promise<Outcome> {
    await this.#settle([
      { id: mood.id, version: mood.version, next: rejected(mood.sync, { code, message, at: this.#now }) },
    ])
    this.#deps.events.moodRejected(mood.id, code)
    return ok(undefined)
  }

  /** Keeps results. One that comes too late leaves a repo that may differ from what the rows say. */
  async #settle(settlements: readonly Settlement[]): Promise<void> {
    if (settlements.length === 0) return
    const kept = await this.#deps.store.moods.settle(settlements, this.#now)
    if (kept.size < settlements.length) {
      this.#uncertain = true
      this.#deps.events.settleDropped(this.#lease.user, settlements.length - kept.size)
    }
    this.#deps.changed()
  }

  /** An account that appeared while moods were being parked must not miss them. */
  async #lookAgain(before: Account | null): Promise<void> {
    const { store } = this.#deps
    const account = await store.accounts.byUser(this.#lease.user)
    if (account && account.version !== before?.version && isReady(account)) {
      await store.accounts.save({ ...account, requeue: true })
      await store.repos.mark(account.user, this.#now)
    }
  }

  /** Comes back later, sooner or later depending on what went wrong. */
  async #failed(failure: Failure, account: Account | null = null): Promise<Release> {
    if (failure.kind === 'later' && failure.afterMs === 0) return this.#release(this.#now)
    if (failure.kind === 'unauthorized' && account !== null) {
      const { code, message } = failure
      const current = await this.#deps.store.accounts.byUser(account.user)
      if (current) await this.#deps.store.accounts.save(refused(current, { code, message, at: this.#now }))
      this.#deps.events.accountRefused(account.user, code)
      return this.#release(null)
    }
    const failures = this.#lease.failures + 1
    const waitMs = failure.kind === 'later' ? failure.afterMs : backoffMs(failures, this.#deps.random())
    this.#deps.events.passFailed(this.#lease.user, failure, failures, waitMs)
    return {
      dueAt: this.#now + waitMs,
      uncertain: this.#uncertain || failure.kind === 'uncertain',
      failures,
    }
  }

  #release(dueAt: number | null): Release {
    return { dueAt, uncertain: this.#uncertain, failures: 0 }
  }

  get #stopped(): boolean {
    return this.#signals.stopping.aborted || this.#signals.lost.aborted
  }

  get #now(): number {
    return this.#deps.clock.now()
  }
}
