/** The numbers of a launch checklist that the store knows. */

import pMap from 'p-map'
import type { DataCheck } from '../domain/data-check.ts'
import type { FindingKind } from '../domain/finding-kinds.ts'
import { type LooksTogether, withLook } from '../domain/looks.ts'
import { type ProofNumbers, ProofTally } from '../domain/proving.ts'
import { count } from '../domain/tally.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { Hosts } from './hosts.ts'
import { type LaunchNumbers, LaunchTally } from './launch-tally.ts'
import { archived, storedAudits } from './pages.ts'
import type { SilentHost } from './silence.ts'

export interface LaunchReport extends LaunchNumbers {
  /** Whether every mood was counted, and every PDS answers. */
  readonly complete: boolean
  /** Only moods posted since then, in ms since 1970; null for all. */
  readonly since: number | null
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
  /** What the last check of the data found: what is odd is in none of the numbers. Null where there was none. */
  readonly data: DataCheck | null
  /** How all repos stand with their proofs. */
  readonly proofs: ProofNumbers
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

/**
 * Counts every mood, account and stored audit, in one walk over each, and asks every PDS whether it answers.
 *
 * @param since only moods posted since then, in ms since 1970; null for all
 * @param stop ends it early, with what was counted so far
 */
export async function launchReport(
  deps: Pick<OperatorDeps, 'store' | 'directory' | 'clock' | 'timer'>,
  since: number | null,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<LaunchReport> {
  const { store } = deps
  const tally = new LaunchTally(since)
  let done = 0
  for await (const page of archived(store, 'moods', stop)) {
    for (const { mood } of page) tally.addMood(mood)
    onProgress('moods', (done += page.length), 0)
  }
  const repos = new Map<string, string>()
  const proofs = new ProofTally()
  for await (const page of archived(store, 'accounts', stop)) {
    const looks = await store.audits.of(page.map(({ user }) => user))
    for (const account of page) {
      tally.addAccount(account)
      proofs.add(account, looks.get(account.user))
      if (account.did !== null && account.pds !== null) repos.set(account.pds, account.did)
    }
  }
  const silent = await silentHosts(deps, repos, stop)
  const complete = !stop.aborted && silent.length === 0
  const data = await store.tasks.last('check')
  return { complete, since, ...tally.result(), ...(await audits(store)), silent, data, proofs: proofs.numbers() }
}

/** The PDSes that do not answer. @param repos a repo of each, by the URL of the PDS */
async function silentHosts(
  deps: Pick<OperatorDeps, 'store' | 'directory' | 'clock' | 'timer'>,
  repos: ReadonlyMap<string, string>,
  stop: AbortSignal,
): Promise<readonly SilentHost[]> {
  const hosts = new Hosts(deps, stop)
  await pMap(repos, ([pds, did]) => hosts.ask(pds, () => deps.directory.repoStatus(pds, did, stop)), { concurrency: 8 })
  return hosts.silent
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
