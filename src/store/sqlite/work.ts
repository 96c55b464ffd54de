/** Moods in SQLite, as work for the engine. */

import type Database from 'better-sqlite3'
import { FURTHEST } from '../../domain/furthest.ts'
import type { Mood } from '../../domain/mood.ts'
import { type HoldReason, noMoods, withoutHidden } from '../../domain/sync.ts'
import { isKeyOf } from '../../domain/tally.ts'
import type { MoodCounts, Settlement, WorkStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { CODE } from './stored.ts'
import { syncColumns } from './mood-row.ts'
import { pageOf } from './pages.ts'
import { MoodReader, type StoredMoodRow } from './reading.ts'

export class SqliteWork implements WorkStore {
  readonly #commit: GroupCommit
  readonly #read: MoodReader
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#read = new MoodReader(db)
    this.#sql = {
      due: db.prepare<[{ user: string; now: number; furthest: number; limit: number }], StoredMoodRow>(`
        SELECT * FROM (
          SELECT * FROM moods WHERE state = 'pending' AND user = :user AND due_at <= :now ORDER BY due_at LIMIT :limit
        ) UNION ALL SELECT * FROM (
          SELECT * FROM moods WHERE state = 'pending' AND user = :user AND due_at > :furthest ORDER BY due_at LIMIT :limit
        ) LIMIT :limit`),
      nextDue: db.prepare<[{ user: string; limit: number }], StoredMoodRow>(
        `SELECT * FROM moods WHERE state = 'pending' AND user = :user ORDER BY due_at LIMIT :limit`,
      ),
      settle: db.prepare(`
        UPDATE moods SET state = :state, uri = :uri, cid = :cid, due_at = :due_at, attempts = :attempts, hold = :hold,
          error = :error, first_published = :first_published, published_directly = :published_directly,
          version = version + 1, changed_at = :now
        WHERE id = :id AND version = :version`),
      held: db.prepare<[{ user: string; hold: HoldReason; after: string; limit: number }], StoredMoodRow>(`
        SELECT * FROM moods WHERE state = 'local' AND hold = :hold AND user = :user AND id > :after ORDER BY id LIMIT :limit`),
      rejected: db.prepare<[{ code: string | null; after: string; limit: number }], StoredMoodRow>(`
        SELECT * FROM moods WHERE state = 'rejected' AND id > :after
          AND (:code IS NULL OR ${CODE} = :code) ORDER BY id LIMIT :limit`),
      oldestPending: db.prepare<[{ limit: number }], StoredMoodRow>(
        `SELECT * FROM moods WHERE state = 'pending' ORDER BY due_at, id LIMIT :limit`,
      ),
      countRejected: db.prepare<[], { code: unknown; n: number }>(
        `SELECT ${CODE} AS code, count(*) AS n FROM moods WHERE state = 'rejected' GROUP BY 1`,
      ),
      countHeld: db.prepare<[], { hold: unknown; n: number }>(
        `SELECT hold, count(*) AS n FROM moods WHERE state = 'local' GROUP BY hold`,
      ),
      countHiddenHistory: db.prepare<[], { private: number; deleted: number }>(`
        SELECT count(*) FILTER (WHERE is_private = 1) AS private,
          count(*) FILTER (WHERE is_private = 0 AND deleted = 1) AS deleted
        FROM moods WHERE state = 'local' AND hold = 'backfill'`),
      count: db.prepare<[], { state: unknown; n: number; deleted: number }>(
        'SELECT state, count(*) AS n, count(*) FILTER (WHERE deleted = 1) AS deleted FROM moods GROUP BY state',
      ),
      countOf: db.prepare<[string], { user: string; n: number }>(
        `SELECT user, count(*) AS n FROM moods WHERE user IN (SELECT value FROM json_each(?)) GROUP BY user`,
      ),
      pendingOf: db.prepare<[string], { user: string; n: number }>(`
        SELECT user, count(*) AS n FROM moods WHERE state = 'pending' AND user IN (SELECT value FROM json_each(?)) GROUP BY user`),
    }
  }

  async due(user: string, now: number, limit: number): Promise<readonly Mood[]> {
    return pageOf(this.#sql.due, { user, now, furthest: now + FURTHEST.moodDue, limit }, this.#read.mood)
  }

  async nextDue(user: string): Promise<number | null> {
    const [next] = pageOf(this.#sql.nextDue, { user, limit: 1 }, this.#read.mood)
    return next?.sync.dueAt ?? null
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

  async held(user: string, hold: HoldReason, after: string, limit: number): Promise<readonly Mood[]> {
    return pageOf(this.#sql.held, { user, hold, after, limit }, this.#read.mood)
  }

  async rejected(code: string | null, after: string, limit: number): Promise<readonly Mood[]> {
    return pageOf(this.#sql.rejected, { code, after, limit }, this.#read.mood)
  }

  async oldestPending(limit: number): Promise<readonly Mood[]> {
    return pageOf(this.#sql.oldestPending, { limit }, this.#read.mood)
  }

  async count(): Promise<MoodCounts> {
    const { states, held } = noMoods()
    let deleted = 0
    for (const { state, n, deleted: some } of this.#sql.count.all()) {
      // What is no state at all is odd, and none of these.
      if (isKeyOf(states, state)) states[state] = n
      deleted += some
    }
    for (const { hold, n } of this.#sql.countHeld.all()) if (isKeyOf(held, hold)) held[hold] = n
    const rejected: Record<string, number> = {}
    for (const { code, n } of this.#sql.countRejected.all()) if (typeof code === 'string') rejected[code] = n
    return { states, deleted, held: withoutHidden(held, this.#sql.countHiddenHistory.get()!), rejected }
  }

  async countOf(users: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(this.#sql.countOf.all(JSON.stringify(users)).map(({ user, n }) => [user, n]))
  }

  async pendingOf(users: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(this.#sql.pendingOf.all(JSON.stringify(users)).map(({ user, n }) => [user, n]))
  }
}
