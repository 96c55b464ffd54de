/** When a repo is tried again after a failed pass, whichever request of the pass failed: a login, a write or a reading. */

import { backoffMs } from './backoff.ts'
import type { Failure } from './outcome.ts'

export type NextTry =
  /** Come back after `afterMs` milliseconds; `failures` in a row have been counted by then. */
  | { readonly kind: 'wait'; readonly afterMs: number; readonly failures: number }
  /** The PDS refuses the account; waiting does not help. */
  | { readonly kind: 'needs_attention'; readonly code: string; readonly message: string }

/**
 * Decides what follows a failure. A request to wait is obeyed and counts as no failure; a refusal of a known account waits for an
 * operator; everything else comes back after a growing wait.
 *
 * @param before failures in a row before this one
 * @param hasAccount whether there is an account that can be refused
 * @param random gives a number in [0, 1), for the jitter
 */
export function nextTry(failure: Failure, before: number, hasAccount: boolean, random: () => number): NextTry {
  if (failure.kind === 'later') return { kind: 'wait', afterMs: failure.afterMs, failures: before }
  if (failure.kind === 'unauthorized' && hasAccount) {
    return { kind: 'needs_attention', code: failure.code, message: failure.message }
  }
  return { kind: 'wait', afterMs: backoffMs(before + 1, random()), failures: before + 1 }
}
