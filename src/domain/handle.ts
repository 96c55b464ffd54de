/** Handles: what users may call themselves, and what their accounts are called on the PDS. */

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
 * The name to ask the PDS for: the user's own handle first, and, where that one is reserved or somebody else's there, the
 * handle with four characters of a hash of the user. The same input always gives the same name, so a crash changes nothing.
 *
 * @param candidate 0 for the first choice; each further one is another name
 * @param domain what the PDS appends, with its dot (`.test`)
 */
export function accountHandle(handle: string, user: string, candidate: number, domain: string): string {
  if (candidate === 0) return handle + domain
  const hash = createHash('sha256').update(`${user}\n${candidate}`).digest('hex').slice(0, 4)
  return `${handle.slice(0, 13).replace(/-+$/, '')}-${hash}${domain}`
}
