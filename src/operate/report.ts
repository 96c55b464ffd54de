/** The numbers of a launch, as far as a machine can know them. */

import type { AuditCounts, FindingKind } from '../domain/audit.ts'
import type { Mood } from '../domain/mood.ts'
import { count } from '../domain/counts.ts'
import type { Store } from '../ports/store.ts'
import { archived, storedAudits } from './pages.ts'

export interface LaunchReport {
  /** Only moods posted since then, in ms since 1970; null for all. */
  readonly since: number | null
  readonly users: number
  readonly usersWithAccount: number
  readonly accountsWaiting: number
  readonly accountsNeedingAttention: number
  readonly moods: number
  readonly private: number
  readonly deleted: number
  readonly published: number
  readonly withReference: number
  readonly withoutReference: number
  readonly pending: number
  readonly rejected: number
  /** Why, by code. */
  readonly rejectedBy: Readonly<Partial<Record<string, number>>>
  /** Milliseconds from post to publication, of moods that were published at the first try and not touched since. */
  readonly latency: {
    readonly count: number
    readonly average: number
    readonly p50: number
    readonly p99: number
  } | null
  /** Of published moods and those that should be, how many are; 0 to 1. */
  readonly syncRate: number | null
  readonly errorRate: number | null
  readonly firstPublished: number | null
  /** What audits have seen of the repos; null where there was none. */
  readonly audited: {
    readonly repos: number
    readonly records: number
    readonly findings: Partial<Record<FindingKind, number>>
    readonly oldest: number
  } | null
}

/** Version of a row that was inserted and settled once. */
const SETTLED_ONCE = 2
/** Latencies that are kept; beyond it every other one goes, so that memory stays small and the spread is kept. */
const SAMPLES = 100_000

/** Walks over every mood and every audit once. @param onMoods told how many moods were read so far */
export async function launchReport(
  store: Store,
  since: number | null,
  onMoods: (done: number) => void,
): Promise<LaunchReport> {
  const tally = new Tally()
  let done = 0
  for await (const page of archived(store, 'moods')) {
    for (const { mood, changedAt } of page) if (since === null || mood.when >= since) tally.add(mood, changedAt)
    onMoods((done += page.length))
  }
  const { states } = await store.accounts.count()
  const accounts = {
    usersWithAccount: states.ready,
    accountsWaiting: states.pending,
    accountsNeedingAttention: states.needs_attention,
  }
  return { since, ...accounts, ...tally.result(), audited: await audits(store) }
}

class Tally {
  readonly #users = new Set<string>()
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
  readonly #rejectedBy: Partial<Record<string, number>> = {}
  #latencies: number[] = []
  #first: number | null = null

  add(mood: Mood, changedAt: number): void {
    const { sync } = mood
    this.#users.add(mood.user)
    this.#of.moods++
    if (mood.isPrivate) this.#of.private++
    else if (mood.deleted) this.#of.deleted++
    else this.#of[sync.uri === null ? 'withoutReference' : 'withReference']++
    if (sync.state === 'pending') this.#of.pending++
    if (sync.state === 'rejected') {
      this.#of.rejected++
      count(this.#rejectedBy, sync.error?.code ?? 'unknown')
    }
    if (sync.state !== 'published') return
    this.#of.published++
    this.#first = Math.min(this.#first ?? Infinity, changedAt)
    if (mood.version !== SETTLED_ONCE || mood.ordinal === 0) return
    this.#latencies.push(Math.max(0, changedAt - mood.when))
    if (this.#latencies.length > SAMPLES) this.#latencies = this.#latencies.filter((_, i) => i % 2 === 0)
  }

  result() {
    const { published, pending, rejected, withoutReference } = this.#of
    const wanted = this.#of.withReference + withoutReference
    return {
      users: this.#users.size,
      ...this.#of,
      rejectedBy: this.#rejectedBy,
      latency: latencyOf(this.#latencies),
      syncRate: wanted === 0 ? null : this.#of.withReference / wanted,
      errorRate: published + pending + rejected === 0 ? null : rejected / (published + pending + rejected),
      firstPublished: this.#first,
    }
  }
}

function latencyOf(values: readonly number[]): LaunchReport['latency'] {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
  const average = Math.round(sorted.reduce((sum, value) => sum + value, 0) / sorted.length)
  return { count: sorted.length, average, p50: at(0.5), p99: at(0.99) }
}

async function audits(store: Store): Promise<LaunchReport['audited']> {
  let [repos, records, oldest] = [0, 0, Infinity]
  const findings: Partial<Record<FindingKind, number>> = {}
  for await (const page of storedAudits(store)) {
    for (const audit of page) {
      repos++
      records += (audit.counts satisfies AuditCounts).records
      oldest = Math.min(oldest, audit.at)
      for (const [kind, n] of Object.entries(audit.findings)) count(findings, kind as FindingKind, n)
    }
  }
  return repos === 0 ? null : { repos, records, findings, oldest }
}
