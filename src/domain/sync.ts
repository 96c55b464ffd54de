/**
 * The states of one mood's ATProto copy, and every legal step between them.
 *
 * Only the constructors below change a state; stores keep what they return. `docs/architecture.md` draws the table, and a
 * test keeps drawing and table equal.
 */

export const SYNC_STATES = ['local', 'pending', 'published', 'withdrawn', 'rejected'] as const
export type SyncState = (typeof SYNC_STATES)[number]

/**
 * Each step, by the name of its constructor: the states it starts from, and the one it ends in. The whole truth about
 * what may become of a mood's copy; any other step throws.
 */
export const STEPS = {
  enqueued: { from: SYNC_STATES, to: 'pending' },
  delayed: { from: ['pending'], to: 'pending' },
  failed: { from: ['pending'], to: 'pending' },
  held: { from: ['pending'], to: 'local' },
  published: { from: ['pending'], to: 'published' },
  withdrawn: { from: ['pending'], to: 'withdrawn' },
  rejected: { from: ['pending'], to: 'rejected' },
  // These two belong to operators, and never touch a mood that has work to be done.
  adopted: { from: ['local', 'published', 'withdrawn', 'rejected'], to: 'published' },
  forgotten: { from: ['local', 'published', 'withdrawn', 'rejected'], to: 'local' },
} as const satisfies Record<string, { readonly from: readonly SyncState[]; readonly to: SyncState }>

/**
 * Why nothing is done about a mood for now. `domain/record.ts` decides it; the engine and the pass let go again. `backfill`: the mood
 * was there before the engine, and waits for an operator.
 */
export const HOLD_REASONS = ['no_account', 'private', 'federation_off', 'kept', 'backfill'] as const
export type HoldReason = (typeof HOLD_REASONS)[number]

/** Counts of moods by state, and of local ones by the reason to hold them: none so far. */
export function noMoods(): { states: Record<SyncState, number>; held: Record<HoldReason, number> } {
  return { states: zeros(SYNC_STATES), held: zeros(HOLD_REASONS) }
}

/**
 * Counts of held moods in which no history waits for a backfill that a backfill leaves alone.
 *
 * @param history moods that are counted as waiting for a backfill: the private ones, and the deleted ones that are not private
 */
export function withoutHidden(
  counts: Readonly<Record<HoldReason, number>>,
  history: { readonly private: number; readonly deleted: number },
): Record<HoldReason, number> {
  return {
    ...counts,
    private: counts.private + history.private,
    kept: counts.kept + history.deleted,
    backfill: counts.backfill - history.private - history.deleted,
  }
}

function zeros<N extends string>(names: readonly N[]): Record<N, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<N, number>
}

/** Code of a record that the lexicon does not allow: our own check, before the PDS is asked. */
export const INVALID_RECORD = 'InvalidRecord'

export interface SyncError {
  readonly code: string
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** When a mood's record was first known to be in its repo. It stays with the mood, whatever becomes of the record. */
export interface FirstPublished {
  /** Milliseconds since 1970. */
  readonly at: number
  /** By the order that the post itself was: the time since then is what publishing takes. */
  readonly direct: boolean
}

/** What is known of the ATProto copy of one mood. */
export interface MoodSync {
  readonly state: SyncState
  /** Record key; fixed before anything is sent. */
  readonly rkey: string
  /** The record as last seen in the repo; null when none is known. */
  readonly uri: string | null
  readonly cid: string | null
  /** When a pending mood is due, in ms since 1970; null in every other state. */
  readonly dueAt: number | null
  /** Answers of the PDS about this very mood. Outages never count. */
  readonly attempts: number
  readonly hold: HoldReason | null
  readonly error: SyncError | null
  /** Null for a mood that never was. */
  readonly firstPublished: FirstPublished | null
}

/** The state of a new mood: private ones need nothing, all others are work. */
export function initial(rkey: string, isPrivate: boolean, now: number): MoodSync {
  const none = { rkey, uri: null, cid: null, attempts: 0, error: null, firstPublished: null }
  return isPrivate
    ? { ...none, state: 'local', dueAt: null, hold: 'private' }
    : { ...none, state: 'pending', dueAt: now, hold: null }
}

/**
 * The state of a mood that was there before the engine. What its row claims of the PDS is no evidence: it waits for a
 * backfill, which looks.
 */
export function unseen(claims: Pick<MoodSync, 'rkey' | 'uri' | 'cid' | 'attempts'>): MoodSync {
  return { ...claims, state: 'local', dueAt: null, hold: 'backfill', error: null, firstPublished: null }
}

/** What a reading of the repo showed of a mood's record. */
export interface SeenRecord {
  /** Its key, or the key it will get. */
  readonly rkey: string
  /** Null where there is none. */
  readonly uri: string | null
  readonly cid: string | null
}

/** Takes one step of the table. @throws Error when the step does not start from this state: a defect in the caller */
function step(sync: MoodSync, name: keyof typeof STEPS, fields: Partial<MoodSync>): MoodSync {
  const { from, to } = STEPS[name] as { from: readonly SyncState[]; to: SyncState }
  if (!from.includes(sync.state)) throw new Error(`a ${sync.state} mood cannot be ${name}`)
  return { ...sync, dueAt: null, hold: null, error: null, ...fields, state: to }
}

/**
 * Something about the mood or its account changed: look at it again.
 *
 * @param now ms since 1970
 * @param seen what the repo holds of it, where a reading has just shown that: the engine replaces or deletes exactly this
 */
export function enqueued(sync: MoodSync, now: number, seen?: SeenRecord): MoodSync {
  return step(sync, 'enqueued', { dueAt: now, attempts: 0, ...seen })
}

/** Not now: look at it again at `dueAt`. */
export function delayed(sync: MoodSync, dueAt: number): MoodSync {
  return step(sync, 'delayed', { dueAt })
}

/** The PDS refused this very mood, but may accept it next time. */
export function failed(sync: MoodSync, dueAt: number, error: SyncError): MoodSync {
  return step(sync, 'failed', { dueAt, error, attempts: sync.attempts + 1 })
}

/** Nothing is done about the mood for now. Its record, if there is one, stays as it is. */
export function held(sync: MoodSync, hold: HoldReason): MoodSync {
  return step(sync, 'held', { hold })
}

/** The repo holds the desired record. @param first counts where it never did before */
export function published(sync: MoodSync, uri: string, cid: string, first: FirstPublished): MoodSync {
  return step(sync, 'published', { uri, cid, firstPublished: sync.firstPublished ?? first })
}

/** The record is known to be gone from the repo. */
export function withdrawn(sync: MoodSync): MoodSync {
  return step(sync, 'withdrawn', { uri: null, cid: null })
}

/** The PDS, or our own check, refused this very mood; it waits for an operator. */
export function rejected(sync: MoodSync, error: SyncError): MoodSync {
  return step(sync, 'rejected', { attempts: sync.attempts + 1, error })
}

/**
 * A reading of the repo showed the desired record; the mood's row did not name it.
 *
 * @param now ms since 1970; when the record was written is not known
 */
export function adopted(
  sync: MoodSync,
  { rkey, uri, cid }: { readonly rkey: string; readonly uri: string; readonly cid: string },
  now: number,
): MoodSync {
  const firstPublished = sync.firstPublished ?? { at: now, direct: false }
  return step(sync, 'adopted', { rkey, uri, cid, attempts: 0, firstPublished })
}

/**
 * The row as if the engine had never seen the mood. The record, if there is one, stays where it is; so does the record
 * key, by which a backfill finds it again, and when the mood was first published.
 */
export function forgotten(sync: MoodSync): MoodSync {
  return step(sync, 'forgotten', { hold: 'backfill', uri: null, cid: null, attempts: 0 })
}

/** What operators and the API count as in step with the PDS. */
export function isSynced(sync: MoodSync): boolean {
  return sync.state === 'published'
}
