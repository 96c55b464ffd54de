/** Moods in SQLite, as authors and readers see them. */

import Database from 'better-sqlite3'
import { type Mood, newestFirst } from '../../domain/mood.ts'
import type { ChangePosition, FeedPosition, FeedQuery, MoodPosition, MoodStore, NewMood } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { MOOD_VALUES, type MoodRow, toMood, toRow } from './mood-row.ts'

/** Newest first; above every real position. */
const START: FeedPosition = { when: Number.MAX_SAFE_INTEGER, id: '' }

/** As much of a mood as a new one is compared with; reading all of it for every post would cost more than saving. */
type LastRow = Pick<MoodRow, 'id' | 'ordinal' | 'text' | 'is_private' | 'deleted'>

export class SqliteMoods implements MoodStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      insert: db.prepare<[MoodRow]>(`INSERT INTO ${MOOD_VALUES}`),
      last: db.prepare<[string], LastRow>(`
        SELECT id, ordinal, text, is_private, deleted FROM moods WHERE user = ? ORDER BY ordinal DESC LIMIT 1`),
      latest: db.prepare<[string], LastRow>(`
        SELECT id, ordinal, text, is_private, deleted FROM moods WHERE user = ? AND deleted = 0
        ORDER BY ordinal DESC LIMIT 1`),
      byId: db.prepare<[string], MoodRow>('SELECT * FROM moods WHERE id = ?'),
      publicFeed: db.prepare<[FeedPosition & { limit: number }], MoodRow>(`
        SELECT * FROM moods WHERE deleted = 0 AND is_private = 0 AND (when_ms, id) < (:when, :id)
        ORDER BY when_ms DESC, id DESC LIMIT :limit`),
      userFeed: db.prepare<[FeedPosition & { limit: number; user: string; all: number }], MoodRow>(`
        SELECT * FROM moods WHERE deleted = 0 AND user = :user AND (is_private = 0 OR :all) AND (when_ms, id) < (:when, :id)
        ORDER BY when_ms DESC, id DESC LIMIT :limit`),
      save: db.prepare<[MoodRow]>(`
        UPDATE moods SET intensity = :intensity, context = :context, is_private = :is_private,
          deleted = :deleted, deleted_by = :deleted_by, deleted_records = :deleted_records, state = :state, rkey = :rkey, uri = :uri,
          cid = :cid, due_at = :due_at, attempts = :attempts, hold = :hold, error = :error,
          first_published = :first_published, published_directly = :published_directly, version = version + 1,
          changed_at = :changed_at
        WHERE id = :id AND version = :version`),
      undeleted: db.prepare<[string, number, number, number], MoodRow>(`
        SELECT * FROM moods WHERE user = ? AND ordinal > ? AND ordinal <= ? AND deleted = 0 ORDER BY ordinal LIMIT ?`),
      nuked: db.prepare<[string, number, number, number], MoodRow>(`
        SELECT * FROM moods WHERE user = ? AND ordinal > ? AND ordinal <= ? AND deleted_by = 'nuke'
        ORDER BY ordinal LIMIT ?`),
      history: db.prepare<[string, string, number], MoodRow>(
        'SELECT * FROM moods WHERE user = ? AND id > ? ORDER BY id LIMIT ?',
      ),
      authors: db.prepare<[{ after: string; limit: number }], { user: string }>(`
        WITH RECURSIVE hop (user) AS (
          SELECT min(user) FROM moods WHERE user > :after
          UNION ALL
          SELECT (SELECT min(user) FROM moods WHERE user > hop.user) FROM hop WHERE hop.user IS NOT NULL
        ) SELECT user FROM hop WHERE user IS NOT NULL LIMIT :limit`),
      purge: db.prepare<[string, number]>(
        'DELETE FROM moods WHERE id IN (SELECT id FROM moods WHERE user = ? LIMIT ?)',
      ),
      purgeOne: db.prepare<[string, number]>('DELETE FROM moods WHERE id = ? AND version = ?'),
      changes: db.prepare<[number, string, number], MoodRow>(
        'SELECT * FROM moods WHERE (changed_at, id) > (?, ?) ORDER BY changed_at, id LIMIT ?',
      ),
    }
  }

  add(mood: NewMood): Promise<{ mood: Mood; added: boolean }> {
    return this.#commit.run(() => {
      const last = this.#sql.last.get(mood.user)
      const latest = last?.deleted === 1 ? this.#sql.latest.get(mood.user) : last
      if (latest && mood.repeats({ text: latest.text, isPrivate: latest.is_private === 1 })) {
        return { mood: toMood(this.#sql.byId.get(latest.id)!), added: false }
      }
      const ordinal = (last?.ordinal ?? 0) + 1
      for (let salt = 0; ; salt++) {
        const whole = mood.numbered(ordinal, salt)
        if (this.#inserted(whole)) return { mood: whole, added: true }
      }
    })
  }

  /** @returns false if another mood of the user has this record key */
  #inserted(mood: Mood): boolean {
    return unlessKeyIsTaken(() => this.#sql.insert.run(toRow(mood, mood.when)).changes === 1)
  }

  /** @returns false if the mood has changed, or another one of the user has its new record key */
  #wasSaved(mood: Mood, now: number): boolean {
    return unlessKeyIsTaken(() => this.#sql.save.run(toRow(mood, now)).changes === 1)
  }

  async lastOrdinal(user: string): Promise<number> {
    return this.#sql.last.get(user)?.ordinal ?? 0
  }

  async byId(id: string): Promise<Mood | null> {
    const row = this.#sql.byId.get(id)
    return row ? toMood(row) : null
  }

  async changedAt(id: string): Promise<number | null> {
    // 0 stands for a time that was never noted, in a store that was copied.
    return this.#sql.byId.get(id)?.changed_at || null
  }

  async feed({ users, viewer, limit, after }: FeedQuery): Promise<readonly Mood[]> {
    const from = after ?? START
    if (users === null) return this.#sql.publicFeed.all({ ...from, limit }).map(toMood)
    const rows = [...new Set(users)].flatMap((user) =>
      this.#sql.userFeed.all({ ...from, limit, user, all: user === viewer ? 1 : 0 }),
    )
    return newestFirst(rows.map(toMood), limit, (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  async changes(after: ChangePosition, limit: number): Promise<readonly { mood: Mood; position: ChangePosition }[]> {
    return this.#sql.changes
      .all(after.changedAt, after.id, limit)
      .map((row) => ({ mood: toMood(row), position: { changedAt: row.changed_at, id: row.id } }))
  }

  save(moods: readonly Mood[], now: number): Promise<ReadonlySet<string>> {
    return this.#commit.runAll(() => new Set(moods.filter((mood) => this.#wasSaved(mood, now)).map((mood) => mood.id)))
  }

  async ofUser(
    user: string,
    which: 'undeleted' | 'nuked',
    through: number,
    after: MoodPosition | null,
    limit: number,
  ): Promise<readonly Mood[]> {
    return this.#sql[which].all(user, after?.ordinal ?? -1, through, limit).map(toMood)
  }

  async history(user: string, after: string, limit: number): Promise<readonly Mood[]> {
    return this.#sql.history.all(user, after, limit).map(toMood)
  }

  async authors(after: string, limit: number): Promise<readonly string[]> {
    return this.#sql.authors.all({ after, limit }).map(({ user }) => user)
  }

  purge(user: string, limit: number): Promise<number> {
    return this.#commit.run(() => this.#sql.purge.run(user, limit).changes)
  }

  purgeMoods(moods: readonly Pick<Mood, 'id' | 'version'>[]): Promise<number> {
    return this.#commit.runAll(() =>
      moods.reduce((sum, { id, version }) => sum + this.#sql.purgeOne.run(id, version).changes, 0),
    )
  }
}

/** @returns what the write returns; false when it fails because another mood of the user has the record key */
function unlessKeyIsTaken(write: () => boolean): boolean {
  try {
    return write()
  } catch (error) {
    if (error instanceof Database.SqliteError && error.message.includes('moods.rkey')) return false
    throw error
  }
}
