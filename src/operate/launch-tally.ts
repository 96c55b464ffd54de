/** The numbers of a launch: moods and accounts by what has become of them. */

import type { Account } from '../domain/account.ts'
import type { Mood } from '../domain/mood.ts'
import type { HoldReason } from '../domain/sync.ts'
import { count } from '../domain/tally.ts'

export interface LaunchNumbers {
  /** Who has posted, or has an account; with `since`, who has posted since then. */
  readonly users: number
  /** Of these users. */
  readonly usersWithAccount: number
  readonly accountsWaiting: number
  readonly accountsNeedingAttention: number
  readonly moods: number
  /** Of the moods that are not deleted. */
  readonly private: number
  /** Private ones too. */
  readonly deleted: number
  readonly published: number
  readonly withReference: number
  readonly withoutReference: number
  /** Of those without a reference, how many wait, by what for; none of these has to be repaired. */
  readonly waiting: Readonly<Partial<Record<HoldReason, number>>>
  readonly pending: number
  readonly rejected: number
  /** Why, by code. */
  readonly rejectedBy: Readonly<Partial<Record<string, number>>>
  /** Milliseconds from post to publication, of moods that were published at the first try. */
  readonly latency: {
    readonly count: number
    readonly average: number
    readonly p50: number
    readonly p99: number
  } | null
  /** Share of the moods that belong in a repo which are published; 0 to 1. */
  readonly syncRate: number | null
  readonly errorRate: number | null
  readonly firstPublished: number | null
}

/** Most latencies kept; beyond it every other one is dropped, which bounds memory and keeps the distribution. */
const SAMPLES = 100_000

/** Counts moods, and then the accounts of their users. */
export class LaunchTally {
  readonly #since: number | null
  readonly #users = new Set<string>()
  readonly #accounts = { ready: 0, pending: 0, needs_attention: 0, odd: 0 }
  readonly #of = {
    moods: 0,
    private: 0,
    deleted: 0,
    published: 0,
    withReference: 0,
    withoutReference: 0,
    pending: 0,
    rejected: 0,
  }
  readonly #waiting: Partial<Record<HoldReason, number>> = {}
  readonly #rejectedBy: Partial<Record<string, number>> = {}
  #latencies: number[] = []
  #first: number | null = null

  /** @param since only moods posted since then, and only the accounts of who posted them, in ms since 1970; null for all */
  constructor(since: number | null) {
    this.#since = since
  }

  addMood(mood: Mood): void {
    const { sync } = mood
    if (this.#since !== null && mood.when < this.#since) return
    this.#users.add(mood.user)
    this.#of.moods++
    if (mood.deleted) this.#of.deleted++
    else if (mood.isPrivate) this.#of.private++
    else if (sync.uri === null) {
      this.#of.withoutReference++
      if (sync.hold !== null) count(this.#waiting, sync.hold)
    } else this.#of.withReference++
    if (sync.state === 'pending') this.#of.pending++
    if (sync.state === 'rejected') {
      this.#of.rejected++
      count(this.#rejectedBy, sync.error?.code ?? 'unknown')
    }
    if (sync.state === 'published') this.#of.published++
    const first = sync.firstPublished
    if (first === null) return
    this.#first = Math.min(this.#first ?? Infinity, first.at)
    if (!first.direct) return
    this.#latencies.push(Math.max(0, first.at - mood.when))
    if (this.#latencies.length > SAMPLES) this.#latencies = this.#latencies.filter((_, i) => i % 2 === 0)
  }

  /** After all moods: an account without any makes a user only where all of them are counted. */
  addAccount({ user, state }: Pick<Account, 'user' | 'state'>): void {
    if (this.#since !== null && !this.#users.has(user)) return
    this.#users.add(user)
    this.#accounts[state]++
  }

  result(): LaunchNumbers {
    const { published, pending, rejected, withoutReference } = this.#of
    const wanted = this.#of.withReference + withoutReference
    return {
      users: this.#users.size,
      usersWithAccount: this.#accounts.ready,
      accountsWaiting: this.#accounts.pending,
      accountsNeedingAttention: this.#accounts.needs_attention + this.#accounts.odd,
      ...this.#of,
      waiting: this.#waiting,
      rejectedBy: this.#rejectedBy,
      latency: latencyOf(this.#latencies),
      syncRate: wanted === 0 ? null : this.#of.withReference / wanted,
      errorRate: published + pending + rejected === 0 ? null : rejected / (published + pending + rejected),
      firstPublished: this.#first,
    }
  }
}

function latencyOf(values: readonly number[]): LaunchNumbers['latency'] {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
  const average = Math.round(sorted.reduce((sum, value) => sum + value, 0) / sorted.length)
  return { count: sorted.length, average, p50: at(0.5), p99: at(0.99) }
}
