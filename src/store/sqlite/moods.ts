/** Moods in SQLite. */

import Database from 'better-sqlite3'
import type { Deletion, Mood } from '../../domain/mood.ts'
import { type HoldReason, type MoodSync, SYNC_STATES, type SyncState } from '../../domain/sync.ts'
import type { ChangePosition, FeedPosition, FeedQuery, MoodCounts, MoodStore, Settlement } from '../../ports.ts'
import type { GroupCommit } from './group-commit.ts'

interface Row {
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
}

function toMood(row: Row): Mood {
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
    },
  }
}

function syncColumns(sync: MoodSync): Pick<Row, 'state' | 'uri' | 'cid' | 'due_at' | 'attempts' | 'hold' | 'error'> {
  return {
    state: sync.state,
    uri: sync.uri,
    cid: sync.cid,
    due_at: sync.dueAt,
    attempts: sync.attempts,
    hold: sync.hold,
    error: sync.error === null ? null : JSON.stringify(sync.error),
  }
}

function toRow(mood: Mood, changedAt: number): Row {
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

/** Newest first; above every real position. */
const START: FeedPosition = { when: Number.MAX_SAFE_INTEGER, id: '' }

export class SqliteMoods implements MoodStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      insert: db.prepare<[Row]>(`
        INSERT INTO moods VALUES (:id, :user, :ordinal, :text, :when_ms, :intensity, :context, :is_private, :deleted,
          :deleted_by, :deleted_records, :version, :changed_at, :state, :rkey, :uri, :cid, :due_at, :attempts, :hold, :error)`),
      last: db.prepare<[string], Row>('SELECT * FROM moods WHERE user = ? ORDER BY ordinal DESC LIMIT 1'),
      latest: db.prepare<[string], Row>(
        'SELECT * FROM moods WHERE user = ? AND deleted = 0 ORDER BY ordinal DESC LIMIT 1',
      ),
      byId: db.prepare<[string], Row>('SELECT * FROM moods WHERE id = ?'),
      publicFeed: db.prepare<[FeedPosition & { limit: number }], Row>(`
        SELECT * FROM moods WHERE deleted = 0 AND is_private = 0 AND (when_ms, id) < (:when, :id)
        ORDER BY when_ms DESC, id DESC LIMIT :limit`),
      userFeed: db.prepare<[FeedPosition & { limit: number; user: string; all: number }], Row>(`
        SELECT * FROM moods WHERE deleted = 0 AND user = :user AND (is_private = 0 OR :all) AND (when_ms, id) < (:when, :id)
        ORDER BY when_ms DESC, id DESC LIMIT :limit`),
      due: db.prepare<[string, number, number], Row>(`
        SELECT * FROM moods WHERE state = 'pending' AND user = ? AND due_at <= ? ORDER BY due_at LIMIT ?`),
      nextDue: db.prepare<[string], { at: number | null }>(
        `SELECT min(due_at) AS at FROM moods WHERE state = 'pending' AND user = ?`,
      ),
      settle: db.prepare(`
        UPDATE moods SET state = :state, uri = :uri, cid = :cid, due_at = :due_at, attempts = :attempts, hold = :hold,
          error = :error, version = version + 1, changed_at = :now
        WHERE id = :id AND version = :version`),
      save: db.prepare<[Row]>(`
        UPDATE moods SET text = :text, intensity = :intensity, context = :context, is_private = :is_private,
          deleted = :deleted, deleted_by = :deleted_by, deleted_records = :deleted_records, state = :state, uri = :uri,
          cid = :cid, due_at = :due_at, attempts = :attempts, hold = :hold, error = :error, version = version + 1,
          changed_at = :changed_at
        WHERE id = :id AND version = :version`),
      undeleted: db.prepare<[string, number, number], Row>(
        'SELECT * FROM moods WHERE user = ? AND ordinal <= ? AND deleted = 0 ORDER BY ordinal LIMIT ?',
      ),
      nuked: db.prepare<[string, number, number], Row>(
        `SELECT * FROM moods WHERE user = ? AND ordinal <= ? AND deleted_by = 'nuke' ORDER BY ordinal LIMIT ?`,
      ),
      purge: db.prepare<[string, number]>(
        'DELETE FROM moods WHERE id IN (SELECT id FROM moods WHERE user = ? LIMIT ?)',
      ),
      retry: db.prepare<[{ code: string | null; now: number; limit: number }]>(`
        UPDATE moods SET state = 'pending', due_at = :now, attempts = 0, error = NULL, version = version + 1, changed_at = :now
        WHERE id IN (SELECT id FROM moods WHERE state = 'rejected'
          AND (:code IS NULL OR json_extract(error, '$.code') = :code) LIMIT :limit)`),
      rejected: db.prepare<[], { code: string; n: number }>(
        `SELECT json_extract(error, '$.code') AS code, count(*) AS n FROM moods WHERE state = 'rejected' GROUP BY 1`,
      ),
      requeue: db.prepare<[{ user: string; hold: HoldReason; now: number; limit: number }]>(`
        UPDATE moods SET state = 'pending', due_at = :now, attempts = 0, hold = NULL, error = NULL,
          version = version + 1, changed_at = :now
        WHERE id IN (SELECT id FROM moods WHERE state = 'local' AND user = :user AND hold = :hold LIMIT :limit)`),
      changes: db.prepare<[number, string, number], Row>(
        'SELECT * FROM moods WHERE (changed_at, id) > (?, ?) ORDER BY changed_at, id LIMIT ?',
      ),
      count: db.prepare<[], { state: SyncState; n: number }>('SELECT state, count(*) AS n FROM moods GROUP BY state'),
    }
  }

  add(mood: Mood): Promise<'added' | 'ordinal_taken' | 'rkey_taken'> {
    const row = toRow(mood, mood.when)
    return this.#commit.run(() => {
      try {
        this.#sql.insert.run(row)
        return 'added'
      } catch (error) {
        if (error instanceof Database.SqliteError && error.code === 'SQLITE_CONSTRAINT_UNIQUE') {
          return error.message.includes('moods.rkey') ? 'rkey_taken' : 'ordinal_taken'
        }
        throw error
      }
    })
  }

  async latest(user: string): Promise<{ mood: Mood | null; lastOrdinal: number }> {
    const last = this.#sql.last.get(user)
    if (!last) return { mood: null, lastOrdinal: 0 }
    const row = last.deleted === 0 ? last : this.#sql.latest.get(user)
    return { mood: row ? toMood(row) : null, lastOrdinal: last.ordinal }
  }

  async byId(id: string): Promise<Mood | null> {
    const row = this.#sql.byId.get(id)
    return row ? toMood(row) : null
  }

  async feed({ users, viewer, limit, after }: FeedQuery): Promise<readonly Mood[]> {
    const from = after ?? START
    if (users === null) return this.#sql.publicFeed.all({ ...from, limit }).map(toMood)
    const rows = users.flatMap((user) => this.#sql.userFeed.all({ ...from, limit, user, all: user === viewer ? 1 : 0 }))
    rows.sort((a, b) => b.when_ms - a.when_ms || (a.id < b.id ? 1 : -1))
    return rows.slice(0, limit).map(toMood)
  }

  async due(user: string, now: number, limit: number): Promise<readonly Mood[]> {
    return this.#sql.due.all(user, now, limit).map(toMood)
  }

  async nextDue(user: string): Promise<number | null> {
    return this.#sql.nextDue.get(user)?.at ?? null
  }

  settle(settlements: readonly Settlement[], now: number): Promise<ReadonlySet<string>> {
    return this.#commit.runAll(() => {
      const kept = new Set<string>()
      for (const { id, version, next } of settlements) {
        if (this.#sql.settle.run({ id, version, now, ...syncColumns(next) }).changes === 1) kept.add(id)
      }
      return kept
    })
  }

  requeueParked(user: string, hold: HoldReason, now: number, limit: number): Promise<number> {
    return this.#commit.run(() => this.#sql.requeue.run({ user, hold, now, limit }).changes)
  }

  async changes(after: ChangePosition, limit: number): Promise<readonly { mood: Mood; position: ChangePosition }[]> {
    return this.#sql.changes
      .all(after.changedAt, after.id, limit)
      .map((row) => ({ mood: toMood(row), position: { changedAt: row.changed_at, id: row.id } }))
  }

  save(moods: readonly Mood[], now: number): Promise<ReadonlySet<string>> {
    return this.#commit.runAll(
      () => new Set(moods.filter((mood) => this.#sql.save.run(toRow(mood, now)).changes === 1).map((mood) => mood.id)),
    )
  }

  async ofUser(user: string, which: 'undeleted' | 'nuked', through: number, limit: number): Promise<readonly Mood[]> {
    return this.#sql[which].all(user, through, limit).map(toMood)
  }

  purge(user: string, limit: number): Promise<number> {
    return this.#commit.run(() => this.#sql.purge.run(user, limit).changes)
  }

  retry(code: string | null, now: number, limit: number): Promise<number> {
    return this.#commit.run(() => this.#sql.retry.run({ code, now, limit }).changes)
  }

  async count(): Promise<MoodCounts> {
    const states = Object.fromEntries(SYNC_STATES.map((state) => [state, 0])) as Record<SyncState, number>
    for (const { state, n } of this.#sql.count.all()) states[state] = n
    const rejected = Object.fromEntries(this.#sql.rejected.all().map(({ code, n }) => [code, n]))
    return { states, rejected }
  }
}
