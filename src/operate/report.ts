/** The numbers of a launch checklist that the store knows. */

import pMap from 'p-map'
import type { Account } from '../domain/account.ts'
import type { FindingKind } from '../domain/finding-kinds.ts'
import { type LooksTogether, withLook } from '../domain/looks.ts'
import type { Mood } from '../domain/mood.ts'
import { count } from '../domain/tally.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { Hosts } from './hosts.ts'
import { archived, storedAudits } from './pages.ts'
import type { SilentHost } from './silence.ts'

export interface LaunchReport {
  /** Whether every mood was counted, and every PDS answers. */
  readonly complete: boolean
  /** Only moods posted since then, in ms since 1970; null for all. */
  readonly since: number | null
  /** Who has posted, or has an account; with `since`, who has posted since then. */
  readonly users: number
  /** Of these users. */
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
  /** What the last good audits found, and when the oldest and the newest of them were; null where there was none. */
  readonly audited: {
    readonly repos: number
    readonly records: number
    readonly findings: Readonly<Partial<Record<FindingKind, number>>>
    readonly oldest: number
    readonly newest: number
  } | null
  /** Repositories whose last audit failed; null where there is none. */
  readonly unread: Unread | null
  /** Hosts that do not answer now: what audits found there may be old. */
  readonly silent: readonly SilentHost[]
}

interface Unread {
  readonly repos: number
  /** The first of these failures, in ms since 1970. */
  readonly since: number
  /** How many of these were never read at all. */
  readonly neverRead: number
  /** How many, by the reason. */
  readonly codes: Readonly<Partial<Record<string, number>>>
}

/** Most latencies kept; beyond it every other one is dropped, which bounds memory and keeps the distribution. */
const SAMPLES = 100_000

/**
 * Counts every mood, account and stored audit, in one walk over each, and asks every PDS whether it answers.
 *
 * @param since only moods posted since then, in ms since 1970; null for all
 * @param stop ends it early, with what was counted so far
 */
export async function launchReport(
  deps: Pick<OperatorDeps, 'store' | 'directory' | 'clock'>,
  since: number | null,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<LaunchReport> {
  const { store } = deps
  const tally = new Tally()
  let done = 0
  for await (const page of archived(store, 'moods', stop)) {
    for (const { mood } of page) if (since === null || mood.when >= since) tally.add(mood)
    onProgress('moods', (done += page.length), 0)
  }
  const repos = new Map<string, string>()
  for await (const page of archived(store, 'accounts', stop)) {
    for (const account of page) {
      if (since === null || tally.has(account.user)) tally.addAccount(account)
      if (account.did !== null && account.pds !== null) repos.set(account.pds, account.did)
    }
  }
  const silent = await silentHosts(deps, repos, stop)
  const complete = !stop.aborted && silent.length === 0
  return { complete, since, ...tally.result(), ...(await audits(store)), silent }
}

/** The PDSes that do not answer. @param repos a repo of each, by the URL of the PDS */
async function silentHosts(
  deps: Pick<OperatorDeps, 'store' | 'directory' | 'clock'>,
  repos: ReadonlyMap<string, string>,
  stop: AbortSignal,
): Promise<readonly SilentHost[]> {
  const hosts = new Hosts(deps, stop)
  await pMap(repos, ([pds, did]) => hosts.ask(pds, () => deps.directory.repoStatus(pds, did, stop)), { concurrency: 8 })
  return hosts.silent
}

class Tally {
  readonly #users = new Set<string>()
  readonly #accounts = { ready: 0, pending: 0, needs_attention: 0 }
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

  add(mood: Mood): void {
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
    if (sync.state === 'published') this.#of.published++
    const first = sync.firstPublished
    if (first === null) return
    this.#first = Math.min(this.#first ?? Infinity, first.at)
    if (!first.direct) return
    this.#latencies.push(Math.max(0, first.at - mood.when))
    if (this.#latencies.length > SAMPLES) this.#latencies = this.#latencies.filter((_, i) => i % 2 === 0)
  }

  has(user: string): boolean {
    return this.#users.has(user)
  }

  addAccount({ user, state }: Account): void {
    this.#users.add(user)
    this.#accounts[state]++
  }

  result() {
    const { published, pending, rejected, withoutReference } = this.#of
    const wanted = this.#of.withReference + withoutReference
    return {
      users: this.#users.size,
      usersWithAccount: this.#accounts.ready,
      accountsWaiting: this.#accounts.pending,
      accountsNeedingAttention: this.#accounts.needs_attention,
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

/** The last good looks at all repos, and those that have failed since. */
async function audits(store: Store): Promise<Pick<LaunchReport, 'audited' | 'unread'>> {
  let read: LooksTogether | null = null
  let [repos, since, neverRead] = [0, Infinity, 0]
  const codes: Partial<Record<string, number>> = {}
  for await (const page of storedAudits(store)) {
    for (const { good, failed } of page) {
      if (good) read = withLook(read, good)
      if (failed === null) continue
      repos++
      since = Math.min(since, failed.since)
      if (good === null) neverRead++
      count(codes, failed.code)
    }
  }
  const unread = repos === 0 ? null : { repos, since, neverRead, codes }
  if (read === null) return { audited: null, unread }
  const { counts, ...looks } = read
  return { audited: { ...looks, records: counts.records }, unread }
}
