/** What users do with their accounts. */

import { type Account, newAccount, retried } from './domain/account.ts'
import { DomainError } from './domain/errors.ts'
import { parseHandle, spellingsOf, userAmong } from './domain/handle.ts'
import type { Proof } from './domain/proof.ts'
import { BEING_ERASED, proofOf, type Unproven, whyUnproven } from './domain/proof-reasons.ts'
import type { Sighting } from './domain/sighting.ts'
import type { SightingStore } from './ports/sightings.ts'
import type { AccountStore, AuditStore, ErasureStore, Store } from './ports/store.ts'
import { sightingsOf } from './sync/sightings.ts'

export interface Profile {
  readonly handle: string | null
  readonly account: Account | null
  /** What relays said last of the account. */
  readonly relays: readonly Sighting[]
}

/** What is proven of a user's repo. */
export interface ProvenRepo {
  readonly account: Account | null
  readonly proof: Proof | null
  /** Null where there is a proof. */
  readonly why: Unproven | null
}

export class Accounts {
  readonly #accounts: AccountStore
  readonly #erasures: ErasureStore
  readonly #audits: Pick<AuditStore, 'of'>
  readonly #sightings: SightingStore
  readonly #relays: readonly string[]
  readonly #nudge: (user: string) => void

  /**
   * @param relays base URLs of the relays that workers ask about accounts
   * @param nudge tells the engine that a user's repo has work
   */
  constructor(
    store: Pick<Store, 'accounts' | 'audits' | 'erasures' | 'sightings'>,
    relays: readonly string[],
    nudge: (user: string) => void,
  ) {
    this.#accounts = store.accounts
    this.#erasures = store.erasures
    this.#audits = store.audits
    this.#sightings = store.sightings
    this.#relays = relays
    this.#nudge = nudge
  }

  /**
   * Gives the user a handle and requests an account, which the engine creates as soon as the PDS allows. Calling it again
   * changes nothing, but retries an account that was refused.
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
      case 'odd':
        throw new DomainError(
          'already_signed_up',
          'the handle that is stored for you cannot be read: an operator has to mend it',
        )
      case 'claimed':
    }
    let account = await this.#accounts.add(newAccount(user, handle))
    if (account.state === 'needs_attention') account = (await this.#accounts.save(retried(account))) ?? account
    this.#nudge(user)
    return { handle, account, relays: await sightingsOf(this.#sightings, this.#relays, user) }
  }

  /** @param user the identity provider's `sub`; need not have signed up */
  async profile(user: string): Promise<Profile> {
    const handles = await this.#accounts.handlesOf([user])
    const account = await this.#accounts.byUser(user)
    return {
      handle: handles.get(user) ?? null,
      account,
      relays: await sightingsOf(this.#sightings, this.#relays, user),
    }
  }

  /** What is proven of the user's repo now. @param user the identity provider's `sub`; need not have signed up */
  async proven(user: string): Promise<ProvenRepo> {
    const [account, audits, erasure] = await Promise.all([
      this.#accounts.byUser(user),
      this.#audits.of([user]),
      this.#erasures.byUser(user),
    ])
    if (erasure) return { account, proof: null, why: BEING_ERASED }
    const looks = audits.get(user) ?? null
    const proof = proofOf(account, looks)
    return { account, proof, why: proof === null ? whyUnproven(account, looks, user) : null }
  }

  /** @returns `sub` of the user with this handle, or null @throws DomainError `invalid_handle` */
  async userOf(wanted: string): Promise<string | null> {
    return userAmong(await this.#accounts.usersOf(spellingsOf(wanted)), wanted)
  }
}

/**
 * The user who signs in with a handle for a trial: the one who has the handle, otherwise a new `sub`, the same each time.
 *
 * @returns `sub` of the user
 * @throws DomainError `invalid_handle`
 */
export async function trialUser(accounts: Accounts, handle: string): Promise<string> {
  const known = await accounts.userOf(handle)
  if (known !== null) return known
  for (let n = 1; ; n++) {
    const user = n === 1 ? `trial|${handle}` : `trial|${handle}|${n}`
    // This `sub` may belong to a user who signed in with this handle but signed up with another.
    if ((await accounts.profile(user)).handle === null) return user
  }
}
