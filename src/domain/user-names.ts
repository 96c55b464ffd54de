/** The two ways in which a user is named to operators. */

import { shellWord } from './shell-word.ts'

/** As a command line takes one: `@handle`, or the `sub` where there is none, in quotes where a shell needs them. @param handle null or empty where there is none */
export function nameOf(user: string, handle: string | null): string {
  return shellWord(handle ? `@${handle}` : user)
}

/** As everything that is printed names one: `@handle (sub)`. @param handle null or empty where there is none */
export function whoIs(user: string, handle: string | null): string {
  return handle ? `@${handle} (${user})` : user
}
