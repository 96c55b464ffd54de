/** Names in the log for what the log must not name: users, by their `sub`, and erasures, by their receipt. */

import { createHash } from 'node:crypto'

/**
 * Short enough to read, long enough to tell users apart; it cannot be traced to a user without the `sub` itself. `moods show`
 * resolves it.
 *
 * @param secret the `sub` of a user, or the receipt of an erasure
 * @returns 12 hex digits
 */
export function logId(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 12)
}

/** Whether a text has the form of a {@link logId}. */
export function isLogId(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text)
}
