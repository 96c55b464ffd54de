/** Users and their accounts as text for operators. */

import { countBy } from '../../domain/tally.ts'
import type { AccountCheck } from '../../operate/account-check.ts'
import type { AccountList } from '../../operate/accounts.ts'
import type { Provision } from '../../operate/provision.ts'
import type { Sealed } from '../../operate/seal-passwords.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'

export function describeList({ counts, users, interrupted }: AccountList): string {
  const states = Object.entries(counts.states).map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
  return [
    ...users.map(({ user, handle, state, did, reason, moods }) => {
      const name = handle === null ? '-' : `@${handle}`
      const why = reason === null ? '' : `  ${reason}`
      return `${name.padEnd(20)} ${state.padEnd(15)} ${(did ?? '-').padEnd(32)} ${String(moods).padStart(6)} moods  ${user}${why}`
    }),
    `${counts.users} users: ${counts.withHandle} with a handle, ${counts.withMoods} with moods, ${counts.without} of these without an account.`,
    `Accounts: ${states.join(', ')}.`,
    ...(interrupted ? ['Stopped: the list is not complete.'] : []),
  ].join('\n')
}

export function describeProvisionPlan({ executed, planned, ...left }: Omit<Provision, 'result'>): string {
  const total = planned.none + planned.pending + planned.refused
  const off = left.federationOff > 0 ? ` ${left.federationOff} users are excluded by FEDERATION.` : ''
  const erased = left.beingErased > 0 ? ` ${left.beingErased} users are being erased.` : ''
  return `${executed ? 'Making' : 'Would make'} accounts for ${total} users.${off}${erased}`
}

export function describeProvision({ result }: Provision): string {
  if (!result) return DRY_RUN
  const { made, failed, reasons, waiting, interrupted } = result
  return [
    ...made.map(
      ({ user, handle, pdsHandle }) => `made    ${pdsHandle ?? '-'}  for ${handle === '' ? user : `@${handle}`}`,
    ),
    ...failed.map(({ user, code, message }) => `failed  ${user}  ${code}: ${message}`),
    `${made.length} made, ${failed.length} failed, ${waiting} still to be made.`,
    ...Object.entries(reasons).map(([code, n]) => `  ${n} failed: ${code}`),
    ...(interrupted ? [INTERRUPTED] : []),
  ].join('\n')
}

export function describeSealed({ accounts, plain, sealed, failed, interrupted }: Sealed, execute: boolean): string {
  if (interrupted) return `${sealed} sealed. ${INTERRUPTED}`
  const found = `${plain} of ${accounts} accounts have a password in plain text.`
  if (!execute) return plain > 0 ? `${found} --execute seals them.` : found
  return `${found} ${sealed} sealed and unsealed again, ${failed} failed.`
}

export function describeCheck({ checked, findings, stoppedAfter }: AccountCheck): string {
  return [
    ...findings.flatMap(({ user, problem, detail, remedy }) => [`${problem}  ${user}: ${detail}`, `  ${remedy}`]),
    `${checked} accounts checked, ${findings.length} findings.`,
    ...Object.entries(countBy(findings.map(({ problem }) => problem))).map(([problem, n]) => `  ${n} ${problem}`),
    ...(stoppedAfter === null ? [] : [`Stopped. Resume with --after '${stoppedAfter}'`]),
  ].join('\n')
}
