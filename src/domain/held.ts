/** The moods that an audit leaves alone. A file of its own: what prints them must not load what compares records. */

import type { AuditCounts } from './audit-counts.ts'
import type { HoldReason } from './sync.ts'

/** Moods about which nothing is to be done, or not by a repair, by the reason. */
export function heldIn(counts: AuditCounts): Readonly<Record<HoldReason, number>> {
  const { private: hidden, kept, held, noAccount, history } = counts
  return { private: hidden, kept, federation_off: held, no_account: noAccount, backfill: history }
}
