/** Handles of users, and the handles that their accounts get on the PDS. */

import { createHash } from 'node:crypto'
import { DomainError } from './errors.ts'

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/

/**
 * Reads a handle as people write it, with or without `@`, in any case.
 *
 * The limits are those of the reference PDS for the first label of a handle: 3 to 18 characters, no dot, no underscore,
 * no hyphen at an end (`packages/pds/src/handle/index.ts`).
 *
 * @throws DomainError `invalid_handle`
 */
export function parseHandle(input: string): string {
  const handle = input.trim().replace(/^@/, '')
  if (handle.length < 3 || handle.length > 18) {
    throw new DomainError('invalid_handle', 'a handle has 3 to 18 characters')
  }
  if (!LABEL.test(handle)) {
    throw new DomainError('invalid_handle', 'a handle has letters, digits and hyphens only, and no hyphen at an end')
  }
  return handle.toLowerCase()
}

/**
 * The user of a handle as people write it, among the users of its spellings: as it is written, and in lower case. An
 * existing database may have both, of two users, and neither is the other.
 *
 * @param users by their handles, those of {@link spellingsOf}
 */
export function userAmong(users: ReadonlyMap<string, string>, input: string): string | null {
  return (
    spellingsOf(input)
      .map((handle) => users.get(handle))
      .find((user) => user !== undefined) ?? null
  )
}

/** @throws DomainError `invalid_handle` */
export function spellingsOf(input: string): readonly string[] {
  return [input.trim().replace(/^@/, ''), parseHandle(input)]
}

/** What a PDS takes as the first label of a handle, as {@link parseHandle} leaves it. */
const LEGAL = /^[a-z0-9][a-z0-9-]{1,16}[a-z0-9]$/

/**
 * The name to ask the PDS for: the user's own handle first, and, where that one is reserved or taken there, the
 * handle with four characters of a hash of the user. The same input always gives the same name, so a crash changes nothing.
 *
 * A handle of an existing database may be illegal on a PDS: characters other than letters, digits and hyphens become a hyphen,
 * and one that is too short, too long or empty gets the hash from the start. Two of them may become the same first
 * choice; the PDS then refuses the second one, which gets another.
 *
 * @param handle as the application has it; empty for a user without one
 * @param candidate 0 for the first choice; each further one is another name
 * @param domain what the PDS appends, with its dot (`.test`)
 */
export function accountHandle(handle: string, user: string, candidate: number, domain: string): string {
  const label = labelOf(handle)
  if (candidate === 0 && LEGAL.test(label)) return label + domain
  const hash = createHash('sha256').update(`${user}\n${candidate}`).digest('hex')
  // Where nothing of the handle is left, four characters would be all that tells users apart.
  if (label === '') return `user-${hash.slice(0, 12)}${domain}`
  return `${label.slice(0, 13).replace(/-+$/, '')}-${hash.slice(0, 4)}${domain}`
}

/** The handle in the characters of a label; its length may still not do. */
function labelOf(handle: string): string {
  const lower = handle.toLowerCase()
  if (LEGAL.test(lower)) return lower
  // An accented letter is two characters then, the letter and its accent.
  const letters = lower.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  return letters.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
}
