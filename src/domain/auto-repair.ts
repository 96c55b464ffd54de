/**
 * What the continuous check may mend by itself: links to records that are there, records that are missing, and records that must not
 * be there. Never what others have written, and no more in a day than a mistake of ours may cost. Pure.
 */

import { type AuditInput, type Finding, isDeletion } from './audit.ts'
import type { Limit } from './budget.ts'
import { FINDING_KINDS } from './finding-kinds.ts'
import type { Mood } from './mood.ts'
import { isLegacyRecordOf, moodIdIn } from './record.ts'

/**
 * Whether a finding may be mended without an operator.
 *
 * - `unlinked`: the right record is there, and is noted.
 * - `missing`, `dangling`: the record is published, where nothing stands under its key; or its absence is noted.
 * - `leaked`, and `stray` of a mood that was deleted: the record goes, where it is that mood's.
 *
 * Everything else is for people: `drift`, `foreign` and `unreadable` are what others wrote, a `duplicate` may be, a `stray` of no mood
 * is nobody's, and what is `odd` cannot be told.
 */
export function isSafe(finding: Finding, moods: ReadonlyMap<string, Mood>, records: AuditInput['records']): boolean {
  if (finding.hold !== null || finding.fix.kind === 'none') return false
  switch (finding.kind) {
    case 'unlinked':
      return finding.fix.kind === 'adopt'
    case 'missing':
    case 'dangling':
      return finding.fix.kind === 'enqueue' && !records.has(finding.fix.rkey)
    case 'leaked':
    case 'stray':
      return isOurs(finding, moods, records)
    case 'drift':
    case 'duplicate':
    case 'foreign':
    case 'unreadable':
    case 'odd':
      return false
  }
}

/** Whether the record to be removed is that of its mood: it names the mood, or is the record that we wrote. */
function isOurs({ moodId, rkey }: Finding, moods: ReadonlyMap<string, Mood>, records: AuditInput['records']): boolean {
  const mood = moodId === null ? undefined : moods.get(moodId)
  const record = rkey === null ? undefined : records.get(rkey)
  if (!mood || !record) return false
  return moodIdIn(record.value) === mood.id || record.cid === mood.sync.cid || isLegacyRecordOf(mood, record.value)
}

const DAY_MS = 24 * 3_600_000

/** So many repairs of one account in a day. */
export const REPAIRS_A_DAY: Limit = { max: 100, windowMs: DAY_MS }

/** Of these, so many may take records away: a tenth of what the repo holds, so that no mistake empties it. */
export function withdrawalsADay(records: number): Limit {
  return { max: Math.min(REPAIRS_A_DAY.max, Math.max(1, Math.floor(records / 10))), windowMs: DAY_MS }
}

/**
 * Which of these are repaired now, the most serious first.
 *
 * @param left how many repairs are left today, and how many of them may take records away
 */
export function withinADay(
  findings: readonly Finding[],
  left: { readonly repairs: number; readonly withdrawals: number },
): readonly Finding[] {
  const inOrder = findings.toSorted((a, b) => FINDING_KINDS.indexOf(a.kind) - FINDING_KINDS.indexOf(b.kind))
  const chosen: Finding[] = []
  let withdrawals = 0
  for (const finding of inOrder) {
    if (chosen.length === left.repairs) break
    if (isDeletion(finding) && ++withdrawals > left.withdrawals) continue
    chosen.push(finding)
  }
  return chosen
}
