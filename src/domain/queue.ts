/**
 * The queue of repos that have work: one value for each repo, and the rules by which marks, claims and releases change
 * it. Pure: a store reads the value, applies a rule, and writes what comes of it, all in one atomic step or by
 * compare-and-set. A rule that changes nothing returns the value that it was given.
 */

import { brokenOff, type Quarantine } from './doubt.ts'
import { FURTHEST, isVoid } from './furthest.ts'

/** A repo as the queue knows it. All times are in ms since 1970. */
export interface RepoState {
  readonly user: string
  /** When it has work; null when it has none. */
  readonly dueAt: number | null
  /** When `dueAt` was set, by the clock of the process that did; 0 where that was not noted. */
  readonly dueSetAt: number
  /** Grows with every mark, so that a holder can tell whether there was one during its pass. */
  readonly marks: number
  /** Passes over this repo that failed in a row. */
  readonly failures: number
  /** There may have been a write that was not recorded: read the repo before writing. */
  readonly uncertain: boolean
  readonly quarantine: Quarantine
  /** Who works on it. One that is past its end was lost: its holder died, or was cut off. */
  readonly lease: { readonly token: string; readonly owner: string; readonly until: number } | null
}

/** The right to work on one repo, until a time, with what its holder has to know. */
export interface Lease {
  readonly user: string
  readonly token: string
  /** An earlier holder may have written without recording it: read the repo before writing. */
  readonly uncertain: boolean
  /** What a late write may still do to the repo. */
  readonly quarantine: Quarantine
  /** Passes over this repo that failed in a row. */
  readonly failures: number
  /** Marks that the holder has seen. */
  readonly marks: number
}

/** How a pass over a repo ended. */
export interface Release {
  /** When to come back, in ms since 1970; null when nothing is pending. */
  readonly dueAt: number | null
  readonly uncertain: boolean
  readonly quarantine: Quarantine
  readonly failures: number
}

/** A repo that was never marked. */
export function unmarked(user: string): RepoState {
  const quarantine = { until: 0, destructive: false }
  return { user, dueAt: null, dueSetAt: 0, marks: 0, failures: 0, uncertain: false, quarantine, lease: null }
}

/**
 * The repo without deadlines that are void: what is due then is due now, and a lease is a lost one. A repo may wait for
 * long, so when that was decided counts too: by a clock that was hours ahead, the wait would last for hours.
 */
export function bounded(repo: RepoState, now: number): RepoState {
  const { dueAt, dueSetAt, lease, quarantine } = repo
  const isAhead = isVoid(dueSetAt, now, FURTHEST.skew)
  const isDueVoid = dueAt !== null && dueAt > now && (isAhead || isVoid(dueAt, now, FURTHEST.repoDue))
  const isLeaseVoid = lease !== null && isVoid(lease.until, now, FURTHEST.lease)
  const isQuarantineVoid = isVoid(quarantine.until, now, FURTHEST.quarantine)
  if (!isDueVoid && !isLeaseVoid && !isQuarantineVoid) return repo
  return {
    ...repo,
    dueAt: isDueVoid ? now : dueAt,
    dueSetAt: isDueVoid ? now : dueSetAt,
    lease: isLeaseVoid ? { ...lease, until: now } : lease,
    quarantine: isQuarantineVoid ? { ...quarantine, until: now + FURTHEST.quarantine } : quarantine,
  }
}

/**
 * Takes the place of a repo whose state cannot be read: due now, and what may have been sent to it is not known. Nothing
 * else is lost, since marks are hints.
 */
export function rebuilt(user: string, now: number): RepoState {
  return { ...unmarked(user), dueAt: now, dueSetAt: now, marks: 1, ...brokenOff(now) }
}

/** The repo has work now. One that backs off after a failure is not due any sooner. */
export function marked(stored: RepoState, now: number): RepoState {
  const repo = bounded(stored, now)
  const isDue = repo.dueAt !== null && repo.dueAt <= now
  // The next holder sees the work anyway: a second mark would only cost a write.
  if (isDue && repo.lease === null) return repo
  return { ...repo, marks: repo.marks + 1, dueAt: dueAfterMark(repo, now), dueSetAt: now }
}

function dueAfterMark({ dueAt, failures }: Pick<RepoState, 'dueAt' | 'failures'>, now: number): number {
  if (dueAt === null) return now
  return failures > 0 ? dueAt : Math.min(dueAt, now)
}

/** The repo has work, and may have lost its mark: the sweep found pending rows. A mark that is there stays as it is. */
export function reminded(stored: RepoState, now: number): RepoState {
  const repo = bounded(stored, now)
  return repo.dueAt === null ? marked(repo, now) : repo
}

/** Whether a worker may claim it: it is due, and has no lease, or one that has ended. */
export function isClaimable({ dueAt, lease }: RepoState, now: number): boolean {
  return dueAt !== null && dueAt <= now && (lease === null || lease.until <= now)
}

/**
 * The repo under a new lease. If the last one was not released, its holder may have died between a write and the note of
 * it: the repo is uncertain, and in quarantine for as long as that write may take to land.
 *
 * @param quarantineMs how long after the end of a lost lease a write of its holder may still land
 * @returns null when it cannot be claimed
 */
export function claimed(
  repo: RepoState,
  lease: NonNullable<RepoState['lease']>,
  now: number,
  quarantineMs: number,
): RepoState | null {
  if (!isClaimable(repo, now)) return null
  const { lease: lost, quarantine } = bounded(repo, now)
  if (lost === null) return { ...repo, quarantine, lease }
  const until = Math.max(quarantine.until, lost.until + quarantineMs)
  return { ...repo, uncertain: true, quarantine: { ...quarantine, until }, lease }
}

/** What the holder of a claimed repo is told. */
export function leaseOf({ user, lease, uncertain, quarantine, failures, marks }: RepoState): Lease {
  if (lease === null) throw new Error('the repo is not claimed')
  return { user, token: lease.token, uncertain, quarantine, failures, marks }
}

/**
 * A deletion or replacement is about to be sent: if its holder dies, not even a right record is sure to stay.
 *
 * @returns null when the lease was lost
 */
export function notedDestructive(repo: RepoState, { token }: Lease): RepoState | null {
  if (repo.lease?.token !== token) return null
  return repo.quarantine.destructive ? repo : { ...repo, quarantine: { ...repo.quarantine, destructive: true } }
}

/** @returns null when the lease was lost */
export function renewed(repo: RepoState, { token }: Lease, until: number): RepoState | null {
  return repo.lease?.token === token ? { ...repo, lease: { ...repo.lease, until } } : null
}

/**
 * The repo after a pass. A mark that was set during the pass makes it due at once, unless it backs off.
 *
 * @returns null when the lease was lost: then the pass changes nothing
 */
export function released(repo: RepoState, lease: Lease, release: Release, now: number): RepoState | null {
  if (repo.lease?.token !== lease.token) return null
  const wasMarked = repo.marks !== lease.marks
  const dueAt = wasMarked ? dueAfterMark(release, now) : release.dueAt
  const { uncertain, quarantine, failures } = release
  return { ...repo, dueAt, dueSetAt: now, uncertain, quarantine, failures, lease: null }
}
