/**
 * What is known of a repo from looks at it, each of which reads it whole or fails. A failed look says nothing about the repo,
 * so it stands beside the last good one and never replaces it. Pure.
 */

import { addedCounts, type AuditCounts } from './audit-counts.ts'
import type { FindingKind } from './finding-kinds.ts'
import { FURTHEST, isVoid } from './furthest.ts'
import { type Proof, seenAgain } from './proof.ts'
import { count } from './tally.ts'

/** What an audit found. */
export interface GoodLook {
  /** When it began, in ms since 1970. */
  readonly at: number
  /** Revision of the repo then; null when work was under way that will change it. */
  readonly rev: string | null
  readonly counts: AuditCounts
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
  /**
   * The last proof that no look since has contradicted. Null where anything was found, and where there never was one: work was under
   * way at each look, the signature was not checked, or the repo was read in a way that shows no signed commit.
   */
  readonly proof: Proof | null
}

/** Looks that have failed since the last good one. */
export interface FailedLooks {
  /** When the first of them began, as far as that is known, in ms since 1970. */
  readonly since: number
  /** When the last one began. */
  readonly at: number
  /** Why the last one failed. */
  readonly code: string
}

export interface RepoLooks {
  /** Null for a repo that was never read. */
  readonly good: GoodLook | null
  /** Null when the last look was good. */
  readonly failed: FailedLooks | null
}

export const NEVER_LOOKED: RepoLooks = { good: null, failed: null }

/** One look, whose result is known. */
export type Look =
  | ({ readonly kind: 'good' } & GoodLook)
  /**
   * The repo was not read: it was at this revision, and no mood had changed since a look that found nothing.
   *
   * @property at before either was looked at, in ms since 1970
   */
  | { readonly kind: 'unchanged'; readonly at: number; readonly rev: string }
  /** @property at when it began, in ms since 1970 */
  | { readonly kind: 'failed'; readonly at: number; readonly code: string }

/**
 * Adds a look to those before it. Looks that overlap may end in any order: what counts is when they began.
 *
 * @returns the newer of two good looks, with what is still proven, and the failed ones that began after it
 */
export function looked(before: RepoLooks, look: Look): RepoLooks {
  if (look.kind === 'failed') return { good: before.good, failed: withFailed(before, look) }
  if (look.kind === 'unchanged') return { ...before, good: before.good && unchanged(before.good, look) }
  const { at, rev, counts, findings, proof } = look
  const { good: last } = before
  const isLate = last !== null && last.at > at && !isVoid(last.at, at, FURTHEST.look)
  const read = { at, rev, counts, findings, proof }
  const good = isLate ? { ...last, proof: provenBefore(last, read) } : { ...read, proof: provenAfter(last, read) }
  return { good, failed: before.failed && failedAfter(before.failed, good.at) }
}

/** A look whose repo and moods were seen as they were. */
function unchanged(good: GoodLook, { rev, at }: { readonly rev: string; readonly at: number }): GoodLook {
  if (good.proof === null || good.rev !== rev || isVoid(good.at, at, FURTHEST.look)) return good
  return { ...good, proof: seenAgain(good.proof, rev, at) }
}

/**
 * From when on a mood that has changed speaks against a look that found nothing, in ms since 1970: since it began, or since the repo
 * was last seen as it was proven.
 */
export function lastSeen({ at, rev, proof }: GoodLook, now: number): number {
  if (proof === null || proof.rev !== rev || proof.seenAt > now) return at
  // By the clock of another process the mood may have changed earlier.
  return Math.max(at, proof.seenAt - FURTHEST.skew)
}

/** Whether a look found nothing. */
function isClean({ findings }: GoodLook): boolean {
  return Object.keys(findings).length === 0
}

/** What is proven after a look that began after all others. */
function provenAfter(last: GoodLook | null, look: GoodLook): Proof | null {
  if (!isClean(look)) return null
  const { at, rev, proof } = look
  const before = last?.proof ?? null
  if (before === null || isVoid(before.at, at, FURTHEST.look)) return proof
  if (proof === null) return seenAgain(before, rev, at)
  // It was seen again while it was read.
  return isVoid(before.seenAt, at, FURTHEST.look) ? proof : seenAgain(proof, before.rev, before.seenAt)
}

/** What is proven after a look that began before the last one, and ended after it. */
function provenBefore(last: GoodLook, late: GoodLook): Proof | null {
  const { proof } = last
  if (proof !== null) return isClean(late) || late.at < proof.at ? proof : null
  // What may have been found between the two is not known, unless the repo has not changed.
  const isSame = late.proof !== null && late.proof.rev === last.rev && isClean(last)
  return isSame ? seenAgain(late.proof, last.rev, last.at) : null
}

function withFailed(
  { good, failed }: RepoLooks,
  { at, code }: { readonly at: number; readonly code: string },
): FailedLooks | null {
  if (good !== null && good.at >= at && !isVoid(good.at, at, FURTHEST.look)) return failed
  if (failed === null) return { since: at, at, code }
  const isNewer = failed.at > at && !isVoid(failed.at, at, FURTHEST.look)
  return { since: Math.min(failed.since, at), at: isNewer ? failed.at : at, code: isNewer ? failed.code : code }
}

/** Of several, only the first and the last are known. */
function failedAfter({ since, at, code }: FailedLooks, goodAt: number): FailedLooks | null {
  if (at <= goodAt || isVoid(at, goodAt, FURTHEST.look)) return null
  return { since: since > goodAt ? since : at, at, code }
}

/** The good looks at several repos, added up. */
export interface LooksTogether {
  readonly repos: number
  /** When the oldest and the newest of them began, in ms since 1970. */
  readonly oldest: number
  readonly newest: number
  readonly counts: AuditCounts
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
}

/** Adds the look at one more repo. @param sum null for none so far */
export function withLook(sum: LooksTogether | null, { at, counts, findings: found }: GoodLook): LooksTogether {
  if (sum === null) return { repos: 1, oldest: at, newest: at, counts, findings: found }
  const findings = { ...sum.findings }
  for (const [kind, n] of Object.entries(found)) count(findings, kind as FindingKind, n)
  return {
    repos: sum.repos + 1,
    oldest: Math.min(sum.oldest, at),
    newest: Math.max(sum.newest, at),
    counts: addedCounts(sum.counts, counts),
    findings,
  }
}
