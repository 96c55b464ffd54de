/** What processes do one at a time, again and again: who does it now, and what came of it last. Pure. */

import { checkIn, type DataCheck } from './data-check.ts'
import { FURTHEST } from './furthest.ts'
import { provingIn, type ProvingNote } from './proving.ts'

/** What is noted of each task when it has been done. */
export interface TaskNotes {
  /** The check of all stored documents. */
  readonly check: DataCheck
  /** Asking relays about accounts: what they said is kept with each account. */
  readonly relays: null
  /** The continuous check of all repos. */
  readonly proving: ProvingNote
}

export type Task = keyof TaskNotes

/** What was stored of a task, as its note; null for what is none, as if the task had never been done. */
export const READ_NOTE: { readonly [T in Task]: (stored: unknown) => TaskNotes[T] | null } = {
  check: checkIn,
  relays: () => null,
  proving: provingIn,
}

/** How long a process has a task for itself, in ms; it claims it again while it works. */
export const CLAIM_MS = 30_000

/** Who does a task just now. */
export interface Claim {
  readonly owner: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Whether a process may do the task now. A claim that ends further away than claims do is void. */
export function mayClaim(claim: Claim | null, owner: string, now: number): boolean {
  // Said so that a claim whose end is no number is void as well.
  const isHeld = claim !== null && claim.until > now && claim.until <= now + FURTHEST.claim
  return !isHeld || claim.owner === owner
}
