/** What mending comes to, for people. */

import type { MendedData, MendPlan, UnmendedData } from '../../operate/data-mend.ts'
import { colour } from '../colour.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'

/** What nobody may overlook. */
function loud(text: string): string {
  return colour('alarm', text)
}

/** What must not be overlooked comes first. */
export function describeMendPlan({ mendable, left, changes, moods }: MendPlan): string {
  const { becomePublic, comeBack, shown, history, pending, recordLeft } = moods
  return [
    ...(becomePublic > 0
      ? [
          loud(
            `${becomePublic} moods become PUBLIC: as long as they are odd they are private, and they say that they are not.`,
          ),
        ]
      : []),
    ...(comeBack > 0
      ? [loud(`${comeBack} moods COME BACK: as long as they are odd they are deleted, and they say that they are not.`)]
      : []),
    ...(pending > 0
      ? [loud(`${pending} moods are in the queue of the engine: it brings their repositories up to date AT ONCE.`)]
      : []),
    ...(recordLeft > 0
      ? [
          loud(
            `${recordLeft} moods are private or deleted, and a record of each is said to be published: "moods audit" finds those, "moods repair" removes them.`,
          ),
        ]
      : []),
    `${mendable} documents can be mended, ${left} cannot ("moods data check" names them).`,
    ...changes.map(({ collection, field, documents }) => `${String(documents).padStart(8)}  ${collection}: ${field}`),
    ...(shown > 0 ? [`${shown} moods are shown in lists once they are mended.`] : []),
    ...(history > 0
      ? [
          `${history} of these are history that the engine has never seen: none is published before "moods backfill" does it.`,
        ]
      : []),
  ].join('\n')
}

export function describeMended(result: MendedData, isInterrupted: boolean): string {
  const { executed, mended, changedMeanwhile } = result
  if (!executed) return [describeMendPlan(result), isInterrupted ? INTERRUPTED : DRY_RUN].join('\n')
  return [
    `${mended} documents mended. What was there is kept: "moods data mend --undo" puts it back.`,
    ...(changedMeanwhile > 0 ? [`${changedMeanwhile} were changed meanwhile and left alone: run it again.`] : []),
    ...(isInterrupted ? [INTERRUPTED] : []),
  ].join('\n')
}

export function describeUnmended(result: UnmendedData, isInterrupted: boolean): string {
  const { executed, putBack, asBefore, changed, gone } = result
  return [
    `${putBack} mended documents ${executed ? 'are as they were before' : 'can be put back as they were before'}.`,
    ...(asBefore > 0 ? [`${asBefore} were so already.`] : []),
    ...(changed > 0 ? [`${changed} were changed since they were mended, and stay as they are.`] : []),
    ...(gone > 0 ? [`${gone} are not there any more.`] : []),
    ...(isInterrupted ? [INTERRUPTED] : executed ? [] : [DRY_RUN]),
  ].join('\n')
}
