/**
 * Moods as documents: the shape of an existing Aesthetic Computer database, `{_id, user, mood, when, deleted?, atproto?}`,
 * with what the engine knows under `atproto`. Documents that never had that stay as they are until the engine or their
 * author changes them.
 */

import type { Deletion, Mood } from '../../domain/mood.ts'
import { UNTOUCHED } from '../../domain/read-mood.ts'
import { type HoldReason, isSynced, type MoodSync, type SyncState } from '../../domain/sync.ts'
import { documentId, type MoodId } from './ids.ts'

/** A mood as we write it. What is read may be anything, and goes through `reading.ts`. */
export interface MoodDocument {
  readonly _id: MoodId
  readonly user?: string
  readonly mood?: string
  readonly when?: Date
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

/** Selects a mood at a version. */
export function atVersion(id: string, version: number) {
  return { _id: documentId(id), 'atproto.version': version === UNTOUCHED ? null : version }
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
