/** Why nothing is published for a user: the one rule for the engine, for audits, and for all that tells operators. Pure. */

import { type Account, isReady } from './account.ts'
import { type FederationPolicy, federates } from './policy.ts'
import type { HoldReason } from './sync.ts'

/** Reasons that hold back all moods of a user. */
export const USER_HOLDS = ['no_account', 'federation_off'] as const satisfies readonly HoldReason[]
export type UserHold = (typeof USER_HOLDS)[number]

/**
 * What has to be ended first; null where the user's moods are published. Whether to make an account that is still to be made
 * is up to the policy too, so there the policy is the only reason. Without an account, or with one that the PDS refuses,
 * nothing can be published whatever the policy, so that is named first.
 */
export function userHold(user: string, account: Account | null, policy: FederationPolicy): UserHold | null {
  if (mayPublish(account) && !federates(policy, user, account.handle)) return 'federation_off'
  return isReady(account) ? null : 'no_account'
}

/** Whether there is an account to publish to, or the engine makes one as soon as the policy lets it. */
export function mayPublish(account: Account | null): account is Account {
  return account !== null && (isReady(account) || account.state === 'pending')
}
