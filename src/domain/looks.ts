/**
 * What is known of a repo from looks at it, each of which reads it whole or fails. A failed look says nothing about the repo,
 * so it stands beside the last good one and never replaces it. Pure.
 */

import { addedCounts, type AuditCounts } from './audit.ts'
import type { FindingKind } from './finding-kinds.ts'
import { FURTHEST, isVoid } from './furthest.ts'
import { count } from './tally.ts'

/** What an audit found. */
export interface GoodLook {
  /** When it began, in ms since 1970. */
  readonly at: number
  /** Revision of the repo then; null when work was under way that will change it. */
  readonly rev: string | null
  readonly counts: AuditCounts
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
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
  /** @property at when it began, in ms since 1970 */
  | { readonly kind: 'failed'; readonly at: number; readonly code: string }

/**
 * Adds a look to those before it. Looks that overlap may end in any order: what counts is when they began.
 *
 * @returns the newer of two good looks, and the failed ones that began after it
 */
export function looked(before: RepoLooks, look: Look): RepoLooks {
  if (look.kind === 'failed') return { good: before.good, failed: withFailed(before, look) }
  const { at, rev, counts, findings } = look
  const { good: last } = before
  const isNewer = last !== null && last.at > at && !isVoid(last.at, at, FURTHEST.look)
  const good = isNewer ? last : { at, rev, counts, findings }
  return { good, failed: before.failed && failedAfter(before.failed, good.at) }
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
