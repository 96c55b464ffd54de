/** What the commands about the policy on federation do to its list of users. */

import { DomainError } from '../domain/errors.ts'
import type { PolicyRequest } from '../operate/federation.ts'

type List = PolicyRequest['list']

/** The list stays as it is. */
export const KEEP: List = { how: 'keep', names: [] }

/** @throws DomainError `usage` where users are named and are not to be there */
export function besideShare(names: readonly string[], { alone = false }: { readonly alone?: boolean }): List {
  if (alone && names.length > 0) throw new DomainError('usage', 'name no users with --alone')
  return names.length > 0 || alone ? { how: 'replace', names } : KEEP
}

/** @throws DomainError `usage` for both `--add` and `--remove`, or one of them without users */
export function allowed(
  names: readonly string[],
  { add = false, remove = false }: { readonly add?: boolean; readonly remove?: boolean },
): List {
  if (add && remove) throw new DomainError('usage', 'give one of --add and --remove')
  if (names.length === 0 && (add || remove)) throw new DomainError('usage', 'name the users to add or to remove')
  if (names.length === 0) return KEEP
  return { how: add ? 'add' : remove ? 'remove' : 'replace', names }
}
