/**
 * The states of one mood's ATProto copy, and every legal step between them.
 *
 * A state is changed only by the constructors below; stores merely keep what they return. `docs/architecture.md` draws
 * the table, and a test keeps drawing and table equal.
 */

export const SYNC_STATES = ['local', 'pending', 'published', 'withdrawn', 'rejected'] as const
export type SyncState = (typeof SYNC_STATES)[number]

/** Where each state may lead. `pending → pending` is another try. */
export const TRANSITIONS: Readonly<Record<SyncState, readonly SyncState[]>> = {
  local: ['pending'],
  pending: ['pending', 'local', 'published', 'withdrawn', 'rejected'],
  published: ['pending'],
  withdrawn: ['pending'],
  rejected: ['pending'],
}

/** Why nothing is done about a mood for now. `backfill`: it was there before the engine, which waits to be told. */
export type HoldReason = 'no_account' | 'private' | 'federation_off' | 'kept' | 'backfill'

export interface SyncError {
  readonly code: string
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What is known of the ATProto copy of one mood. */
export interface MoodSync {
  readonly state: SyncState
  /** Record key; fixed before anything is sent. */
  readonly rkey: string
  /** The record as last seen in the repo; null when none is known. */
  readonly uri: string | null
  readonly cid: string | null
  /** When a pending mood is to be looked at, in ms since 1970; null in every other state. */
  readonly dueAt: number | null
  /** Answers of the PDS about this very mood. Outages never count. */
  readonly attempts: number
  readonly hold: HoldReason | null
  readonly error: SyncError | null
}

/** The state of a new mood: private ones need nothing, all others are work. */
export function initial(rkey: string, isPrivate: boolean, now: number): MoodSync {
  const none = { rkey, uri: null, cid: null, attempts: 0, error: null }
  return isPrivate
    ? { ...none, state: 'local', dueAt: null, hold: 'private' }
    : { ...none, state: 'pending', dueAt: now, hold: null }
}

/** Takes one step along the table. @throws Error when the table has no such step: a defect, not a state to be in */
function step(sync: MoodSync, to: SyncState, fields: Partial<MoodSync>): MoodSync {
  if (!TRANSITIONS[sync.state].includes(to)) throw new Error(`a ${sync.state} mood cannot become ${to}`)
  return { ...sync, dueAt: null, hold: null, error: null, ...fields, state: to }
}

/** Something about the mood or its account changed: look at it again. */
export function enqueued(sync: MoodSync, now: number): MoodSync {
  return step(sync, 'pending', { dueAt: now, attempts: 0 })
}

/** Not now: look at it again at `dueAt`. */
export function delayed(sync: MoodSync, dueAt: number): MoodSync {
  return step(sync, 'pending', { dueAt })
}

/** An answer about this very mood that may be another one next time. */
export function failed(sync: MoodSync, dueAt: number, error: SyncError): MoodSync {
  return step(sync, 'pending', { dueAt, error, attempts: sync.attempts + 1 })
}

/** Nothing is done about the mood for now. What the repo holds of it is left as it is. */
export function held(sync: MoodSync, hold: HoldReason): MoodSync {
  return step(sync, 'local', { hold })
}

/** The repo holds the desired record. */
export function published(sync: MoodSync, uri: string, cid: string): MoodSync {
  return step(sync, 'published', { uri, cid })
}

/** The record is known to be gone from the repo. */
export function withdrawn(sync: MoodSync): MoodSync {
  return step(sync, 'withdrawn', { uri: null, cid: null })
}

/** The PDS, or our own check, refused this very mood; it waits for an operator. */
export function rejected(sync: MoodSync, error: SyncError): MoodSync {
  return step(sync, 'rejected', { attempts: sync.attempts + 1, error })
}

/** What operators and the API count as in step with the PDS. */
export function isSynced(sync: MoodSync): boolean {
  return sync.state === 'published'
}
