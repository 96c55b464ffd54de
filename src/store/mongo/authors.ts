/** Who has moods, along their index, whatever else stands where users should. */

import type { Collection } from 'mongodb'
import { isUserName } from '../../domain/odd.ts'
import type { MoodDocument } from './documents.ts'

const USER_ONLY = { user: 1, _id: 0 } as const

/** Up to `limit` users after one, once each. Hops from user to user, whatever they have. */
export async function authorsAfter(
  moods: Collection<MoodDocument>,
  after: string,
  limit: number,
): Promise<readonly string[]> {
  const users: string[] = []
  for (let from = after; users.length < limit;) {
    const next = await moods.findOne({ user: { $gt: from } }, { sort: { user: 1 }, projection: USER_ONLY })
    if (!next) break
    const user = isUserName(next.user) ? next.user : await namedAfter(moods, from)
    if (user === null) break
    users.push((from = user))
  }
  return users
}

/**
 * The next user whose name can be read. A list of users is found by each of them, and a name that is no UTF-8 cannot be
 * said to the server, so that neither is a place to go on from.
 */
async function namedAfter(moods: Collection<MoodDocument>, after: string): Promise<string | null> {
  const filter = { user: { $gt: after, $not: { $type: 'array' as const } } }
  await using cursor = moods.find(filter, { sort: { user: 1 }, projection: USER_ONLY })
  for await (const { user } of cursor) if (isUserName(user)) return user
  return null
}
