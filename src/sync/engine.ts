/** Claims repos that have work and runs a pass over each, several at a time. */

import { backoffMs } from '../domain/backoff.ts'
import { brokenOff, QUARANTINE_MS } from '../domain/doubt.ts'
import { federates } from '../domain/policy.ts'
import type { Lease, Release } from '../domain/queue.ts'
import type { Clock } from '../ports/clock.ts'
import { Wakeup } from '../wakeup.ts'
import { enqueueHeld } from './enqueue-held.ts'
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
}

const SWEEP_PAGE = 1000

export class Engine {
  readonly #deps: PassDeps
  readonly #options: EngineOptions
  readonly #wake = new Wakeup()
  readonly #running = new Set<Promise<void>>()
  #swept: { cursor: string; nextAt: number } = { cursor: '', nextAt: 0 }

  constructor(deps: PassDeps, options: EngineOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Marks a user's repo as having work. A hint: the sweep finds work that was not marked. */
  async nudge(user: string): Promise<void> {
    const marked = this.#deps.store.repos.mark(user, this.#clock.now())
    // Not after the mark but with it: the claim that follows is then part of the same commit.
    this.#wake.raise()
    await marked
  }

  /** Works until `stopping` fires, then finishes the writes it has begun and gives everything back. */
  async run(stopping: AbortSignal): Promise<void> {
    using listening = new DisposableStack()
    listening.use(this.#deps.store.repos.listen(() => this.#wake.raise()))
    while (!stopping.aborted) {
      // Read before looking: a nudge that comes while we look is seen by the wait below.
      const { seen } = this.#wake
      if (await this.#guard('claim', () => this.#next(stopping))) continue
      await this.#wake.wait(seen, this.#options.pollMs, stopping)
    }
    await Promise.all(this.#running)
  }

  /** Works until nothing is due now. For tests, and for commands that end. */
  async drain(): Promise<void> {
    const never = new AbortController().signal
    await this.#sweepAll()
    for (;;) {
      if (await this.#next(never)) continue
      if (this.#running.size === 0) return
      await Promise.race(this.#running)
    }
  }

  /** Starts one pass if a repo is due. @returns whether it did */
  async #next(stopping: AbortSignal): Promise<boolean> {
    if (this.#running.size >= this.#options.concurrency) return false
    await this.#sweep()
    const now = this.#clock.now()
    const { owner, leaseMs } = this.#options
    const lease = await this.#deps.store.repos.claim(owner, now, now + leaseMs, QUARANTINE_MS)
    if (!lease) return false
    const pass = this.#guard('pass', () => this.#pass(lease, stopping)).finally(() => {
      this.#running.delete(pass)
      this.#wake.raise()
    })
    this.#running.add(pass)
    return true
  }

  async #pass(lease: Lease, stopping: AbortSignal): Promise<void> {
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
      const signals = { lost: lost.signal, stopping }
      const release = await new Pass(this.#deps, lease, signals)
        .run()
        .catch((error: unknown) => this.#broken(lease, error))
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
    if (now < this.#swept.nextAt) return
    const cursor = await this.#deps.store.repos.sweep(this.#swept.cursor, SWEEP_PAGE, now)
    if (cursor === null) await this.#resume()
    this.#swept = cursor === null ? { cursor: '', nextAt: now + this.#options.sweepMs } : { cursor, nextAt: now }
  }

  async #sweepAll(): Promise<void> {
    await this.#resume()
    let cursor: string | null = ''
    while (cursor !== null) cursor = await this.#deps.store.repos.sweep(cursor, SWEEP_PAGE, this.#clock.now())
  }

  /** Puts back to work what was held while federation was off, for all users for whom it is on now. */
  async #resume(): Promise<void> {
    const { store, policy } = this.#deps
    if (await store.publishing.isOff()) return
    for (let after = ''; ;) {
      const users = await store.repos.held('federation_off', after, SWEEP_PAGE)
      for (const user of users) {
        const account = await store.accounts.byUser(user)
        if (!federates(policy, user, account?.handle ?? null)) continue
        await enqueueHeld(store.work, this.#clock, user, 'federation_off')
        await store.repos.mark(user, this.#clock.now())
      }
      const last = users.at(-1)
      if (last === undefined || users.length < SWEEP_PAGE) return
      after = last
    }
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

  get #clock(): Clock {
    return this.#deps.clock
  }
}
