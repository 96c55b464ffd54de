/** What a task will ask of a relay that admits so many accounts of the PDS. */

import { type Load, planFor, type RelayPlan } from '../domain/relay.ts'
import type { Store } from '../ports/store.ts'

/**
 * @param accountLimit null where it is not known
 * @param newAccounts accounts that the task makes
 * @returns null without a limit
 */
export async function relayPlanFor(
  { accounts }: Pick<Store, 'accounts'>,
  load: Load,
  accountLimit: number | null,
  newAccounts: number,
): Promise<RelayPlan | null> {
  if (accountLimit === null) return null
  const { states } = await accounts.count()
  return planFor(load, accountLimit, states.ready + newAccounts)
}
