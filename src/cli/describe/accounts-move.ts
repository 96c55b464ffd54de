/** Accounts that get another address, or take the place of others, as text for operators. */

import { counted } from '../../domain/tally.ts'
import { whoIs } from '../../domain/user-names.ts'
import type { Rehosted, WhyNotThere } from '../../operate/rehost.ts'
import type { ReplacedFound, Replacement } from '../../operate/replace.ts'
import type { DocumentOf } from '../json/documents.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'
import { describeProvisioned } from './accounts.ts'
import { describeSilent, silentDocument } from './silence.ts'

const NOT_THERE: Readonly<Record<WhyNotThere, string>> = {
  missing: 'not there',
  older: 'there without its latest moods',
  unread: 'there, and not to be read',
}

export function describeRehosted(result: Rehosted, isInterrupted: boolean): string {
  const { executed, from, to, accounts, there, notThere, changed, madeAt } = result
  return [
    ...notThere.map(({ user, handle, did, why }) => `${NOT_THERE[why]}  ${did}  of ${whoIs(user, handle)}`),
    `${counted(accounts, 'account is', 'accounts are')} stored with ${from}; ${to} has the repos of ${there} of them.`,
    ...(notThere.length > 0
      ? [
          'Those that are not there as they were stay at the old address: "moods accounts check" says of each what became of it.',
        ]
      : []),
    ...(executed ? [`${counted(changed, 'account')} changed. A worker resumes their work.`] : [DRY_RUN]),
    ...(madeAt === null ? [] : [`New accounts are still made at ${madeAt}: that is PDS_URL.`]),
    ...(isInterrupted ? [INTERRUPTED] : []),
  ].join('\n')
}

/** How an account was found. */
const FOUND: Readonly<Record<ReplacedFound, string>> = {
  gone: 'the PDS has no such account any more',
  takendown: 'taken down by whoever runs the PDS',
  suspended: 'suspended by whoever runs the PDS',
  deactivated: 'deactivated by its owner',
  inactive: 'not active, as the PDS says',
  moved: 'on another PDS by now',
  replaced: 'replaced already; the new account is still to be made',
}

export function describeReplacePlan({ executed, accounts, usable }: Omit<Replacement, 'result'>): string {
  return [
    ...accounts.map(({ user, handle, did, found }) => `${did}  of ${whoIs(user, handle)}: ${FOUND[found]}`),
    ...usable.map(({ user, handle, did }) => `${did}  of ${whoIs(user, handle)} can be used: it stays`),
    `${executed ? 'Replacing' : 'Would replace'} ${counted(accounts.length, 'account')}.`,
  ].join('\n')
}

/** @param now ms since 1970 */
export function describeReplaced(replacement: Replacement, now: number, isInterrupted: boolean): string {
  const { executed, accounts, result, notReached, silent } = replacement
  const moods = accounts.reduce((sum, account) => sum + account.moods, 0)
  return [
    ...(notReached > 0 ? [`Nothing is known of ${counted(notReached, 'account')}: run it again.`] : []),
    ...(result ? [describeProvisioned(result, now)] : describeSilent(silent, now)),
    ...(executed && accounts.length > 0
      ? [`${counted(moods, 'mood')} put to work: a worker publishes them there.`]
      : []),
    ...(executed ? [] : [DRY_RUN]),
    ...(isInterrupted ? [INTERRUPTED] : []),
  ].join('\n')
}

export function documentReplaced({ silent, result, ...rest }: Replacement): DocumentOf<'accounts replace'> {
  return {
    ...rest,
    silent: silentDocument(silent),
    result: result && { ...result, silent: silentDocument(result.silent) },
  }
}
