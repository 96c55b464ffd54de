/** Claims repos that have work and runs a pass over each, several at a time. */

import { backoffMs } from '../domain/backoff.ts'
import { chunks } from '../domain/chunks.ts'
import { brokenOff, QUARANTINE_MS } from '../domain/doubt.ts'
import { isTimeTo } from '../domain/furthest.ts'
import { type FederationPolicy, federates, inForce, type StoredPolicy } from '../domain/policy.ts'
import type { Lease, Release } from '../domain/queue.ts'
import type { Clock } from '../ports/clock.ts'
import { Wakeup } from '../wakeup.ts'
import { enqueueHeld } from './enqueue-held.ts'
import { KnownHosts } from './known-hosts.ts'
import { Pass, type PassDeps } from './pass.ts'

export interface EngineOptions {
  /** Name of this process in the store. */
  readonly owner: string
  /** Repos worked on at the same time. */
  readonly concurrency: number
  /** The repo of a worker that died is free again after this long. */
  readonly leaseMs: number
  /** How long to wait for a nudge before looking anyway. */
  readonly pollMs: number
  /** How often the rows are searched for work that has no mark. */
  readonly sweepMs: number
  /** The policy as the process found it: a change since then is told. */
  readonly policy: StoredPolicy | null
}

const SWEEP_PAGE = 1000
/** Users whose moods are put back to work before the next repo is claimed. */
const RESUME_PAGE = 50
/** Most users that one claim chooses among. */
const CLAIM_AMONG = 500

type OnRefused = NonNullable<PassDeps['refused']>

/** What the engine of a command works on. */
export interface UsersWork {
  /** The users whose repos it may claim, asked before each claim. */
  readonly users: () => readonly string[]
  /** Makes accounts, and publishes and deletes nothing. */
  readonly accountsOnly?: boolean
  /** Told of moods whose rows refuse what is to be noted there: by themselves, and not because they had changed. */
  readonly onRefused?: OnRefused
}

export class Engine {
  readonly #deps: PassDeps
  readonly #options: EngineOptions
  readonly #wake = new Wakeup()
  readonly #running = new Set<Promise<void>>()
  /** Told of refusals in any pass of this process: whichever it is that meets them, a command waits for the same moods. */
  readonly #onRefused = new Set<OnRefused>()
  #swept: { cursor: string; nextAt: number } = { cursor: '', nextAt: 0 }
  /** The policy as it was last read, and when to look again. */
  #followed: { stored: StoredPolicy | null; nextAt: number }
  #progressedAt: number | null = null
  /** The user after whom to look for moods that federation holds no longer; null when there are none. */
  #resuming: string | null = ''

  constructor(deps: Omit<PassDeps, 'hosts'>, options: EngineOptions) {
    const { store, client, clock } = deps
    this.#deps = { ...deps, hosts: new KnownHosts({ ledger: store.ledger, client, clock }) }
    this.#options = options
    this.#followed = { stored: options.policy, nextAt: 0 }
  }

  /** Marks a user's repo as having work. A hint: the sweep finds work that was not marked. */
  async nudge(user: string): Promise<void> {
    const marked = this.#deps.store.repos.mark(user, this.#clock.now())
    // Not after the mark but with it: the claim that follows is then part of the same commit.
    this.#wake.raise()
    await marked
  }

  /** Works for all users until `stopping` fires, then finishes the writes it has begun and gives everything back. */
  async run(stopping: AbortSignal): Promise<void> {
    using listening = new DisposableStack()
    listening.use(this.#deps.store.repos.listen(() => this.#wake.raise()))
    await this.#work(stopping, async () => {
      const isResuming = await this.#follow()
      await this.#sweep()
      return (await this.#next(stopping)) || isResuming
    })
  }

  /**
   * Works for these users, and for nobody else, until `stopping` fires; then finishes the writes it has begun. What others
   * have due is left to workers.
   */
  async runFor({ users, accountsOnly = false, onRefused }: UsersWork, stopping: AbortSignal): Promise<void> {
    // Whose account is made has still work for others, and would be claimed for ever.
    const settled = accountsOnly ? new Set<string>() : null
    if (onRefused) this.#onRefused.add(onRefused)
    const works = this.#work(stopping, async () => {
      const left = users().filter((user) => !settled?.has(user))
      for (const among of chunks(left, settled ? 1 : CLAIM_AMONG)) {
        if (this.#isBusy) return false
        // A worker may have taken the mark, and made no account because federation leaves the user out.
        if (settled) await this.#deps.store.repos.mark(among[0]!, this.#clock.now())
        if (await this.#next(stopping, among, settled)) return true
      }
      return false
    })
    await works.finally(() => onRefused && this.#onRefused.delete(onRefused))
  }

  /** Calls `step` again and again, and waits for a nudge where it has found nothing to do. */
  async #work(stopping: AbortSignal, step: () => Promise<boolean>): Promise<void> {
    while (!stopping.aborted) {
      // Read before looking: a nudge that comes while we look is seen by the wait below.
      const { seen } = this.#wake
      const wasBusy = this.#isBusy
      const found = await this.#guard('claim', step)
      // With all hands busy, only the end of a pass shows that there is progress.
      if (found !== undefined && !wasBusy) this.#progressedAt = this.#clock.now()
      if (found) continue
      await this.#wake.wait(seen, this.#options.pollMs, stopping)
    }
    await Promise.all(this.#running)
  }

  /** Works until nothing is due now. For tests, and for programs that end. */
  async drain(): Promise<void> {
    const never = new AbortController().signal
    this.#followed = { ...this.#followed, nextAt: 0 }
    this.#resuming = ''
    while (await this.#follow());
    await this.#sweepAll()
    for (;;) {
      if (await this.#next(never)) continue
      if (this.#running.size === 0) return
      await Promise.race(this.#running)
    }
  }

  /**
   * Starts one pass if a repo is due.
   *
   * @param among of these users, or of any
   * @returns whether it did
   */
  async #next(stopping: AbortSignal, among?: readonly string[], settled: Set<string> | null = null): Promise<boolean> {
    if (this.#isBusy) return false
    const now = this.#clock.now()
    const { owner, leaseMs } = this.#options
    const lease = await this.#deps.store.repos.claim(owner, now, now + leaseMs, QUARANTINE_MS, among)
    if (!lease) return false
    const pass = this.#guard('pass', () => this.#pass(lease, stopping, settled)).finally(() => {
      this.#running.delete(pass)
      this.#progressedAt = this.#clock.now()
      this.#wake.raise()
    })
    this.#running.add(pass)
    return true
  }

  /** @param settled for passes that only make accounts: whose is made is noted there; null for whole passes */
  async #pass(lease: Lease, stopping: AbortSignal, settled: Set<string> | null): Promise<void> {
    const { store } = this.#deps
    const lost = new AbortController()
    const renewing = setInterval(() => {
      const renewal = store.repos.renew(lease, this.#clock.now() + this.#options.leaseMs)
      void renewal
        // A renewal that failed does not mean that the lease is lost; the next one will tell.
        .catch(() => true)
        .then((held) => {
          if (held || lost.signal.aborted) return
          this.#deps.events.leaseLost(lease.user)
          lost.abort()
        })
    }, this.#options.leaseMs / 3)
    try {
      const refused: OnRefused = (user, ids) => this.#onRefused.forEach((tell) => tell(user, ids))
      const pass = new Pass({ ...this.#deps, refused }, lease, { lost: lost.signal, stopping })
      const running = settled ? pass.makeAccount(() => settled.add(lease.user)) : pass.run()
      const release = await running.catch((error: unknown) => this.#broken(lease, error))
      clearInterval(renewing)
      if (!lost.signal.aborted) await store.repos.release(lease, release, this.#clock.now())
    } finally {
      clearInterval(renewing)
    }
  }

  /** A pass that ended in an unexpected error: come back after a growing wait, and read first. */
  #broken(lease: Lease, error: unknown): Release {
    this.#deps.events.defect('pass', error)
    const failures = lease.failures + 1
    const now = this.#clock.now()
    return { dueAt: now + backoffMs(failures, this.#deps.random()), ...brokenOff(now), failures }
  }

  /** A page of the rolling search for unmarked work. */
  async #sweep(): Promise<void> {
    const now = this.#clock.now()
    if (!isTimeTo(this.#swept.nextAt, now, this.#options.sweepMs)) return
    const cursor = await this.#deps.store.repos.sweep(this.#swept.cursor, SWEEP_PAGE, now)
    this.#swept = cursor === null ? { cursor: '', nextAt: now + this.#options.sweepMs } : { cursor, nextAt: now }
    // What another process was holding back when it died, or was told another policy, is looked for again.
    if (cursor === null) this.#resuming ??= ''
  }

  async #sweepAll(): Promise<void> {
    let cursor: string | null = ''
    while (cursor !== null) cursor = await this.#deps.store.repos.sweep(cursor, SWEEP_PAGE, this.#clock.now())
  }

  /**
   * Looks whether the policy has changed, and puts back to work, a page at a time, what was held while federation left its
   * author out and does so no longer.
   *
   * @returns whether there is more of that
   */
  async #follow(): Promise<boolean> {
    const now = this.#clock.now()
    if (isTimeTo(this.#followed.nextAt, now, this.#options.pollMs)) {
      const stored = await this.#deps.store.policy.get()
      const before = this.#followed.stored
      if (stored?.version !== before?.version) this.#lookForReleased(now)
      if (stored && before && stored.version !== before.version) this.#deps.events.policyFollowed(before, stored)
      this.#followed = { stored, nextAt: now + this.#options.pollMs }
    }
    const policy = inForce(this.#followed.stored)
    if (this.#resuming === null || policy.mode === 'off') return false
    this.#resuming = await this.#resume(policy, this.#resuming)
    return this.#resuming !== null
  }

  /** The policy may let moods go that it held, and accounts be made that it did not: the sweep finds the latter. */
  #lookForReleased(now: number): void {
    this.#resuming = ''
    this.#swept = { cursor: '', nextAt: now }
  }

  /** @returns the user to continue after; null at the end */
  async #resume(policy: FederationPolicy, after: string): Promise<string | null> {
    const { store } = this.#deps
    const users = await store.repos.held('federation_off', after, RESUME_PAGE)
    for (const user of users) {
      const account = await store.accounts.byUser(user)
      if (!federates(policy, user, account?.handle ?? null)) continue
      await enqueueHeld(store.work, this.#clock, user, 'federation_off')
      await store.repos.mark(user, this.#clock.now())
    }
    return users.length < RESUME_PAGE ? null : (users.at(-1) ?? null)
  }

  /** One repo's defect, or the store's outage, must not stop the others. */
  async #guard<T>(where: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#deps.events.defect(where, error)
      return undefined
    }
  }

  /** Version of the policy that this engine follows; null before it has read one. */
  get policyVersion(): number | null {
    return this.#followed.stored?.version ?? null
  }

  /** When it last looked for work with a free hand, or finished a pass, in ms since 1970; null before it first did. */
  get progressedAt(): number | null {
    return this.#progressedAt
  }

  get #isBusy(): boolean {
    return this.#running.size >= this.#options.concurrency
  }

  get #clock(): Clock {
    return this.#deps.clock
  }
}
