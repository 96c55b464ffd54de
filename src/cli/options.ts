/** Options that several commands take, and what their values may be. */

import { InvalidArgumentError } from 'commander'

/** Every command prints its result as JSON when asked to. */
export const JSON_OPTION = ['--json', 'print one JSON document on standard output'] as const

/** Commands that change something only count it without this. */
export const EXECUTE_OPTION = ['--execute', 'do it; without this, only count what would be done'] as const

/** @throws InvalidArgumentError unless it is 1 or more */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('a whole number, 1 or more')
  return Number(text)
}

/** How users are named. */
export const USER = '@handle, handle on the PDS, DID, or sub of the sign-in provider'

/** Commands about users that are named, or about all of them. */
export const USERS_ARGUMENT = ['[user...]', `${USER}; all users if none is named`] as const

/** @throws InvalidArgumentError unless it is a share from 0 to 100, with or without % */
export function percentage(text: string): number {
  const percent = Number(text.replace(/%$/, ''))
  if (/^\d{1,3}(\.\d+)?%?$/.test(text) && percent <= 100) return percent
  throw new InvalidArgumentError('a share from 0 to 100')
}
