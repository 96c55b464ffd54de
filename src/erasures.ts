/** Erasure of a user on request: accepting it, and showing its progress. The engine does the rest. */

import { createHmac, randomBytes } from 'node:crypto'
import { DomainError } from './domain/errors.ts'
import { type Erasure, newErasure } from './domain/erasure.ts'
import { isOdd, oddText } from './domain/odd.ts'
import type { Store } from './ports/store.ts'
import type { Clock } from './ports/clock.ts'
import { removeTexts } from './sync/erase.ts'

export interface ErasuresDeps {
  readonly store: Store
  readonly clock: Clock
  /** Key of the hash that remains of a user. */
  readonly tombstoneKey: Uint8Array
  readonly nudge: (user: string) => void
  readonly changed: () => void
}

export class Erasures {
  readonly #deps: ErasuresDeps

  constructor(deps: ErasuresDeps) {
    this.#deps = deps
  }

  /**
   * Starts the erasure of a user. When it resolves, nothing new is accepted from the user and no text of the user is left
   * in the primary; records and account follow as the PDS allows. A second request returns the running erasure.
   *
   * @param user the identity provider's `sub`
   */
  async request(user: string): Promise<Erasure> {
    const { store, clock, nudge, changed } = this.#deps
    // In hexadecimal: no receipt begins with a hyphen, which commands would take for an option.
    const receipt = randomBytes(16).toString('hex')
    const erasure = await store.erasures.begin(newErasure(receipt, user, this.tombstoneOf(user), clock.now()))
    if (erasure.done.texts_removed) return erasure
    const after = await removeTexts(store, clock, erasure)
    nudge(user)
    changed()
    return after
  }

  /** The keyed hash that remains of a forgotten user: with the key one can tell whether a given `sub` was forgotten. */
  tombstoneOf(user: string): string {
    return createHmac('sha256', this.#deps.tombstoneKey).update(user).digest('base64url')
  }

  /** @throws DomainError `not_found` */
  async byReceipt(receipt: string): Promise<Erasure> {
    const erasure = await this.#deps.store.erasures.byReceipt(receipt)
    if (!erasure) throw new DomainError('not_found', 'there is no such receipt')
    if (isOdd(erasure)) {
      throw new DomainError(
        'not_found',
        `this erasure cannot be read, and an operator has to mend it: ${oddText(erasure)}`,
      )
    }
    return erasure
  }
}
