/**
 * Moods as documents: the shape of an existing Aesthetic Computer database, `{_id, user, mood, when, deleted?, atproto?}`,
 * with what the engine knows under `atproto`. Documents that never had that are read as they are, and stay as they are
 * until the engine or their author changes them.
 */

import { type Document, ObjectId } from 'mongodb'
import type { Deletion, Mood } from '../../domain/mood.ts'
import { rkeyFor, rkeyIn } from '../../domain/record.ts'
import {
  type FirstPublished,
  type HoldReason,
  isSynced,
  type MoodSync,
  type SyncState,
  unseen,
} from '../../domain/sync.ts'
import { lastPublished } from '../published-form.ts'

export interface MoodDocument {
  readonly _id: ObjectId | string
  readonly user?: string
  readonly mood?: string
  readonly when?: Date | number | string
  readonly intensity?: number | null
  readonly context?: string | null
  readonly isPrivate?: boolean | null
  readonly deleted?: boolean | null
  readonly atproto?: Partial<AtprotoFields> | null
}

interface AtprotoFields {
  readonly state: SyncState
  /** What the original's readers look at. */
  readonly synced: boolean
  readonly rkey: string
  readonly uri: string | null
  readonly cid: string | null
  readonly dueAt: Date | null
  readonly attempts: number
  readonly hold: HoldReason | null
  readonly error: MoodSync['error']
  readonly version: number
  readonly changedAt: Date
  /** Number among the user's moods; moods of an existing database have none. */
  readonly ordinal: number
  readonly deletion: Deletion | null
  /** Missing in moods that never were, and in those of earlier versions. */
  readonly firstPublished: { readonly at: Date; readonly direct: boolean }
}

/** Version of a document that the engine has never written. */
export const UNTOUCHED = 0

const OBJECT_ID = /^[0-9a-f]{24}$/

/** The `_id` of a mood's document: an ObjectId, or a string of any other form in an existing database. */
export function documentId(id: string): ObjectId | string {
  return OBJECT_ID.test(id) ? new ObjectId(id) : id
}

/** Selects what comes after an id. Strings come before ObjectIds, and a comparison stays within one kind. */
export function afterId(id: string): Document {
  if (id === '') return {}
  const key = documentId(id)
  return typeof key === 'string'
    ? { $or: [{ _id: { $gt: key } }, { _id: { $type: 'objectId' } }] }
    : { _id: { $gt: key } }
}

/** Selects a mood at a version. */
export function atVersion(id: string, version: number) {
  return { _id: documentId(id), 'atproto.version': version === UNTOUCHED ? null : version }
}

function timeOf(when: MoodDocument['when']): number {
  const ms = when instanceof Date ? when.getTime() : typeof when === 'string' ? Date.parse(when) : (when ?? 0)
  return Number.isFinite(ms) && ms > 0 ? Math.floor(ms) : 0
}

export function toMood(document: MoodDocument): Mood {
  const atproto = document.atproto ?? {}
  const id = document._id.toString()
  const when = timeOf(document.when)
  return {
    id,
    user: document.user ?? '',
    ordinal: atproto.ordinal ?? 0,
    text: document.mood ?? '',
    when,
    intensity: document.intensity ?? null,
    context: document.context ?? null,
    isPrivate: document.isPrivate === true,
    // Who took it back, and what was to become of its record, was not written down: leave the record alone.
    deleted: atproto.deletion ?? (document.deleted === true ? { by: 'author', records: 'keep' } : null),
    version: atproto.version ?? UNTOUCHED,
    sync: toSync(atproto, id, when),
  }
}

function toSync(atproto: Partial<AtprotoFields>, id: string, when: number): MoodSync {
  const rkey = atproto.rkey ?? rkeyIn(atproto.uri) ?? rkeyFor(when, id, 0)
  const known = { rkey, uri: atproto.uri ?? null, cid: atproto.cid ?? null, attempts: atproto.attempts ?? 0 }
  if (atproto.state === undefined) return unseen(known)
  const { state, hold = null, error = null } = atproto
  const dueAt = atproto.dueAt?.getTime() ?? null
  return { ...known, state, dueAt, hold, error, firstPublished: firstPublishedIn(atproto) }
}

function firstPublishedIn(atproto: Partial<AtprotoFields>): FirstPublished | null {
  const { firstPublished, state, changedAt, version = UNTOUCHED, ordinal = 0 } = atproto
  if (firstPublished) return { at: firstPublished.at.getTime(), direct: firstPublished.direct }
  return state === 'published' && changedAt ? lastPublished(changedAt.getTime(), version, ordinal) : null
}

function firstPublishedField({ firstPublished }: MoodSync) {
  return firstPublished && { at: new Date(firstPublished.at), direct: firstPublished.direct }
}

/** The engine's fields, by their paths, so that a change leaves everything else under `atproto` as it is. */
export function syncFields(sync: MoodSync, version: number, now: number) {
  const firstPublished = firstPublishedField(sync)
  return {
    'atproto.state': sync.state,
    'atproto.synced': isSynced(sync),
    'atproto.rkey': sync.rkey,
    'atproto.uri': sync.uri,
    'atproto.cid': sync.cid,
    'atproto.dueAt': sync.dueAt === null ? null : new Date(sync.dueAt),
    'atproto.attempts': sync.attempts,
    'atproto.hold': sync.hold,
    'atproto.error': sync.error,
    'atproto.version': version,
    'atproto.changedAt': new Date(now),
    ...(firstPublished === null ? {} : { 'atproto.firstPublished': firstPublished }),
  }
}

/** What an author may change. */
export function contentFields(mood: Mood) {
  return {
    intensity: mood.intensity,
    context: mood.context,
    isPrivate: mood.isPrivate,
    deleted: mood.deleted !== null,
    'atproto.deletion': mood.deleted,
  }
}

/** A new mood's whole document. */
export function toDocument(mood: Mood, changedAt = mood.when): MoodDocument {
  const { sync } = mood
  const firstPublished = firstPublishedField(sync)
  return {
    _id: documentId(mood.id),
    user: mood.user,
    mood: mood.text,
    when: new Date(mood.when),
    ...(mood.intensity === null ? {} : { intensity: mood.intensity }),
    ...(mood.context === null ? {} : { context: mood.context }),
    isPrivate: mood.isPrivate,
    deleted: mood.deleted !== null,
    atproto: {
      state: sync.state,
      synced: isSynced(sync),
      rkey: sync.rkey,
      uri: sync.uri,
      cid: sync.cid,
      dueAt: sync.dueAt === null ? null : new Date(sync.dueAt),
      attempts: sync.attempts,
      hold: sync.hold,
      error: sync.error,
      version: mood.version,
      changedAt: new Date(changedAt),
      ordinal: mood.ordinal,
      deletion: mood.deleted,
      ...(firstPublished === null ? {} : { firstPublished }),
    },
  }
}
