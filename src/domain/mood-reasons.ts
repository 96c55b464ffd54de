/** One mood in words: why it is in its state, for lists, and what an audit finds about it. Pure. */

import { type FindingKind, REPAIRABLE, REPAIRED } from './finding-kinds.ts'
import type { UserHold } from './hold.ts'
import type { Mood } from './mood.ts'
import { holdReason, type Reason, rowReason } from './reasons.ts'
import { isPublic } from './record.ts'

/**
 * Why a mood is in its state, by its row and the policy: what nobody has looked at yet is not about to be published where
 * federation leaves the author out.
 *
 * @param isLeftOut whether it does
 */
export function moodReason(mood: Pick<Mood, 'sync' | 'isPrivate' | 'deleted'>, isLeftOut: boolean): Reason {
  const isHeld = isLeftOut && mood.sync.state === 'pending' && isPublic(mood)
  return isHeld ? holdReason('federation_off') : rowReason(mood.sync)
}

/** How a mood's row and its record disagree: the finding in words. */
const OUT_OF_STEP: Readonly<Record<FindingKind, string>> = {
  leaked: 'it is private, and its record is in the repository',
  missing: 'its record is not in the repository',
  drift: 'the record in the repository differs from it',
  dangling: 'its row names a record that is not in the repository',
  unlinked: 'its record is in the repository, and its row does not name it',
  duplicate: 'there is a second record of it',
  stray: 'it is deleted, and its record is in the repository',
  foreign: 'at its key there is a record that another client wrote',
  unreadable: 'at its key there is a record that cannot be read',
  odd: 'at its key there is the record of a mood that cannot be read for certain',
}

/**
 * Why a mood is not as it should be, though no work is under way.
 *
 * @param hold why a repair leaves it as it is; null where it mends it
 */
export function findingReason(kind: FindingKind, hold: UserHold | null, who: string): Reason {
  return { code: 'out_of_step', text: OUT_OF_STEP[kind], remedy: repairOf(kind, hold, who) }
}

function repairOf(kind: FindingKind, hold: UserHold | null, who: string): string {
  if (hold !== null)
    return `A repair leaves it as it is, because ${holdReason(hold).text}. ${holdReason(hold, who).remedy}`
  if (!REPAIRABLE.includes(kind)) return `A repair leaves it as it is: "moods audit ${who}" says what sets it right.`
  const chosen = REPAIRED.includes(kind) ? '' : ` --finding ${kind}`
  return `Repair it: "moods repair ${who}${chosen} --execute".`
}
