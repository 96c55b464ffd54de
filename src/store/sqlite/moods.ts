/** Moods in SQLite, as authors and readers see them. */

import Database from 'better-sqlite3'
import { byBytes } from '../../domain/byte-order.ts'
import { isVisibleTo, type Mood, newestFirst } from '../../domain/mood.ts'
import { COUNT_MOST, isUserName } from '../../domain/odd.ts'
import type { ReadMood } from '../../domain/read-mood.ts'
import type { ChangePosition, FeedPosition, FeedQuery, MoodPosition, MoodStore, NewMood } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { MOOD_VALUES, type MoodRow, toRow } from './mood-row.ts'
import { pageOf } from './pages.ts'
import { MoodReader, type StoredMoodRow } from './reading.ts'

/** Newest first; above every real position. */
const START: FeedPosition = { when: Number.MAX_SAFE_INTEGER, id: '' }

/** As much of a mood as a new one is compared with; reading all of it for every post would cost as much as saving. */
type LastRow = Pick<MoodRow, 'ordinal' | 'text' | 'is_private' | 'deleted'>

interface OfUser {
  readonly user: string
  readonly after: number
  readonly through: number
  readonly limit: number
}

export class SqliteMoods implements MoodStore {
  readonly #commit: GroupCommit
  readonly #read: MoodReader
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#read = new MoodReader(db)
    this.#sql = {
      insert: db.prepare<[MoodRow]>(`INSERT INTO ${MOOD_VALUES}`),
      last: db.prepare<[string], LastRow>(`
        SELECT ordinal, text, is_private, deleted FROM moods WHERE user = ? AND ordinal < ${COUNT_MOST}
        ORDER BY ordinal DESC LIMIT 1`),
      latest: db.prepare<[{ user: string; limit: number }], StoredMoodRow>(
        'SELECT * FROM moods WHERE user = :user AND deleted = 0 ORDER BY ordinal DESC LIMIT :limit',
      ),
      byId: db.prepare<[string], StoredMoodRow>('SELECT * FROM moods WHERE id = ?'),
      publicFeed: db.prepare<[FeedPosition & { limit: number }], StoredMoodRow>(`
        SELECT * FROM moods WHERE deleted = 0 AND is_private = 0 AND (when_ms, id) < (:when, :id)
        ORDER BY when_ms DESC, id DESC LIMIT :limit`),
      userFeed: db.prepare<[FeedPosition & { limit: number; user: string; all: number }], StoredMoodRow>(`
        SELECT * FROM moods WHERE deleted = 0 AND user = :user AND (is_private = 0 OR :all) AND (when_ms, id) < (:when, :id)
        ORDER BY when_ms DESC, id DESC LIMIT :limit`),
      save: db.prepare<[MoodRow]>(`
        UPDATE moods SET intensity = :intensity, context = :context, is_private = :is_private,
          deleted = :deleted, deleted_by = :deleted_by, deleted_records = :deleted_records, state = :state, rkey = :rkey, uri = :uri,
          cid = :cid, due_at = :due_at, attempts = :attempts, hold = :hold, error = :error,
          first_published = :first_published, published_directly = :published_directly, version = version + 1,
          changed_at = :changed_at
        WHERE id = :id AND version = :version`),
      undeleted: db.prepare<[OfUser], StoredMoodRow>(`
        SELECT * FROM moods WHERE user = :user AND ordinal > :after AND ordinal <= :through AND deleted = 0
        ORDER BY ordinal LIMIT :limit`),
      nuked: db.prepare<[OfUser], StoredMoodRow>(`
        SELECT * FROM moods WHERE user = :user AND ordinal > :after AND ordinal <= :through AND deleted_by = 'nuke'
        ORDER BY ordinal LIMIT :limit`),
      history: db.prepare<[{ user: string; after: number; limit: number }], StoredMoodRow>(
        'SELECT * FROM moods WHERE user = :user AND ordinal > :after ORDER BY ordinal LIMIT :limit',
      ),
      authors: db.prepare<[{ after: string; limit: number }], { user: unknown }>(`
        WITH RECURSIVE hop (user) AS (
          SELECT min(user) FROM moods WHERE user > :after
          UNION ALL
          SELECT (SELECT min(user) FROM moods WHERE user > hop.user) FROM hop WHERE hop.user IS NOT NULL
        ) SELECT user FROM hop WHERE user IS NOT NULL LIMIT :limit`),
      purge: db.prepare<[string, number]>(
        'DELETE FROM moods WHERE id IN (SELECT id FROM moods WHERE user = ? LIMIT ?)',
      ),
      purgeOne: db.prepare<[string, number]>('DELETE FROM moods WHERE id = ? AND version = ?'),
      changes: db.prepare<[ChangePosition & { limit: number }], StoredMoodRow>(
        'SELECT * FROM moods WHERE (changed_at, id) > (:changedAt, :id) ORDER BY changed_at, id LIMIT :limit',
      ),
    }
  }

  add(mood: NewMood): Promise<{ mood: Mood; added: boolean }> {
    return this.#commit.run(() => {
      const last = this.#sql.last.get(mood.user)
      const mayRepeat = last?.deleted !== 0 || mood.repeats({ text: last.text, isPrivate: last.is_private === 1 })
      const [latest] = mayRepeat ? pageOf(this.#sql.latest, { user: mood.user, limit: 1 }, this.#read.mood) : []
      if (latest && mood.repeats(latest)) return { mood: latest, added: false }
      const ordinal = numberOf(last) + 1
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
    return numberOf(this.#sql.last.get(user))
  }

  async byId(id: string): Promise<Mood | null> {
    return this.#readOne(id)?.mood ?? null
  }

  async changedAt(id: string): Promise<number | null> {
    return this.#readOne(id)?.changedAt ?? null
  }

  #readOne(id: string): ReadMood | null {
    const row = this.#sql.byId.get(id)
    return row ? this.#read.readGood(row) : null
  }

  async feed({ users, viewer, limit, after }: FeedQuery): Promise<readonly Mood[]> {
    const from = { ...(after ?? START), limit }
    const shown = (row: StoredMoodRow): Mood | null => {
      const mood = this.#read.mood(row)
      return mood && isVisibleTo(mood, viewer) ? mood : null
    }
    if (users === null) return pageOf(this.#sql.publicFeed, from, shown)
    const found = [...new Set(users)].flatMap((user) =>
      pageOf(this.#sql.userFeed, { ...from, user, all: user === viewer ? 1 : 0 }, shown),
    )
    return newestFirst(found, limit, byBytes)
  }

  async changes(after: ChangePosition, limit: number): Promise<readonly { mood: Mood; position: ChangePosition }[]> {
    const { changedAt, id } = after
    return pageOf(this.#sql.changes, { changedAt, id, limit }, (row) => {
      const reading = this.#read.readGood(row)
      return reading && { mood: reading.mood, position: { changedAt: reading.changedAt ?? 0, id: reading.mood.id } }
    })
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
    return pageOf(this.#sql[which], { user, after: after?.ordinal ?? -1, through, limit }, this.#read.mood)
  }

  async history(user: string, after: MoodPosition | null, limit: number): Promise<readonly Mood[]> {
    return pageOf(this.#sql.history, { user, after: after?.ordinal ?? -1, limit }, this.#read.mood)
  }

  async authors(after: string, limit: number): Promise<readonly string[]> {
    return pageOf(this.#sql.authors, { after, limit }, ({ user }) => (isUserName(user) ? user : null))
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

function numberOf(last: LastRow | undefined): number {
  return Math.max(0, last?.ordinal ?? 0)
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
