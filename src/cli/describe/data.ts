/** What is odd about the stored data, for people and for programs. */

import { counted } from '../../domain/tally.ts'
import type { DataCheck } from '../../domain/data-check.ts'
import { oddRemedy } from '../../domain/odd-advice.ts'
import { oddText } from '../../domain/odd.ts'
import type { CheckedData, Oddity } from '../../operate/data-check.ts'
import type { DocumentOf } from '../json/documents.ts'
import { INTERRUPTED, isoTime } from '../phrases.ts'

/** How many odd documents are printed where the list was not asked for. */
export const LISTED = 20

export function describeDataCheck(checked: CheckedData, isInterrupted: boolean): string {
  const { documents, odd, mendable, groups, listed, notKept } = checked
  if (isInterrupted) return `${counted(documents, 'document')} read until then, ${odd} of them odd. ${INTERRUPTED}`
  const counts = odd === 0 ? 'none of them odd' : `${odd} of them odd, of which ${mendable} can be mended`
  const left = odd - listed.length
  return [
    ...listed.flatMap(describeOddity),
    ...(left > 0 ? [`… and ${left} more (--list prints all of them)`] : []),
    ...(odd > 0 ? [''] : []),
    ...groups.map((group) => {
      const howMany = `${String(group.documents).padStart(8)}  ${group.mendable} mendable`
      return `${howMany.padEnd(28)}${group.collection}: ${oddText(group)}`
    }),
    `${counted(documents, 'document')} read, ${counts}.`,
    ...(odd > 0 ? ['Odd documents are not shown, published, changed or deleted: docs/guides/odd-data.md'] : []),
    ...(notKept === null ? [] : [`The result is not kept, so that status and doctor do not know of it: ${notKept}`]),
  ].join('\n')
}

/** What is known of the data from the last check. */
export function describeLastCheck(check: DataCheck | null): string {
  if (check === null) return 'never checked (a worker does so once a day, "moods data check" now)'
  const { at, documents, odd, mendable } = check
  return `${odd} of ${counted(documents, 'document')} odd, ${mendable} of these mendable, checked ${isoTime(at)}`
}

/** The same for programs. */
export function checkDocument(check: DataCheck | null) {
  if (check === null) return null
  const { at, documents, odd, mendable } = check
  return { checkedAt: isoTime(at), documents, odd, mendable }
}

function describeOddity(oddity: Oddity): string[] {
  const { collection, id, user } = oddity
  const whose = user === null ? 'of nobody who can be read' : `of ${user}`
  return [`${collection} ${id} ${whose}: ${oddText(oddity)}`, `  ${remedyOf(oddity)}`]
}

function remedyOf(oddity: Oddity): string {
  return oddRemedy(oddity.collection, oddity, oddity.mending !== null)
}

export function documentDataCheck({
  documents,
  odd,
  mendable,
  groups,
  listed,
  notKept,
}: CheckedData): DocumentOf<'data check'> {
  const oddities = listed.map((oddity) => {
    const { collection, id, user, field, kind, mending } = oddity
    const words = { text: oddText(oddity), remedy: remedyOf(oddity) }
    return { collection, id, user, field, kind, mendable: mending !== null, ...words }
  })
  return { documents, odd, mendable, groups, oddities, notKept }
}
