/** Applies a change to many moods. Repeating it does no harm, so whoever finds the intent may finish it. */

import { restored, softDeleted } from '../domain/changes.ts'
import type { Mood } from '../domain/mood.ts'
import type { MoodPosition, Store } from '../ports/store.ts'
import type { Intent } from '../domain/jobs.ts'
import type { Clock } from '../ports/clock.ts'
import { pagesOf } from './pages.ts'

const PAGE = 500

/** Readings in a row that change nothing: what is left then is not only changing at the same time. */
const MOST_IN_VAIN = 3

/** What came of an intent. */
export interface Applied {
  /** How many moods were changed. */
  readonly changed: number
  /** Moods that cannot be changed, by their ids: the intent is kept for them. */
  readonly left: readonly string[]
}

/**
 * Applies the user's intent to every mood it is about, and forgets it last. A mood that changes meanwhile is looked at again;
 * one whose row refuses the change is left, and the intent with it.
 */
export async function applyIntent(
  stores: Pick<Store, 'moods' | 'intents'>,
  clock: Clock,
  intent: Intent,
): Promise<Applied> {
  let changed = 0
  for (let inVain = 0; ;) {
    const { kept, left } = await applyOnce(stores, clock, intent)
    changed += kept
    inVain = kept === 0 ? inVain + 1 : 0
    if (left.length > 0 && inVain < MOST_IN_VAIN) continue
    if (left.length === 0) await stores.intents.finish(intent.user)
    return { changed, left }
  }
}

/** One reading of all moods that the intent is about, from the first to the last. */
async function applyOnce(
  { moods }: Pick<Store, 'moods'>,
  clock: Clock,
  { user, kind, records, through }: Intent,
): Promise<{ readonly kept: number; readonly left: readonly string[] }> {
  const which = kind === 'nuke' ? 'undeleted' : 'nuked'
  const read = (after: MoodPosition | null) => moods.ofUser(user, which, through, after, PAGE)
  const left: string[] = []
  let kept = 0
  const list = { read, positionOf: (mood: Mood): MoodPosition | null => mood, after: null, pageSize: PAGE }
  for await (const page of pagesOf(list)) {
    const now = clock.now()
    const next = page.map((mood) =>
      kind === 'nuke' ? softDeleted(mood, { by: 'nuke', records }, now) : restored(mood, now),
    )
    const saved = await moods.save(next, now)
    kept += saved.size
    left.push(...page.filter(({ id }) => !saved.has(id)).map(({ id }) => id))
  }
  return { kept, left }
}
