/** What a task will ask of a relay, as it is said before the task begins. */

import { crowdText, CROWD_REMEDY, type RelayPlan } from '../../domain/relay.ts'
import { counted } from '../../domain/tally.ts'
import { colour } from '../colour.ts'
import { duration } from '../progress.ts'

/** @param most whether the task may come to less than that */
export function describeRelayPlan(plan: RelayPlan | null, most = false): string[] {
  if (plan === null) return []
  const { events, leastMs, accountLimit, accounts } = plan
  const crowd = crowdText(accounts, accountLimit)
  const time = leastMs === 0 ? 'no time at all' : `at least ${duration(leastMs / 1_000)}`
  return [
    `That is ${most ? 'at most ' : ''}${counted(events, 'event')} for the relays. Where they admit ${counted(accountLimit, 'account')} (RELAY_ACCOUNT_LIMIT), ${events === 1 ? 'it takes' : 'they take'} ${time}.`,
    ...(crowd === null ? [] : [`${colour('warning', 'warning')}: this makes ${crowd}. What to do: ${CROWD_REMEDY}`]),
  ]
}
