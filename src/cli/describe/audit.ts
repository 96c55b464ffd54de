/** The summary that `moods audit` and `moods repair` print. */

import { FINDING_KINDS } from '../../domain/finding-kinds.ts'
import type { Summary } from '../../operate/survey.ts'
import { percent } from '../phrases.ts'
import { describeLastKnown, describeSilent, lastKnownDocument, silentDocument } from './silence.ts'

/** An audit's counts, and a table of its findings. @param now ms since 1970 */
export function describeSummary({ counts, findings, silent, lastKnown, ...of }: Summary, now: number): string[] {
  const checked = of.audited + of.unchanged + of.unreadable
  return [
    `moods          ${counts.moods}`,
    `records        ${counts.records}`,
    `sync rate      ${percent(of.syncRate, 'nothing to sync')}`,
    `checks passed  ${of.clean} of ${checked} repositories (${of.unchanged} unchanged since their last audit)`,
    `not findings   ${counts.kept} kept, ${counts.legacy} legacy, ${counts.inFlight} in flight, ${counts.unpublishable} unpublishable, ${counts.rejected} rejected`,
    ...(of.withoutAccount > 0 ? [`no account     ${of.withoutAccount} users`] : []),
    ...FINDING_KINDS.flatMap((kind) => (findings[kind] ? [`${kind.padEnd(15)}${findings[kind]}`] : [])),
    ...(of.notReached > 0 ? [`not reached    ${of.notReached} of ${of.users} repositories`] : []),
    ...describeSilent(silent, now),
    ...describeLastKnown(lastKnown, now),
  ]
}

/** The same for programs. */
export function summaryDocument({ silent, lastKnown, ...numbers }: Summary) {
  return { ...numbers, silent: silentDocument(silent), lastKnown: lastKnownDocument(lastKnown) }
}
