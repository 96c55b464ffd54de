/** Phrases that more than one command prints. */

/** A share of 0 to 1 as a percentage. @param none what to print where there is none */
export function percent(share: number | null, none: string): string {
  return share === null ? none : `${(share * 100).toFixed(2)} %`
}

/** A time in UTC, as ISO 8601; null where there is none. @param at ms since 1970 */
export function isoTime<T extends number | null>(at: T): T extends number ? string : null
export function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

/** What a command that only counted prints. */
export const DRY_RUN = 'Nothing was done (--execute does it).'

/** What a command that was interrupted prints. */
export const INTERRUPTED = 'Stopped. Run the same command again to resume.'
