/** A bug to plant. */

export interface Mutant {
  readonly bug: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** Tests that are to notice. */
  readonly tests: readonly string[]
}
