/** A mood as a row, and back. */

import type { StoredDocument } from '../../domain/odd.ts'
import type { Deletion, Mood } from '../../domain/mood.ts'
import type { FirstPublished, HoldReason, MoodSync, SyncState } from '../../domain/sync.ts'
import { type OddMood, readMood, type ReadMood } from '../../domain/read-mood.ts'
import { lastPublished } from '../../domain/published-form.ts'

export interface MoodRow {
  id: string
  user: string
  ordinal: number
  text: string
  when_ms: number
  intensity: number | null
  context: string | null
  is_private: number
  deleted: number
  deleted_by: Deletion['by'] | null
  deleted_records: Deletion['records'] | null
  version: number
  changed_at: number
  state: SyncState
  rkey: string
  uri: string | null
  cid: string | null
  due_at: number | null
  attempts: number
  hold: HoldReason | null
  error: string | null
  first_published: number | null
  published_directly: number | null
}

/** All columns of a mood, for an insert. */
export const MOOD_VALUES = `
  moods (id, user, ordinal, text, when_ms, intensity, context, is_private, deleted, deleted_by, deleted_records,
    version, changed_at, state, rkey, uri, cid, due_at, attempts, hold, error, first_published, published_directly)
  VALUES (:id, :user, :ordinal, :text, :when_ms, :intensity, :context, :is_private, :deleted, :deleted_by,
    :deleted_records, :version, :changed_at, :state, :rkey, :uri, :cid, :due_at, :attempts, :hold, :error,
    :first_published, :published_directly)`

/** Reads a row as any other stored mood: a program that is not this one may have written it. */
export function readRow(row: MoodRow): ReadMood | OddMood {
  return readMood(storedRow(row))
}

/** The row as the reader of moods takes it. */
export function storedRow(row: MoodRow): StoredDocument {
  const { id, user, text: mood, intensity, context } = row
  const { state, rkey, uri, cid, attempts, hold } = row
  const sync = { state, rkey, uri, cid, attempts, hold }
  const isPrivate = flag(row.is_private)
  const atproto = {
    ...sync,
    dueAt: date(row.due_at),
    error: json(row.error),
    // 0 stands for what was never noted, in a store that was copied.
    version: row.version || null,
    ordinal: row.ordinal || null,
    changedAt: date(row.changed_at || null),
    deletion: row.deleted_by === null ? null : { by: row.deleted_by, records: row.deleted_records },
    firstPublished:
      row.first_published === null
        ? null
        : { at: date(row.first_published), direct: flag(row.published_directly ?? 0) },
  }
  const values = {
    user,
    mood,
    when: date(row.when_ms),
    intensity,
    context,
    isPrivate,
    deleted: flag(row.deleted),
    atproto,
  }
  return { id: { text: id, isOdd: id === '' }, values }
}

function flag(value: number): boolean | number {
  return value === 0 || value === 1 ? value === 1 : value
}

function date(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}

/** What the text holds; the text itself where it is no JSON. */
function json(text: string | null): unknown {
  try {
    return text === null ? null : (JSON.parse(text) as unknown)
  } catch {
    return text
  }
}

export function toMood(row: MoodRow): Mood {
  return {
    id: row.id,
    user: row.user,
    ordinal: row.ordinal,
    text: row.text,
    when: row.when_ms,
    intensity: row.intensity,
    context: row.context,
    isPrivate: row.is_private === 1,
    deleted:
      row.deleted_by === null || row.deleted_records === null
        ? null
        : { by: row.deleted_by, records: row.deleted_records },
    version: row.version,
    sync: {
      state: row.state,
      rkey: row.rkey,
      uri: row.uri,
      cid: row.cid,
      dueAt: row.due_at,
      attempts: row.attempts,
      hold: row.hold,
      error: row.error === null ? null : (JSON.parse(row.error) as MoodSync['error']),
      firstPublished: firstPublished(row),
    },
  }
}

function firstPublished(row: MoodRow): FirstPublished | null {
  if (row.first_published !== null) return { at: row.first_published, direct: row.published_directly === 1 }
  return row.state === 'published' ? lastPublished(row.changed_at, row.version, row.ordinal) : null
}

export function syncColumns(
  sync: MoodSync,
): Pick<
  MoodRow,
  'state' | 'uri' | 'cid' | 'due_at' | 'attempts' | 'hold' | 'error' | 'first_published' | 'published_directly'
> {
  return {
    state: sync.state,
    uri: sync.uri,
    cid: sync.cid,
    due_at: sync.dueAt,
    attempts: sync.attempts,
    hold: sync.hold,
    error: sync.error === null ? null : JSON.stringify(sync.error),
    first_published: sync.firstPublished?.at ?? null,
    published_directly: sync.firstPublished === null ? null : sync.firstPublished.direct ? 1 : 0,
  }
}

export function toRow(mood: Mood, changedAt: number): MoodRow {
  return {
    id: mood.id,
    user: mood.user,
    ordinal: mood.ordinal,
    text: mood.text,
    when_ms: mood.when,
    intensity: mood.intensity,
    context: mood.context,
    is_private: mood.isPrivate ? 1 : 0,
    deleted: mood.deleted === null ? 0 : 1,
    deleted_by: mood.deleted?.by ?? null,
    deleted_records: mood.deleted?.records ?? null,
    version: mood.version,
    changed_at: changedAt,
    rkey: mood.sync.rkey,
    ...syncColumns(mood.sync),
  }
}
