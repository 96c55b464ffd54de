/** The form in which every store keeps the looks at a repo, and the one in which earlier versions did. */

import { NO_COUNTS } from '../domain/audit.ts'
import type { FailedLooks, GoodLook, RepoLooks } from '../domain/looks.ts'

/** Of earlier versions: the last look, good or failed; a failed one had replaced what was known. */
interface LastLook extends GoodLook {
  /** Why it failed; null when it did not. */
  readonly code: string | null
}

export type StoredLooks = RepoLooks | LastLook

export function looksIn(stored: StoredLooks): RepoLooks {
  if ('good' in stored) return { good: stored.good && goodIn(stored.good), failed: stored.failed }
  const { at, rev, counts, findings, code } = stored
  if (code === null) return { good: goodIn({ at, rev, counts, findings }), failed: null }
  const failed: FailedLooks = { since: at, at, code }
  return { good: null, failed }
}

/** An earlier version counted less, and did not compare what federation held back, so its look spares no other. */
function goodIn({ at, rev, counts, findings }: GoodLook): GoodLook {
  const isOfToday = Object.keys(NO_COUNTS).every((name) => name in counts)
  return { at, rev: isOfToday ? rev : null, counts: { ...NO_COUNTS, ...counts }, findings }
}
