/** Why nothing is published for a user: the one rule for the engine, for audits, and for all that tells operators. Pure. */

import { type Account, isReady } from './account.ts'
import { type FederationPolicy, federates } from './policy.ts'
import type { HoldReason } from './sync.ts'

/** Reasons that hold back all moods of a user. */
export const USER_HOLDS = ['no_account', 'federation_off'] as const satisfies readonly HoldReason[]
export type UserHold = (typeof USER_HOLDS)[number]

/** What has to be ended first; null where the user's moods are published. */
export function userHold(user: string, account: Account | null, policy: FederationPolicy): UserHold | null {
  if (!isReady(account)) return 'no_account'
  return federates(policy, user, account.handle) ? null : 'federation_off'
}
