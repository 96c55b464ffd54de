/** Forgetting a user on demand: the request, and looking at how far it has come. The engine does the rest. */

import { createHmac, randomBytes } from 'node:crypto'
import { DomainError } from './domain/errors.ts'
import { type Erasure, newErasure } from './domain/erasure.ts'
import type { Store } from './ports/store.ts'
import type { Clock } from './ports/clock.ts'
import { removeTexts } from './sync/erase.ts'

export interface ErasuresDeps {
  readonly store: Store
  readonly clock: Clock
  /** Key of the hash that is left of a user. */
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
   * Begins to forget the user. When this returns, nothing new is taken from the user and none of the texts is left in the
   * primary; records and account follow as the PDS allows. Asking again gives the same receipt while the job runs.
   */
  async request(user: string): Promise<Erasure> {
    const { store, clock, nudge, changed } = this.#deps
    const receipt = randomBytes(24).toString('base64url')
    const erasure = await store.erasures.begin(newErasure(receipt, user, this.tombstoneOf(user), clock.now()))
    if (erasure.done.texts_removed) return erasure
    const after = await removeTexts(store, clock, erasure)
    nudge(user)
    changed()
    return after
  }

  /** The keyed hash that is left of the user once forgotten: whoever has the key can tell whether somebody was. */
  tombstoneOf(user: string): string {
    return createHmac('sha256', this.#deps.tombstoneKey).update(user).digest('base64url')
  }

  /** @throws DomainError `not_found` */
  async byReceipt(receipt: string): Promise<Erasure> {
    const erasure = await this.#deps.store.erasures.byReceipt(receipt)
    if (!erasure) throw new DomainError('not_found', 'there is no such receipt')
    return erasure
  }
}
