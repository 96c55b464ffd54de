/** What a change of the policy means for the moods that are there: which of them it lets out, and which it holds. Pure. */

import { type Account, isReady } from './account.ts'
import type { Mood } from './mood.ts'
import { type FederationPolicy, federates } from './policy.ts'
import { recordFor } from './record.ts'

/** What becomes of one mood when the policy changes; null where the policy has no say in it. */
export type Effect =
  /** It is published, and was held before. */
  | 'released'
  /** It is held, and would have been published. */
  | 'held'
  /** It is published now as before. */
  | 'underWay'
  /** It is held now as before. */
  | 'stillHeld'
  /** It was there before the engine, and waits for a backfill whatever the policy. */
  | 'history'

/**
 * What becomes of a mood when one policy follows another. A record that is in a repo stays there under every policy.
 *
 * @param account the author's
 */
export function effectOf(
  mood: Mood,
  account: Account | null,
  before: FederationPolicy,
  after: FederationPolicy,
): Effect | null {
  if (mood.isPrivate || mood.deleted !== null || !mayPublish(account)) return null
  const { state, hold } = mood.sync
  if (hold === 'backfill') return 'history'
  if (state !== 'pending' && hold !== 'federation_off' && hold !== 'no_account') return null
  if (recordFor(mood, mood.sync.rkey).kind === 'invalid') return null
  const [was, is] = [before, after].map((policy) => federates(policy, mood.user, account.handle))
  if (was === is) return is ? 'underWay' : 'stillHeld'
  return is ? 'released' : 'held'
}

/** Whether there is an account to publish to, or the engine makes one as soon as the policy lets it. */
function mayPublish(account: Account | null): account is Account {
  return account !== null && (isReady(account) || account.state === 'pending')
}
