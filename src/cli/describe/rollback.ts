/** What `moods rollback` prints. */

import { counted } from '../../domain/tally.ts'
import type { DeletionPlan, Rollback } from '../../operate/rollback.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'
import { describeRefused } from './repair.ts'
import { describeSilent } from './silence.ts'

/** What is deleted, before it is. */
export function describeDeletion({ found, users }: DeletionPlan, execute: boolean): string {
  const what = `${counted(found, 'record')} of ${counted(users, 'user')}`
  return (
    `${execute ? 'Deletes' : 'Would delete'} ${what} from their repositories. ` +
    'This cannot be undone: others may have copied them, and a backfill can only publish the moods again.'
  )
}

/** @param now ms since 1970 */
export function describeRollback(
  { found, users, left, ...rest }: Rollback,
  isInterrupted: boolean,
  now: number,
): string {
  const what = `${rest.undo ? 'references to be noted again' : 'references to be forgotten'}: ${found}`
  return [
    ...(rest.step === 'delete-records' ? [] : [`${what}, of ${counted(users, 'user')}`]),
    rest.executed ? `left afterwards: ${left}` : DRY_RUN,
    ...(rest.refused.length > 0 ? describeRefused(rest.refused) : []),
    ...(rest.unreadable > 0
      ? [
          `${counted(rest.unreadable, 'repository', 'repositories')} cannot be read: nothing is known of ${rest.unreadable === 1 ? 'it' : 'them'}.`,
        ]
      : []),
    ...(rest.notReached > 0 ? [`${counted(rest.notReached, 'repository was', 'repositories were')} not reached.`] : []),
    ...describeSilent(rest.silent, now),
    ...(isInterrupted ? [INTERRUPTED] : []),
  ].join('\n')
}
