/** Lists users and their accounts. */

import { accountReason } from '../domain/reasons.ts'
import type { AccountState } from '../domain/account.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress } from './deps.ts'
import { allUsers, type KnownUser } from './users.ts'

/** A user, as the list shows it. */
interface AccountLine {
  readonly user: string
  readonly handle: string | null
  /** `none`: no account was ever asked for. */
  readonly state: AccountState | 'none'
  readonly did: string | null
  readonly pdsHandle: string | null
  /** The PDS's code for why the account cannot be used; null where it can, or the reason is not known. */
  readonly reason: string | null
  /** Moods that are not deleted. */
  readonly moods: number
}

export interface AccountList {
  readonly counts: {
    readonly users: number
    readonly withHandle: number
    readonly withMoods: number
    /** Users who have moods and no account on the PDS. */
    readonly without: number
    readonly states: Readonly<Record<AccountState | 'none', number>>
  }
  readonly users: readonly AccountLine[]
  /** Whether all users were read. */
  readonly complete: boolean
}

/**
 * Lists all users with the state of their accounts.
 *
 * @param onlyWithout lists only users who have moods and no account on the PDS; the counts are of all users
 * @param stop ends it early
 */
export async function listAccounts(
  store: Store,
  onlyWithout: boolean,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<AccountList> {
  const all = (await allUsers(store, onProgress, stop)).map(toLine)
  const without = all.filter(({ moods, did, state }) => moods > 0 && did === null && state !== 'odd')
  const states = { none: 0, pending: 0, ready: 0, needs_attention: 0, odd: 0 }
  for (const { state } of all) states[state]++
  const counts = {
    users: all.length,
    withHandle: all.filter(({ handle }) => handle !== null).length,
    withMoods: all.filter(({ moods }) => moods > 0).length,
    without: without.length,
    states,
  }
  return { counts, users: onlyWithout ? without : all, complete: !stop.aborted }
}

function toLine({ user, handle, account, moods }: KnownUser): AccountLine {
  const state = account?.state ?? 'none'
  const reason = account?.odd ? accountReason(account).text : (account?.error?.code ?? null)
  return { user, handle, state, did: account?.did ?? null, pdsHandle: account?.pdsHandle ?? null, reason, moods }
}
