/**
 * Proves all repos again and again, in the background of a worker; of all workers, one at a time. The repo whose proof is the
 * oldest comes first, those that have changed come within minutes, and authors' work comes before all of it.
 */

import pMap from 'p-map'
import { isReady, type ReadyAccount } from '../domain/account.ts'
import type { AutoRepair } from '../domain/auto-repairs.ts'
import { LEDGER } from '../domain/budget.ts'
import { chunks } from '../domain/chunks.ts'
import { isTimeTo } from '../domain/furthest.ts'
import { NEVER_LOOKED } from '../domain/looks.ts'
import { ChangedUsers, changesFrom, patienceMs, sweepEveryMs, sweepSoonMs } from '../domain/proving.ts'
import type { Events } from '../observe/events.ts'
import { Recurring, repeat } from '../pause.ts'
import type { ChangePosition } from '../ports/store.ts'
import { type AuditDeps, auditUser, countKinds } from './audit.ts'
import { repairSafely } from './auto-repair.ts'
import { Hosts } from './hosts.ts'
import { renew, sweep } from './proof-sweep.ts'
import { ProvingQueue } from './proving-queue.ts'
import { Turn, type TurnDeps } from './turn.ts'

export interface ProvingDeps extends AuditDeps, TurnDeps {
  readonly events: Events
  /** Within which every repo is proven, in ms. */
  readonly everyMs: number
  readonly autoRepair: AutoRepair
}

/** How often a worker looks whether there is something to prove, or another worker to follow. */
const LOOK_MS = 5_000
/** Most repos that are listed at once, and most changed users. */
const MOST = 10_000
/** Hosts that are asked side by side; each gets one repo after the other. */
const HOSTS = 4
/** Repos of one host before changes are looked for again. */
const IN_A_ROW = 20
/** Changes, or users, read at once. */
const PAGE = 500
/** While authors' work waits, it is looked at again after so long. */
const WAIT_MS = 250
/** After so many refusals of its own budget in a row, a repo needs more requests than there are. */
const REFUSALS = 3
const TOO_FEW_REQUESTS = 'TooFewRequests'

/** What the process that proves knows; the next one finds it out again from the store. */
interface Progress {
  readonly queue: ProvingQueue
  readonly changed: ChangedUsers
  position: ChangePosition
  sweptAt: number
  /** How many accounts there were then. */
  accounts: number
  /** Whether a repo was read since, or more of them wait than were listed. */
  isOutdated: boolean
  /** How often in a row its own budget was too small for a repo, by user. */
  refusals: Map<string, number>
}

export class Proving {
  readonly #deps: ProvingDeps
  readonly #turn: Turn
  readonly #looks = new Recurring()
  #progress: Progress | null = null

  constructor(deps: ProvingDeps) {
    this.#deps = deps
    this.#turn = new Turn(deps, 'proving')
  }

  /** Looks every few seconds, until `stopping` fires, and then lets another worker go on. */
  async run(stopping: AbortSignal): Promise<void> {
    await repeat(LOOK_MS, stopping, () => this.look(stopping))
    await this.#attempt(() => this.#turn.giveBack())
  }

  /** Proves what it is time for, if no other worker does. That it cannot is logged, once until it can. */
  look(stopping: AbortSignal): Promise<void> {
    return this.#attempt(async () => {
      if (await this.#turn.take()) await this.#turn.whileMine(stopping, (stop) => this.#prove(stop))
      else this.#progress = null
    })
  }

  #attempt(work: () => Promise<void>): Promise<void> {
    return this.#looks.attempt(work, (error) => this.#deps.events.defect('proving', error))
  }

  async #prove(stop: AbortSignal): Promise<void> {
    const progress = (this.#progress ??= await this.#begin())
    do {
      await this.#follow(progress, stop)
      await this.#sweep(progress, stop)
    } while (!stop.aborted && (await this.#round(progress, stop)))
  }

  async #begin(): Promise<Progress> {
    const { store, clock } = this.#deps
    const changedAt = changesFrom(await store.tasks.last('proving'), clock.now())
    return {
      queue: new ProvingQueue(clock),
      changed: new ChangedUsers(MOST),
      position: { changedAt, id: '' },
      sweptAt: Number.NEGATIVE_INFINITY,
      accounts: 0,
      isOutdated: false,
      refusals: new Map(),
    }
  }

  /** Reads what has changed, and queues the repos whose changes have settled. */
  async #follow(progress: Progress, stop: AbortSignal): Promise<void> {
    const { store, clock } = this.#deps
    const { changed, queue } = progress
    // A position that lies ahead was reached by a clock that was wrong.
    if (progress.position.changedAt > clock.now()) progress.position = { changedAt: clock.now(), id: '' }
    while (!changed.isFull && !stop.aborted) {
      const page = await store.moods.changes(progress.position, PAGE)
      for (const { mood, position } of page) changed.note(mood.user, position.changedAt)
      const last = page.at(-1)
      if (last) progress.position = last.position
      if (page.length < PAGE) break
    }
    for (const users of chunks([...changed.settled(clock.now())], PAGE)) {
      queue.addChanged(await this.#unproven(users))
      for (const [user] of users) changed.forget(user)
    }
  }

  /** Of users whose moods have changed, the repos that were not looked at since. What is pending changes its mood once more. */
  async #unproven(changes: readonly (readonly [string, number])[]): Promise<readonly ReadyAccount[]> {
    const { store } = this.#deps
    const users = changes.map(([user]) => user)
    const [looks, pending] = [await store.audits.of(users), await store.work.pendingOf(users)]
    const unproven: ReadyAccount[] = []
    for (const [user, at] of changes) {
      const { good, failed } = looks.get(user) ?? NEVER_LOOKED
      const isSeen = good !== null && good.rev !== null && failed === null && good.at > at
      if (isSeen || pending.has(user)) continue
      const account = await store.accounts.byUser(user)
      if (isReady(account)) unproven.push(account)
    }
    return unproven
  }

  /** Goes through all accounts where it is time to: the sooner where repos were read, since the numbers have changed. */
  async #sweep(progress: Progress, stop: AbortSignal): Promise<void> {
    const { store, clock, everyMs } = this.#deps
    const { queue, changed, position } = progress
    const now = clock.now()
    const isSoon = progress.isOutdated && queue.length === 0
    const everySweepMs = isSoon ? sweepSoonMs(everyMs, progress.accounts) : sweepEveryMs(everyMs)
    if (!isTimeTo(progress.sweptAt + everySweepMs, now, everySweepMs)) return
    const { due, numbers } = await sweep(this.#deps, everyMs, MOST, (pds) => queue.isResting(pds), stop)
    if (stop.aborted) return
    const changedSince = Math.floor(changed.since ?? position.changedAt)
    await store.tasks.note('proving', { at: now, everyMs, changedSince, ...numbers })
    const isOutdated = due.length >= MOST
    Object.assign(progress, { sweptAt: now, accounts: numbers.accounts, isOutdated, refusals: new Map() })
    const hosts = this.#hosts(stop)
    queue.setDue(await renew(this.#reading(stop), due, everyMs, hosts))
    for (const pds of new Set(due.map(({ account }) => account.pds))) await this.#restIfAsked(queue, pds, hosts)
  }

  /** Reads some repos of each host. @returns false where none waits that could be read now */
  async #round(progress: Progress, stop: AbortSignal): Promise<boolean> {
    const pdses = progress.queue.hosts()
    await pMap(pdses, (pds) => this.#readSome(progress, pds, stop), { concurrency: HOSTS })
    return pdses.length > 0
  }

  async #readSome(progress: Progress, pds: string, stop: AbortSignal): Promise<void> {
    const { queue } = progress
    const hosts = this.#hosts(stop)
    for (let n = 0; n < IN_A_ROW && !stop.aborted && !hosts.isSilent(pds); n++) {
      await this.#giveWay(patienceMs(this.#deps.everyMs, queue.length), stop)
      const account = stop.aborted ? undefined : queue.next(pds)
      if (account === undefined) return
      progress.isOutdated = true
      if (!(await this.#proveOne(account, hosts, stop))) await this.#unread(progress, account, hosts)
    }
    if (stop.aborted || (await this.#restIfAsked(queue, pds, hosts))) return
    queue.answered(pds)
  }

  /** @returns false where nothing was heard of the repo */
  async #proveOne(account: ReadyAccount, hosts: Hosts, stop: AbortSignal): Promise<boolean> {
    const { store, events, autoRepair } = this.#deps
    const { user } = account
    const before = (await store.audits.of([user])).get(user)?.good?.findings ?? {}
    const result = await auditUser(this.#reading(stop), user, { verify: true }, hosts)
    if (result.kind === 'not_reached') return false
    if (result.kind !== 'audited') return true
    const found = countKinds(result.audit.findings)
    if (!isSame(before, found)) events.repoCompared(user, found)
    // Without the newest revision it is not sure that the repo is not an older one.
    if (autoRepair === 'off' || result.audit.findings.length === 0 || hosts.isSilent(account.pds)) return true
    const repaired = await repairSafely(this.#deps, result)
    if (Object.keys(repaired).length > 0) {
      events.repairedSafely(user, repaired)
      this.#progress?.changed.note(user, this.#deps.clock.now())
    }
    return true
  }

  /** A repo that was not reached waits at the head of its line; one that needs more requests than there are is said to. */
  async #unread({ queue, refusals }: Progress, account: ReadyAccount, hosts: Hosts): Promise<void> {
    const { store, clock } = this.#deps
    const { user, pds } = account
    const times = hosts.waitFor(pds)?.less !== undefined ? (refusals.get(user) ?? 0) + 1 : 0
    if (times >= REFUSALS) {
      refusals.delete(user)
      return store.audits.note(user, { kind: 'failed', at: clock.now(), code: TOO_FEW_REQUESTS })
    }
    refusals.set(user, times)
    queue.putBack(account)
  }

  /** Leaves a host alone that has asked for it, or does not answer. @returns whether it does */
  async #restIfAsked(queue: ProvingQueue, pds: string, hosts: Hosts): Promise<boolean> {
    if (!hosts.isSilent(pds)) return false
    const { store, clock } = this.#deps
    const wait = hosts.waitFor(pds)
    const { blockedUntil = 0 } = (await store.ledger.get(LEDGER.requests(pds))) ?? {}
    // What was not sent was refused by our own budgets, unless the host itself has asked to wait before.
    const isOurs = wait?.less !== undefined || (wait?.dead !== undefined && blockedUntil <= clock.now())
    if (wait !== null && isOurs) queue.restForBudget(pds, wait.afterMs)
    else queue.rest(pds, wait?.afterMs ?? 0)
    return true
  }

  /** Waits while moods are due, and no longer than `patience` ms. */
  async #giveWay(patience: number, stop: AbortSignal): Promise<void> {
    const { store, clock, timer } = this.#deps
    for (let left = patience; left > 0 && !stop.aborted; left -= WAIT_MS) {
      const [oldest] = await store.work.oldestPending(1)
      if (oldest === undefined || oldest.sync.dueAt === null || oldest.sync.dueAt > clock.now()) return
      await timer.pause(Math.min(left, WAIT_MS), stop)
    }
  }

  #hosts(stop: AbortSignal): Hosts {
    return new Hosts(this.#deps, stop, () => {}, false)
  }

  /** What is read is charged to the small budget of this check. */
  #reading(stop: AbortSignal): AuditDeps {
    return { ...this.#deps, client: this.#deps.client.until(stop, 'proving') }
  }
}

function isSame(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): boolean {
  const kinds = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...kinds].every((kind) => before[kind] === after[kind])
}
