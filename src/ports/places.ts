/** Where accounts live. Implemented in `pds/`. */

import type { ReadyAccount } from '../domain/account.ts'

/**
 * - `here`: at the address that is stored;
 * - `elsewhere`: its DID document names another PDS, or (null) none that could be asked;
 * - `unknown`: the document cannot be had now, so that what is stored counts.
 */
export type Place = { readonly kind: 'here' | 'unknown' } | { readonly kind: 'elsewhere'; readonly pds: string | null }

/** Why it is asked: after a refusal only a document counts that is fetched now, after silence one of the last minute. */
export type Occasion = 'usual' | 'silence' | 'refusal'

export interface Places {
  /**
   * Where an account lives, by its DID document, which is kept for ten minutes. Fails with nothing: as long as there is no
   * document to be had, the last one counts, and without one the address that is stored.
   */
  placeOf(account: ReadyAccount, occasion: Occasion): Promise<Place>
}
