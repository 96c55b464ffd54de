/** A mood as a row, and back. */

import type { StoredDocument } from '../../domain/odd.ts'
import type { Deletion, Mood } from '../../domain/mood.ts'
import type { HoldReason, MoodSync, SyncState } from '../../domain/sync.ts'
import { date, flag, idOf, json, plain, type StoredRow } from './stored.ts'

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

/** The row as the reader of moods takes it, but for text that is no UTF-8: see `reading.ts`. */
export function storedRow(row: StoredRow<MoodRow>): StoredDocument {
  const { state, rkey, uri, cid, attempts, hold } = row
  const atproto = {
    state: plain(state),
    rkey: plain(rkey),
    uri: plain(uri),
    cid: plain(cid),
    attempts: plain(attempts),
    hold: plain(hold),
    dueAt: date(row.due_at),
    error: json(row.error),
    // 0 stands for what was never noted, in a store that was copied.
    version: plain(row.version) || null,
    ordinal: plain(row.ordinal) || null,
    changedAt: date(row.changed_at || null),
    deletion: row.deleted_by === null ? null : { by: plain(row.deleted_by), records: plain(row.deleted_records) },
    firstPublished:
      row.first_published === null
        ? null
        : { at: date(row.first_published), direct: flag(row.published_directly ?? 0) },
  }
  const values = {
    user: plain(row.user),
    mood: plain(row.text),
    when: date(row.when_ms),
    intensity: plain(row.intensity),
    context: plain(row.context),
    isPrivate: flag(row.is_private),
    deleted: flag(row.deleted),
    atproto,
  }
  return { id: idOf(row.id), values }
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
