/** Moods in SQLite, as work for the engine. */

import type Database from 'better-sqlite3'
import { FURTHEST } from '../../domain/furthest.ts'
import type { Mood } from '../../domain/mood.ts'
import { type HoldReason, noMoods, type SyncState, withoutHidden } from '../../domain/sync.ts'
import type { MoodCounts, Settlement, WorkStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { type MoodRow, syncColumns, toMood } from './mood-row.ts'

export class SqliteWork implements WorkStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      due: db.prepare<[{ user: string; now: number; furthest: number; limit: number }], MoodRow>(`
        SELECT * FROM (
          SELECT * FROM moods WHERE state = 'pending' AND user = :user AND due_at <= :now ORDER BY due_at LIMIT :limit
        ) UNION ALL SELECT * FROM (
          SELECT * FROM moods WHERE state = 'pending' AND user = :user AND due_at > :furthest ORDER BY due_at LIMIT :limit
        ) LIMIT :limit`),
      nextDue: db.prepare<[string], { at: number | null }>(
        `SELECT min(due_at) AS at FROM moods WHERE state = 'pending' AND user = ?`,
      ),
      settle: db.prepare(`
        UPDATE moods SET state = :state, uri = :uri, cid = :cid, due_at = :due_at, attempts = :attempts, hold = :hold,
          error = :error, first_published = :first_published, published_directly = :published_directly,
          version = version + 1, changed_at = :now
        WHERE id = :id AND version = :version`),
      held: db.prepare<[{ user: string; hold: HoldReason; after: string; limit: number }], MoodRow>(`
        SELECT * FROM moods WHERE state = 'local' AND hold = :hold AND user = :user AND id > :after ORDER BY id LIMIT :limit`),
      rejected: db.prepare<[{ code: string | null; after: string; limit: number }], MoodRow>(`
        SELECT * FROM moods WHERE state = 'rejected' AND id > :after
          AND (:code IS NULL OR json_extract(error, '$.code') = :code) ORDER BY id LIMIT :limit`),
      oldestPending: db.prepare<[number], MoodRow>(
        `SELECT * FROM moods WHERE state = 'pending' ORDER BY due_at, id LIMIT ?`,
      ),
      countRejected: db.prepare<[], { code: string; n: number }>(
        `SELECT json_extract(error, '$.code') AS code, count(*) AS n FROM moods WHERE state = 'rejected' GROUP BY 1`,
      ),
      countHeld: db.prepare<[], { hold: HoldReason | null; n: number }>(
        `SELECT hold, count(*) AS n FROM moods WHERE state = 'local' GROUP BY hold`,
      ),
      countHiddenHistory: db.prepare<[], { private: number; deleted: number }>(`
        SELECT count(*) FILTER (WHERE is_private = 1) AS private,
          count(*) FILTER (WHERE is_private = 0 AND deleted = 1) AS deleted
        FROM moods WHERE state = 'local' AND hold = 'backfill'`),
      count: db.prepare<[], { state: SyncState; n: number; deleted: number }>(
        'SELECT state, count(*) AS n, sum(deleted) AS deleted FROM moods GROUP BY state',
      ),
      countOf: db.prepare<[string], { user: string; n: number }>(
        `SELECT user, count(*) AS n FROM moods WHERE user IN (SELECT value FROM json_each(?)) GROUP BY user`,
      ),
      pendingOf: db.prepare<[string], { user: string; n: number }>(`
        SELECT user, count(*) AS n FROM moods WHERE state = 'pending' AND user IN (SELECT value FROM json_each(?)) GROUP BY user`),
    }
  }

  async due(user: string, now: number, limit: number): Promise<readonly Mood[]> {
    return this.#sql.due.all({ user, now, furthest: now + FURTHEST.moodDue, limit }).map(toMood)
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

  async held(user: string, hold: HoldReason, after: string, limit: number): Promise<readonly Mood[]> {
    return this.#sql.held.all({ user, hold, after, limit }).map(toMood)
  }

  async rejected(code: string | null, after: string, limit: number): Promise<readonly Mood[]> {
    return this.#sql.rejected.all({ code, after, limit }).map(toMood)
  }

  async oldestPending(limit: number): Promise<readonly Mood[]> {
    return this.#sql.oldestPending.all(limit).map(toMood)
  }

  async count(): Promise<MoodCounts> {
    const { states, held } = noMoods()
    let deleted = 0
    for (const each of this.#sql.count.all()) {
      states[each.state] = each.n
      deleted += each.deleted
    }
    for (const { hold, n } of this.#sql.countHeld.all()) if (hold !== null) held[hold] = n
    const rejected = Object.fromEntries(this.#sql.countRejected.all().map(({ code, n }) => [code, n]))
    return { states, deleted, held: withoutHidden(held, this.#sql.countHiddenHistory.get()!), rejected }
  }

  async countOf(users: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(this.#sql.countOf.all(JSON.stringify(users)).map(({ user, n }) => [user, n]))
  }

  async pendingOf(users: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(this.#sql.pendingOf.all(JSON.stringify(users)).map(({ user, n }) => [user, n]))
  }
}
