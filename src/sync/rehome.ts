/** Has the moods of a user published to the account that takes the place of another. */

import type { Account } from '../domain/account.ts'
import { rehomed } from '../domain/rehome.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { histories } from './pages.ts'

/**
 * Takes from every mood of the user what it claims of a record in a repo that the user had before. Does nothing twice.
 *
 * @returns how many moods were changed, and whether none is left that claims such a record
 */
export async function rehome(
  { moods, work }: Pick<Store, 'moods' | 'work'>,
  clock: Clock,
  { user, former }: Pick<Account, 'user' | 'former'>,
): Promise<{ readonly changed: number; readonly isAll: boolean }> {
  const dids = former.map(({ did }) => did)
  let [changed, isAll] = [0, true]
  if (dids.length === 0) return { changed, isAll }
  for await (const page of histories({ moods }, user)) {
    const now = clock.now()
    const settlements = page.flatMap(({ id, version, sync }) => {
      const next = rehomed(sync, dids, now)
      return next === null ? [] : [{ id, version, next }]
    })
    if (settlements.length === 0) continue
    const kept = await work.settle(settlements, now)
    changed += kept.size
    if (kept.size < settlements.length) isAll = false
  }
  return { changed, isAll }
}
