/** What users do with their accounts. */

import { type Account, newAccount, retried } from './domain/account.ts'
import { DomainError } from './domain/errors.ts'
import { parseHandle } from './domain/handle.ts'
import type { AccountStore, ErasureStore, Store } from './ports/store.ts'

export interface Profile {
  readonly handle: string | null
  readonly account: Account | null
}

export class Accounts {
  readonly #accounts: AccountStore
  readonly #erasures: ErasureStore
  readonly #nudge: (user: string) => void

  /** @param nudge says that a user's repo has work */
  constructor(store: Pick<Store, 'accounts' | 'erasures'>, nudge: (user: string) => void) {
    this.#accounts = store.accounts
    this.#erasures = store.erasures
    this.#nudge = nudge
  }

  /**
   * Gives the user a handle and asks for an account, which the engine makes when the PDS lets it. Asking again changes
   * nothing, but tries anew what had been refused.
   *
   * @param user the identity provider's `sub`
   * @throws DomainError `invalid_handle`, `handle_taken`, `already_signed_up` (with another handle),
   *   `being_erased`
   */
  async signUp(user: string, wanted: string): Promise<Profile> {
    const handle = parseHandle(wanted)
    if (await this.#erasures.byUser(user)) throw new DomainError('being_erased', 'this user is being forgotten')
    switch (await this.#accounts.claimHandle(user, handle)) {
      case 'taken':
        throw new DomainError('handle_taken', `the handle @${handle} is taken`)
      case 'has_other':
        throw new DomainError('already_signed_up', 'you have signed up with another handle')
      case 'claimed':
    }
    let account = await this.#accounts.add(newAccount(user, handle))
    if (account.state === 'needs_attention') account = (await this.#accounts.save(retried(account))) ?? account
    this.#nudge(user)
    return { handle, account }
  }

  async profile(user: string): Promise<Profile> {
    const handles = await this.#accounts.handlesOf([user])
    return { handle: handles.get(user) ?? null, account: await this.#accounts.byUser(user) }
  }

  /** `sub` of whoever has this handle, or null. @throws DomainError `invalid_handle` */
  async userOf(wanted: string): Promise<string | null> {
    const handle = parseHandle(wanted)
    return (await this.#accounts.usersOf([handle])).get(handle) ?? null
  }
}

/**
 * Who signs in with a handle for trying out: whoever has it, else the same new name each time.
 *
 * @throws DomainError `invalid_handle`
 */
export async function trialUser(accounts: Accounts, handle: string): Promise<string> {
  const known = await accounts.userOf(handle)
  if (known !== null) return known
  for (let n = 1; ; n++) {
    const user = n === 1 ? `trial|${handle}` : `trial|${handle}|${n}`
    // Somebody may have signed in with this handle and signed up with another.
    if ((await accounts.profile(user)).handle === null) return user
  }
}
