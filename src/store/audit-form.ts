/** The form in which every store keeps the looks at a repo, and the one in which earlier versions did. */

import type { FailedLooks, GoodLook, RepoLooks } from '../domain/looks.ts'

/** Of earlier versions: the last look, good or failed; a failed one had replaced what was known. */
interface LastLook extends GoodLook {
  /** Why it failed; null when it did not. */
  readonly code: string | null
}

export type StoredLooks = RepoLooks | LastLook

export function looksIn(stored: StoredLooks): RepoLooks {
  if ('good' in stored) return { good: stored.good, failed: stored.failed }
  const { at, rev, counts, findings, code } = stored
  if (code === null) return { good: { at, rev, counts, findings }, failed: null }
  const failed: FailedLooks = { since: at, at, code }
  return { good: null, failed }
}
