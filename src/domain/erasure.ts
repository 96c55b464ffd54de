/** Erasing a user: a job whose steps are done in order, stored, and never repeated once finished. */

import { FURTHEST, isVoid } from './furthest.ts'
import { MOVED } from './moved.ts'

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

/**
 * Why a step found nothing that it could do, or not all: how the account stands with its PDS (`domain/repo-condition.ts`), or that it is
 * on another PDS: `moved`, by its own DID document; `foreign`, one that this installation does not administer;
 * `shared`: moods stay where a list of users that holds this one stands in the place of their author.
 */
export const FOUND = [
  'gone',
  'takendown',
  'suspended',
  'deactivated',
  'inactive',
  'moved',
  'foreign',
  'shared',
] as const
export type Found = (typeof FOUND)[number]

/** A step that is finished. */
export interface DoneStep {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Whether there was anything to do, and it was done. */
  readonly needed: boolean
  /** Why nothing could be done, or not all. */
  readonly found?: Found
}

/** Whether something may be left that the step would have removed, had it been possible. */
export function mayBeLeft({ found = null }: { readonly found?: Found | null }): boolean {
  return found !== null && found !== 'gone'
}

/** What the last try at the next step came to. */
export interface ErasureTrouble {
  readonly code: string
  /** When that was first so, in ms since 1970. */
  readonly at: number
}

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
  readonly done: Readonly<Partial<Record<ErasureStep, DoneStep>>>
  /** Null where the next step was not tried, or has only to wait. */
  readonly trouble: ErasureTrouble | null
  readonly version: number
}

export function newErasure(receipt: string, user: string, tombstone: string, now: number): Erasure {
  const done = { stopped: { at: now, needed: true } }
  return { receipt, user, tombstone, requestedAt: now, done, trouble: null, version: 1 }
}

/** The next step to do; null when all are finished. */
export function nextStep(erasure: Erasure): ErasureStep | null {
  return ERASURE_STEPS.find((step) => erasure.done[step] === undefined) ?? null
}

/** The job with one more step finished. After the last one nothing in it names the user. @param found why nothing could be done */
export function finished(
  erasure: Erasure,
  step: ErasureStep,
  needed: boolean,
  now: number,
  found: Found | null = null,
): Erasure {
  if (nextStep(erasure) !== step) throw new Error(`the next step of this erasure is not ${step}`)
  const done = { ...erasure.done, [step]: { at: now, needed, ...(found === null ? {} : { found }) } }
  return { ...erasure, done, trouble: null, user: step === 'forgotten' ? null : erasure.user }
}

/** The job after a try that failed; the same job where that is known. */
export function troubled(erasure: Erasure, code: string, now: number): Erasure {
  const { trouble } = erasure
  const isKnown = trouble?.code === code && !isVoid(trouble.at, now, FURTHEST.skew)
  return isKnown ? erasure : { ...erasure, trouble: { code, at: now } }
}

/** So long a DID document has to say that an account has moved, in ms, while its PDS has it as active. */
const MOVE_BELIEVED_MS = 10 * 60_000

/**
 * Whether an erasure may end without the records of an account whose DID document names another place, though its PDS has it as
 * active. A document that is wrong for a moment must not leave behind what could be deleted a moment later.
 */
export function isMoveBelieved({ done, trouble }: Erasure, now: number): boolean {
  if (done.records_deleted?.found === 'moved') return true
  return trouble?.code === MOVED && now - trouble.at >= MOVE_BELIEVED_MS
}
