/** Applies a change to many moods. Repeating it does no harm, so whoever finds the intent may finish it. */

import { restored, softDeleted } from '../domain/changes.ts'
import type { IntentStore, MoodStore } from '../ports/store.ts'
import type { Intent } from '../domain/jobs.ts'
import type { Clock } from '../ports/clock.ts'

const PAGE = 500

/**
 * Applies the user's intent to every mood it is about, and forgets it last.
 *
 * @returns how many moods were changed
 */
export async function applyIntent(
  stores: { readonly moods: MoodStore; readonly intents: IntentStore },
  clock: Clock,
  intent: Intent,
): Promise<number> {
  const { user, kind, records, through } = intent
  const which = kind === 'nuke' ? 'undeleted' : 'nuked'
  let changed = 0
  for (;;) {
    const page = await stores.moods.ofUser(user, which, through, PAGE)
    if (page.length === 0) break
    const now = clock.now()
    const next = page.map((mood) =>
      kind === 'nuke' ? softDeleted(mood, { by: 'nuke', records }, now) : restored(mood, now),
    )
    changed += (await stores.moods.save(next, now)).size
  }
  await stores.intents.finish(user)
  return changed
}
