/** Puts moods back to work whose reason to be held is gone. */

import type { HoldReason } from '../domain/sync.ts'
import { enqueued } from '../domain/sync.ts'
import type { Clock } from '../ports/clock.ts'
import type { WorkStore } from '../ports/store.ts'

const PAGE = 500

/**
 * Enqueues every mood of the user that is held for this reason. One that changes meanwhile stays as it then is.
 *
 * @param stopped asked before each page; ends it early
 * @returns whether all of them are enqueued: false means, call this again later
 */
export async function enqueueHeld(
  work: WorkStore,
  clock: Clock,
  user: string,
  reason: HoldReason,
  stopped: () => boolean = () => false,
): Promise<boolean> {
  let isAll = true
  for (let after = ''; ;) {
    if (stopped()) return false
    const page = await work.held(user, reason, after, PAGE)
    const now = clock.now()
    const settlements = page.map(({ id, version, sync }) => ({ id, version, next: enqueued(sync, now) }))
    const kept = await work.settle(settlements, now)
    if (kept.size < page.length) isAll = false
    const last = page.at(-1)
    // A page that is not full is the last one.
    if (last === undefined || page.length < PAGE) return isAll
    after = last.id
  }
}
