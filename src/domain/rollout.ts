/** What a change of the policy means for the moods that are there: which of them it lets out, and which it holds. Pure. */

import type { Account } from './account.ts'
import { mayPublish, userHold } from './hold.ts'
import type { Mood } from './mood.ts'
import type { FederationPolicy } from './policy.ts'
import { recordFor } from './record.ts'
import type { HoldReason } from './sync.ts'

/** What becomes of one mood when the policy changes. Each mood is in exactly one of these cases. */
export type Effect =
  /** It is published, and was held before. */
  | 'released'
  /** It is held, and would have been published. */
  | 'held'
  /** It is published now as before. */
  | 'underWay'
  /** It is held now as before. */
  | 'stillHeld'
  /** It was there before the engine, and waits for a backfill whatever the policy and the account. */
  | 'history'
  /** Its author has no account, or one that the PDS refuses: it is held whatever the policy. */
  | 'noAccount'
  /** The policy has no say in it: it is published, private, deleted, refused, or nobody's. */
  | 'settled'

/** Reasons to hold a mood that may be published one day. */
const WAITING: ReadonlySet<HoldReason | null> = new Set(['backfill', 'federation_off', 'no_account'] as const)

/** All of them, the ones that the policy decides first. */
export const EFFECTS = ['released', 'held', 'underWay', 'stillHeld', 'history', 'noAccount', 'settled'] as const

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
): Effect {
  const { state, hold } = mood.sync
  // Moods of an existing database may have no author.
  if (mood.isPrivate || mood.deleted !== null || mood.user === '') return 'settled'
  if (state !== 'pending' && !WAITING.has(hold)) return 'settled'
  if (hold === 'backfill') return 'history'
  if (!mayPublish(account)) return 'noAccount'
  if (recordFor(mood, mood.sync.rkey).kind === 'invalid') return 'settled'
  const [was, is] = [before, after].map((policy) => userHold(mood.user, account, policy) !== 'federation_off')
  if (was === is) return is ? 'underWay' : 'stillHeld'
  return is ? 'released' : 'held'
}
