/** A bug to plant. */

import type { StoreName } from '../support/stores.ts'

export interface Mutant {
  readonly bug: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** Tests that are to notice. */
  readonly tests: readonly string[]
  /** On which they run; SQLite if not said. */
  readonly store?: StoreName
}
