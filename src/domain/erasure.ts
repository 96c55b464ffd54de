/** Erasing a user: a job whose steps are done in order, stored, and never repeated once finished. */

/**
 * - `stopped`: nothing new is taken from the user;
 * - `texts_removed`: no mood of the user is left in the primary;
 * - `records_deleted`: every record of the collection is deleted from the repo, those we know and all others;
 * - `repo_verified`: the repo was read again and holds none;
 * - `account_deleted`: the account on the PDS, where that is wanted;
 * - `forgotten`: handle, credentials and account are gone.
 */
export const ERASURE_STEPS = [
  'stopped',
  'texts_removed',
  'records_deleted',
  'repo_verified',
  'account_deleted',
  'forgotten',
] as const
export type ErasureStep = (typeof ERASURE_STEPS)[number]

export interface Erasure {
  /** Unguessable; whoever has it may watch. */
  readonly receipt: string
  /** The user, until the last step; afterwards the job names no user. */
  readonly user: string | null
  /** Keyed hash of the user: tells a restored backup that this user is gone. */
  readonly tombstone: string
  /** Milliseconds since 1970. */
  readonly requestedAt: number
  /** Steps that are finished, with when; a step that was not needed is finished too. */
  readonly done: Readonly<Partial<Record<ErasureStep, { readonly at: number; readonly needed: boolean }>>>
  readonly version: number
}

export function newErasure(receipt: string, user: string, tombstone: string, now: number): Erasure {
  const done = { stopped: { at: now, needed: true } }
  return { receipt, user, tombstone, requestedAt: now, done, version: 1 }
}

/** The next step to do; null when all are finished. */
export function nextStep(erasure: Erasure): ErasureStep | null {
  return ERASURE_STEPS.find((step) => erasure.done[step] === undefined) ?? null
}

/** The job with one more step finished. After the last one nothing in it names the user. */
export function finished(erasure: Erasure, step: ErasureStep, needed: boolean, now: number): Erasure {
  if (nextStep(erasure) !== step) throw new Error(`the next step of this erasure is not ${step}`)
  const done = { ...erasure.done, [step]: { at: now, needed } }
  return { ...erasure, done, user: step === 'forgotten' ? null : erasure.user }
}
