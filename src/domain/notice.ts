/** Something that operators should know of an installation. `domain/health.ts` decides when there is something. */

export const NOTICE_CODES = [
  'no_worker',
  'worker_stuck',
  'worker_behind',
  'pds_silent',
  'pds_unwell',
  'federation_off',
  'federation_limited',
  'moods_waiting',
  'erasures_open',
  'erasures_odd',
  'odd_data',
  'proofs_old',
  'clock_off',
  'relay_hides',
] as const
export type NoticeCode = (typeof NOTICE_CODES)[number]

export const NOTICE_LEVELS = ['problem', 'warning', 'info'] as const

export interface Notice {
  readonly code: NoticeCode
  readonly level: (typeof NOTICE_LEVELS)[number]
  /** Since when, in ms since 1970; null where that is not known. */
  readonly since: number | null
  /** What is the case. It names no user, operator or machine: anybody may read it. */
  readonly text: string
  /** Who, where, and which one: for operators; null where there is nothing to add. */
  readonly detail: string | null
  readonly remedy: string
}

const CHANGES_OFTEN: ReadonlySet<NoticeCode> = new Set(['pds_unwell', 'moods_waiting', 'erasures_open', 'proofs_old'])

/** Tells whether something has changed that is worth a line in the log: ages alone are not. */
export function sameNotice(one: Notice, other: Notice): boolean {
  const isOne = one.code === other.code && one.level === other.level
  // Of several PDSes, another one.
  if (one.code === 'pds_silent' && one.detail !== other.detail) return false
  // What waits changes with every mood that goes out, and a method may be spoiled now and then; anything else that begins again is news.
  return isOne && (one.since === other.since || CHANGES_OFTEN.has(one.code))
}
