/** Work that concerns a user's repo as a whole, kept beside the moods until it is done. */

import type { RecordsOnDelete } from './mood.ts'

/** A change to many moods of a user, to be applied to those numbered up to `through`; kept until that is done. */
export interface Intent {
  readonly user: string
  readonly kind: 'nuke' | 'restore'
  readonly records: RecordsOnDelete
  readonly through: number
}

/** An order to delete a record that belongs to no row: a second copy, or a stray. */
export interface Removal {
  readonly rkey: string
  /** Only this content is deleted; another record at the same key stays. */
  readonly cid: string
}
