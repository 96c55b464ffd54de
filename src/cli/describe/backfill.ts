/** A backfill as text for operators, and as a document for programs and for its report. */

import { counted } from '../../domain/tally.ts'
import { nameOf, whoIs } from '../../domain/user-names.ts'
import type { Backfill } from '../../operate/backfill.ts'
import type { DocumentOf } from '../json/documents.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'
import type { RunReport } from '../report-file.ts'
import { describeHeld } from './lines.ts'
import { describeRelayPlan } from './relay-plan.ts'
import { describeLastKnown, describeSilent, lastKnownDocument, silentDocument } from './silence.ts'

/** @param now ms since 1970 */
export function describeBackfill({ executed, overall, users, ...rest }: Backfill, now: number): string[] {
  const { skipped, usersNotBegun } = overall
  const failed = users.filter((user) => user.failed > 0 || (user.reason !== null && user.notReached === 0))
  const isStopped = !rest.complete && rest.silent.length === 0
  return [
    `users        ${overall.users}, ${overall.withAccount} with an account`,
    `moods        ${overall.total}`,
    `${executed ? 'migrated    ' : 'would be    '} ${overall.migrated}`,
    `already      ${overall.already}`,
    `failed       ${overall.failed}`,
    `skipped      ${skipped.private} private, ${skipped.deleted} deleted, ${skipped.tooLong} too long, ${skipped.noAccount} without account`,
    ...describeHeld({ private: skipped.private, no_account: skipped.noAccount }),
    ...(overall.notReached > 0 ? [`not reached  ${overall.notReached}`] : []),
    ...(usersNotBegun > 0 ? [`not begun    ${counted(usersNotBegun, 'user')}`] : []),
    ...failed.map(
      ({ handle, user, failed: n, total, reason }) =>
        `${whoIs(user, handle)}: ${n} of ${total} failed${reason ? `, because ${reason.text}. ${reason.remedy}` : ` (see "moods show ${nameOf(user, handle)}")`}`,
    ),
    ...describeSilent(rest.silent, now),
    ...describeLastKnown(rest.lastKnown, now),
    ...(isStopped ? [INTERRUPTED] : []),
    ...(executed ? [] : [...describeRelayPlan(rest.relay), DRY_RUN]),
  ]
}

export function backfillDocument({ silent, lastKnown, ...rest }: Backfill): DocumentOf<'backfill'> & RunReport {
  return { ...rest, silent: silentDocument(silent), lastKnown: lastKnownDocument(lastKnown) }
}
