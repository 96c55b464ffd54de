/** The summary that `moods audit` and `moods repair` print. */

import { FINDING_KINDS } from '../../domain/finding-kinds.ts'
import type { Summary } from '../../operate/survey.ts'
import { percent } from '../phrases.ts'

/** An audit's counts, and a table of its findings. */
export function describeSummary({ counts, findings, ...of }: Summary): string[] {
  const checked = of.audited + of.unchanged + of.unreadable
  return [
    `moods          ${counts.moods}`,
    `records        ${counts.records}`,
    `sync rate      ${percent(of.syncRate, 'nothing to sync')}`,
    `checks passed  ${of.clean} of ${checked} repositories (${of.unchanged} unchanged since their last audit)`,
    `not findings   ${counts.kept} kept, ${counts.legacy} legacy, ${counts.inFlight} in flight, ${counts.unpublishable} unpublishable, ${counts.rejected} rejected`,
    ...(of.withoutAccount > 0 ? [`no account     ${of.withoutAccount} users`] : []),
    ...FINDING_KINDS.flatMap((kind) => (findings[kind] ? [`${kind.padEnd(15)}${findings[kind]}`] : [])),
  ]
}
