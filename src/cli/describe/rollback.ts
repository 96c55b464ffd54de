/** What `moods rollback` prints. */

import type { DeletionPlan, Rollback } from '../../operate/rollback.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'
import { describeSilent } from './silence.ts'

/** What is deleted, before it is. */
export function describeDeletion({ found, users }: DeletionPlan, execute: boolean): string {
  const what = `${count(found, 'record')} of ${count(users, 'user')}`
  return (
    `${execute ? 'Deletes' : 'Would delete'} ${what} from their repositories. ` +
    'This cannot be undone: others may have copied them, and a backfill can only publish the moods again.'
  )
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

/** @param now ms since 1970 */
export function describeRollback(
  { found, users, left, ...rest }: Rollback,
  isInterrupted: boolean,
  now: number,
): string {
  const what = `${rest.undo ? 'references to be noted again' : 'references to be forgotten'}: ${found}`
  return [
    ...(rest.step === 'delete-records' ? [] : [`${what}, of ${count(users, 'user')}`]),
    rest.executed ? `left afterwards: ${left}` : DRY_RUN,
    ...(rest.unreadable > 0 ? [`${rest.unreadable} repositories cannot be read: nothing is known of them.`] : []),
    ...(rest.notReached > 0 ? [`${rest.notReached} repositories were not reached.`] : []),
    ...describeSilent(rest.silent, now),
    ...(isInterrupted ? [INTERRUPTED] : []),
  ].join('\n')
}
