/** What an audit counts. Pure. */

/**
 * Moods by how they stand. Each mood is in one of these numbers, or has a finding that names it; `moods` is all of them, and
 * `records` what the repo holds.
 */
export interface AuditCounts {
  readonly moods: number
  readonly records: number
  /** In step: the right record is in the repo, and the row names it. */
  readonly synced: number
  /** In step, with a record of the older form. */
  readonly legacy: number
  /** Deleted by the author, who wanted the record left as it is; and it is there. */
  readonly kept: number
  /** Federation leaves the author out: not published yet, or with a change that is not. */
  readonly held: number
  /** There is no account to publish to. */
  readonly noAccount: number
  /** From before the engine, and never published: it waits for a backfill. */
  readonly history: number
  /** The engine has work to do on it. */
  readonly inFlight: number
  /** Private, and not there, as it should be. */
  readonly private: number
  /** Deleted, and not there, as it should be. */
  readonly absent: number
  /** No record can hold it: too long, for one. */
  readonly unpublishable: number
  readonly rejected: number
}

/** All zero. */
export const NO_COUNTS: AuditCounts = {
  moods: 0,
  records: 0,
  synced: 0,
  legacy: 0,
  kept: 0,
  held: 0,
  noAccount: 0,
  history: 0,
  inFlight: 0,
  private: 0,
  absent: 0,
  unpublishable: 0,
  rejected: 0,
}

/** The counts of two audits together. */
export function addedCounts(a: AuditCounts, b: AuditCounts): AuditCounts {
  const names = Object.keys(NO_COUNTS) as (keyof AuditCounts)[]
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as AuditCounts
}
