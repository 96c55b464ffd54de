/** What mending comes to, for people. */

import { counted } from '../../domain/tally.ts'
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
            `${counted(becomePublic, 'mood becomes', 'moods become')} PUBLIC: what is odd is private, whatever it says of itself.`,
          ),
        ]
      : []),
    ...(comeBack > 0
      ? [
          loud(
            `${counted(comeBack, 'mood COMES', 'moods COME')} BACK: what is odd is deleted, whatever it says of itself.`,
          ),
        ]
      : []),
    ...(pending > 0
      ? [
          loud(
            `${counted(pending, 'mood is', 'moods are')} in the queue of the engine: the repositories are brought up to date AT ONCE.`,
          ),
        ]
      : []),
    ...(recordLeft > 0
      ? [
          loud(
            `${counted(recordLeft, 'mood is', 'moods are')} private or deleted, and a record of each is said to be published: "moods audit" finds those, "moods repair --execute" removes them.`,
          ),
        ]
      : []),
    `${counted(mendable, 'document')} can be mended, ${left} cannot ("moods data check" names them).`,
    ...changes.map(({ collection, field, documents }) => `${String(documents).padStart(8)}  ${collection}: ${field}`),
    ...(shown > 0 ? [`${counted(shown, 'mood is', 'moods are')} shown in lists once mended.`] : []),
    ...(history > 0
      ? [
          `${history} of these are history that the engine has never seen: none is published before "moods backfill --execute" does it.`,
        ]
      : []),
  ].join('\n')
}

export function describeMended(result: MendedData, isInterrupted: boolean): string {
  const { executed, mended, changedMeanwhile } = result
  if (!executed) return [describeMendPlan(result), isInterrupted ? INTERRUPTED : DRY_RUN].join('\n')
  return [
    `${counted(mended, 'document')} mended. What was there is kept: "moods data mend --undo --execute" puts it back.`,
    ...(changedMeanwhile > 0
      ? [`${counted(changedMeanwhile, 'was', 'were')} changed meanwhile and left alone: run it again.`]
      : []),
    ...(isInterrupted ? [INTERRUPTED] : []),
  ].join('\n')
}

export function describeUnmended(result: UnmendedData, isInterrupted: boolean): string {
  const { executed, putBack, asBefore, changed, gone } = result
  return [
    `${executed ? 'Put back' : 'Can be put back'} as before: ${counted(putBack, 'mended document')}.`,
    ...(asBefore > 0 ? [`${counted(asBefore, 'was', 'were')} so already.`] : []),
    ...(changed > 0
      ? [
          `${counted(changed, 'was', 'were')} changed since the mending, and ${changed === 1 ? 'stays as it is' : 'stay as they are'}.`,
        ]
      : []),
    ...(gone > 0 ? [`${counted(gone, 'is', 'are')} not there any more.`] : []),
    ...(isInterrupted ? [INTERRUPTED] : executed ? [] : [DRY_RUN]),
  ].join('\n')
}
