/** Arguments are checked: not every caller has the types. */

import { DomainError } from '../domain/errors.ts'
import { isUserName } from '../domain/odd.ts'

/** @throws DomainError `bad_request` unless it is a `sub` */
export function requireUser(user: unknown): string {
  if (isUserName(user)) return user
  throw new DomainError('bad_request', 'user is the sub of a user')
}
