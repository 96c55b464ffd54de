/** What an audit may find. Apart from the audit itself, since the command line names the kinds before it loads that. */

/** The most serious first. Explained where operators read it: `docs/guides/launch.md`. */
export const FINDING_KINDS = [
  'leaked',
  'missing',
  'drift',
  'dangling',
  'unlinked',
  'duplicate',
  'stray',
  'foreign',
  'unreadable',
  'odd',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

/** What a repair may be told to fix: a mood that cannot be read for certain is left to whoever keeps the database. */
export const REPAIRABLE: readonly FindingKind[] = FINDING_KINDS.filter((kind) => kind !== 'odd')

/** What a repair fixes by default: never records of other clients, or records that cannot be read. */
export const REPAIRED: readonly FindingKind[] = REPAIRABLE.filter((kind) => kind !== 'foreign' && kind !== 'unreadable')
