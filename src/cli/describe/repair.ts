/** What `moods repair` prints. */

import { counted } from '../../domain/tally.ts'
import type { Account } from '../../domain/account.ts'
import { refusedRowsReason } from '../../domain/odd-reasons.ts'
import { holdReason } from '../../domain/reasons.ts'
import { whoIs } from '../../domain/user-names.ts'
import type { Deletion, Repair } from '../../operate/repair.ts'
import { colour } from '../colour.ts'
import { countsInWords, describeLeftAlone, describeSummary, summaryDocument } from './audit.ts'

/** Deletions that are listed by record key; more are counted. */
const LISTED = 20

/**
 * What is deleted from one repository, before it is.
 *
 * @param withWords whether to print the first words of the texts: on a terminal, never where it may be kept
 */
export function describeDeletions(
  { user, handle }: Pick<Account, 'user' | 'handle'>,
  deletions: readonly Deletion[],
  { execute, withWords }: { readonly execute: boolean; readonly withWords: boolean },
): string {
  const what = counted(deletions.length, 'record')
  const more = deletions.length - LISTED
  return [
    `${execute ? 'Deletes' : 'Would delete'} ${what} from the repository of ${whoIs(user, handle)}:`,
    ...deletions.slice(0, LISTED).map(({ kind, rkey, words }) => {
      const shown = colour(kind === 'leaked' ? 'problem' : 'info', kind.padEnd(10))
      return `  ${shown} ${rkey}${withWords && words !== null ? `  “${words}”` : ''}`
    }),
    ...(more > 0 ? [`  and ${more} more ("moods audit --json" lists all)`] : []),
  ].join('\n')
}

/** @param now ms since 1970 */
export function describeRepair(result: Repair, now: number): string {
  const { complete, executed, ordered, leftAlone, before, after, refused } = result
  return [
    ...describeSummary(before, now),
    inWords({ complete, executed, ordered, before }),
    ...(Object.keys(leftAlone).length > 0
      ? [`${describeLeftAlone(leftAlone)} ${holdReason('federation_off').remedy}`]
      : []),
    ...(refused.length > 0 ? describeRefused(refused) : []),
    ...(after ? ['', 'Afterwards:', ...describeSummary(after, now)] : []),
  ].join('\n')
}

/** Which rows take no change, and what to do. */
export function describeRefused(ids: readonly string[]): string[] {
  const { text, remedy } = refusedRowsReason(ids)
  return [`Not all is done: ${text}. ${remedy}`]
}

/** What was done, or would be. Where nothing was read, nobody knows whether there is something to repair. */
function inWords({
  complete,
  executed,
  ordered,
  before,
}: Pick<Repair, 'complete' | 'executed' | 'ordered' | 'before'>): string {
  if (Object.keys(ordered).length > 0) {
    const verb = complete ? 'Repaired' : 'Ordered, and not all done yet'
    return `${executed ? verb : 'Would repair (--execute does it)'}: ${countsInWords(ordered)}.`
  }
  const unread = before.notReached + before.unreadable
  if (before.audited === 0 && unread > 0) return 'Nothing was repaired, because no repository could be read.'
  const others =
    unread === 0 ? '' : ` Of ${counted(unread, 'repository', 'repositories')} that could not be read, nothing is known.`
  return `Nothing is to be repaired now.${others}`
}

/** The same for programs. */
export function repairDocument({ before, after, ...rest }: Repair) {
  return { ...rest, before: summaryDocument(before), after: after && summaryDocument(after) }
}
