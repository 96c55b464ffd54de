/** The numbers of a launch checklist that the store knows. */

import type { AuditCounts } from '../domain/audit.ts'
import type { FindingKind } from '../domain/finding-kinds.ts'
import type { Mood } from '../domain/mood.ts'
import { count } from '../domain/tally.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { archived, storedAudits } from './pages.ts'

export interface LaunchReport {
  /** Whether every mood was counted. */
  readonly complete: boolean
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
  /** Milliseconds from post to publication, of moods that were published at the first try and have not changed since. */
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
  /** What the last audits found; null where there was none. */
  readonly audited: {
    readonly repos: number
    readonly records: number
    readonly findings: Partial<Record<FindingKind, number>>
    readonly oldest: number
  } | null
}

/** Version of a row that was inserted and settled once. */
const SETTLED_ONCE = 2
/** Most latencies kept; beyond it every other one is dropped, which bounds memory and keeps the distribution. */
const SAMPLES = 100_000

/**
 * Counts every mood and every stored audit, in one walk over each.
 *
 * @param since only moods posted since then, in ms since 1970; null for all
 * @param stop ends it early, with what was counted so far
 */
export async function launchReport(
  { store }: Pick<OperatorDeps, 'store'>,
  since: number | null,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<LaunchReport> {
  const tally = new Tally()
  let done = 0
  for await (const page of archived(store, 'moods', stop)) {
    for (const { mood, changedAt } of page) if (since === null || mood.when >= since) tally.add(mood, changedAt)
    onProgress('moods', (done += page.length), 0)
  }
  const { states } = await store.accounts.count()
  const accounts = {
    usersWithAccount: states.ready,
    accountsWaiting: states.pending,
    accountsNeedingAttention: states.needs_attention,
  }
  return { complete: !stop.aborted, since, ...accounts, ...tally.result(), audited: await audits(store) }
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
