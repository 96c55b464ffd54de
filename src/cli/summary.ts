/** Results that more than one command prints. */

import { FINDING_KINDS } from '../domain/audit.ts'
import type { Summary } from '../operate/survey.ts'

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

/** A share of 0 to 1 as a percentage. @param none what to print where there is none */
export function percent(share: number | null, none: string): string {
  return share === null ? none : `${(share * 100).toFixed(2)} %`
}

/** What a command that only counted prints. */
export const DRY_RUN = 'Nothing was done (--execute does it).'

/** What a command that was interrupted prints. */
export const INTERRUPTED = 'Stopped. Run the same command again to resume.'
