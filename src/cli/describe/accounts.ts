/** Users and their accounts as text for operators. */

import type { StoredAccountState } from '../../domain/account.ts'
import { countBy, counted } from '../../domain/tally.ts'
import { whoIs } from '../../domain/user-names.ts'
import type { AccountCheck } from '../../operate/account-check.ts'
import type { AccountList } from '../../operate/accounts.ts'
import type { Provision, Provisioned } from '../../operate/provision.ts'
import type { Sealed } from '../../operate/seal-passwords.ts'
import type { DocumentOf } from '../json/documents.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'
import { describeRelayPlan } from './relay-plan.ts'
import { describeSilent, silentDocument } from './silence.ts'

export function describeList({ counts, users, complete }: AccountList): string {
  const shown = Object.entries(counts.states).filter(([state, n]) => state !== 'odd' || n > 0)
  const states = shown.map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
  return [
    ...users.map(({ user, handle, state, did, reason, moods }) => {
      const why = reason === null ? '' : `  ${reason}`
      return `${state.replace('_', ' ').padEnd(15)} ${(did ?? '-').padEnd(32)} ${counted(moods, 'mood ', 'moods').padStart(12)}  ${whoIs(user, handle)}${why}`
    }),
    `${counted(counts.users, 'user')}: ${counts.withHandle} with a handle, ${counts.withMoods} with moods, ${counts.without} of these without an account.`,
    `Accounts: ${states.join(', ')}.`,
    ...(complete ? [] : ['Stopped: the list is not complete.']),
  ].join('\n')
}

export function documentList({ counts, ...list }: AccountList): DocumentOf<'accounts list'> {
  return { ...list, counts: { ...counts, states: documentStates(counts.states) } }
}

/** Counts by the state of accounts, with names as all of JSON has them. */
export function documentStates<S extends Readonly<Record<StoredAccountState, number>>>({
  needs_attention,
  ...others
}: S) {
  return { ...others, needsAttention: needs_attention }
}

export function describeProvisionPlan({ executed, planned, relay, ...left }: Omit<Provision, 'result'>): string {
  const total = planned.none + planned.pending + planned.refused
  const off =
    left.leftOut > 0 ? ` Federation leaves ${left.leftOut} of them out: nothing is published to those yet.` : ''
  const erased = left.beingErased > 0 ? ` ${counted(left.beingErased, 'user is', 'users are')} being erased.` : ''
  return [
    `${executed ? 'Making' : 'Would make'} accounts for ${counted(total, 'user')}.${off}${erased}`,
    ...describeRelayPlan(relay),
  ].join('\n')
}

/** @param now ms since 1970 */
export function describeProvision({ result }: Provision, now: number, isInterrupted: boolean): string {
  if (!result) return DRY_RUN
  return [describeProvisioned(result, now), ...(isInterrupted ? [INTERRUPTED] : [])].join('\n')
}

/** What came of asking for accounts. @param now ms since 1970 */
export function describeProvisioned(result: Provisioned, now: number): string {
  const { made, failed, reasons, notReached, waiting, silent } = result
  return [
    ...made.map(({ user, handle, pdsHandle }) => `made    ${pdsHandle ?? '-'}  for ${whoIs(user, handle)}`),
    ...failed.map(({ user, handle, code, message }) => `failed  ${whoIs(user, handle)}  ${code}: ${message}`),
    `${made.length} made, ${failed.length} failed, ${notReached} not reached.`,
    ...Object.entries(reasons).map(([code, n]) => `  ${n} failed: ${code}`),
    ...describeSilent(silent, now),
    ...(waiting > 0
      ? [
          `${counted(waiting, 'account is', 'accounts are')} requested: a worker makes ${waiting === 1 ? 'it' : 'them'}, and so does the same command.`,
        ]
      : []),
  ].join('\n')
}

export function documentProvision({ result, ...rest }: Provision): DocumentOf<'accounts provision'> {
  return { ...rest, result: result && { ...result, silent: silentDocument(result.silent) } }
}

export function describeSealed({ executed, accounts, plain, sealed, failed }: Sealed, isInterrupted: boolean): string {
  if (isInterrupted) return `${sealed} sealed. ${INTERRUPTED}`
  const found = `${plain} of ${counted(accounts, 'account')} ${plain === 1 ? 'has' : 'have'} a password in plain text.`
  if (!executed) return plain > 0 ? `${found} --execute seals them.` : found
  return `${found} ${sealed} sealed and unsealed again, ${failed} failed.`
}

/** @param now ms since 1970 */
export function describeCheck(
  { checked, notReached, findings, silent, stoppedAfter }: AccountCheck,
  now: number,
): string {
  return [
    ...findings.flatMap(({ user, handle, problem, detail, remedy }) => [
      `${problem}  ${whoIs(user, handle)}: ${detail}`,
      `  ${remedy}`,
    ]),
    `${counted(checked, 'account')} checked, ${counted(findings.length, 'finding')}.`,
    ...Object.entries(countBy(findings.map(({ problem }) => problem))).map(([problem, n]) => `  ${n} ${problem}`),
    ...describeSilent(silent, now),
    ...(notReached > 0 ? [`Not everything is known of ${notReached} of these accounts: check them again.`] : []),
    ...(stoppedAfter === null ? [] : [`Stopped. Resume with --after '${stoppedAfter}'`]),
  ].join('\n')
}

export function documentCheck({ silent, ...rest }: AccountCheck): DocumentOf<'accounts check'> {
  return { ...rest, silent: silentDocument(silent) }
}
