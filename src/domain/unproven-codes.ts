/** Names of the reasons why a repo is not proven. */

/** Stable names, for programs. `domain/proof-reasons.ts` has the words. */
export const UNPROVEN_CODES = [
  'being_erased',
  'no_account',
  'never_audited',
  'not_readable',
  'findings',
  'in_flight',
  'not_signed',
] as const

export type UnprovenCode = (typeof UNPROVEN_CODES)[number]
