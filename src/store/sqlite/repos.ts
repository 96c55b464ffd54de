/** Marks and leases in SQLite: one row for each repo that ever had work. */

import { randomUUID } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { Lease, Release, RepoQueue } from '../../ports.ts'
import type { GroupCommit } from './group-commit.ts'

interface Row {
  user: string
  due_at: number | null
  marks: number
  failures: number
  uncertain: number
  lease_token: string | null
}

export class SqliteRepos implements RepoQueue {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      mark: db.prepare<[{ user: string; now: number }]>(`
        INSERT INTO repos (user, due_at, marks) VALUES (:user, :now, 1)
        ON CONFLICT (user) DO UPDATE SET marks = marks + 1,
          due_at = CASE WHEN failures > 0 THEN coalesce(due_at, :now) ELSE min(coalesce(due_at, :now), :now) END`),
      // Rows that are due but leased come first and are passed over: never more than there are workers.
      nextFree: db.prepare<[number, number], Row>(`
        SELECT * FROM repos WHERE due_at <= ? AND lease_until <= ? ORDER BY due_at LIMIT 1`),
      lease: db.prepare<[string, string, number, string]>(
        'UPDATE repos SET lease_token = ?, lease_owner = ?, lease_until = ? WHERE user = ?',
      ),
      renew: db.prepare<[number, string, string]>(
        'UPDATE repos SET lease_until = ? WHERE user = ? AND lease_token = ?',
      ),
      release: db.prepare(`
        UPDATE repos SET lease_token = NULL, lease_owner = NULL, lease_until = 0, failures = :failures, uncertain = :uncertain,
          due_at = CASE WHEN marks = :marks OR :failures > 0 THEN :dueAt ELSE min(coalesce(:dueAt, :now), :now) END
        WHERE user = :user AND lease_token = :token`),
      // Hops from user to user along the index, so that a user's thousand pending moods count once.
      withMoods: db.prepare<[{ after: string; limit: number }], { user: string }>(`
        WITH RECURSIVE hop (user) AS (
          SELECT min(user) FROM moods WHERE state = 'pending' AND user > :after
          UNION ALL
          SELECT (SELECT min(user) FROM moods WHERE state = 'pending' AND user > hop.user) FROM hop WHERE hop.user IS NOT NULL
        ) SELECT user FROM hop WHERE user IS NOT NULL LIMIT :limit`),
      withAccountWork: db.prepare<[{ after: string; limit: number }], { user: string }>(`
        SELECT user FROM accounts WHERE (state = 'pending' OR requeue = 1) AND user > :after ORDER BY user LIMIT :limit`),
      remind: db.prepare<[{ user: string; now: number }]>(`
        INSERT INTO repos (user, due_at, marks) VALUES (:user, :now, 1)
        ON CONFLICT (user) DO UPDATE SET marks = marks + 1, due_at = :now WHERE due_at IS NULL`),
    }
  }

  mark(user: string, now: number): Promise<void> {
    return this.#commit.run(() => void this.#sql.mark.run({ user, now }))
  }

  claim(owner: string, now: number, until: number): Promise<Lease | null> {
    return this.#commit.run(() => {
      const row = this.#sql.nextFree.get(now, now)
      if (!row) return null
      const token = randomUUID()
      this.#sql.lease.run(token, owner, until, row.user)
      return {
        user: row.user,
        token,
        uncertain: row.uncertain === 1 || row.lease_token !== null,
        failures: row.failures,
        marks: row.marks,
      }
    })
  }

  renew(lease: Lease, until: number): Promise<boolean> {
    return this.#commit.run(() => this.#sql.renew.run(until, lease.user, lease.token).changes === 1)
  }

  release(lease: Lease, release: Release, now: number): Promise<void> {
    return this.#commit.run(
      () =>
        void this.#sql.release.run({
          user: lease.user,
          token: lease.token,
          marks: lease.marks,
          dueAt: release.dueAt,
          uncertain: release.uncertain ? 1 : 0,
          failures: release.failures,
          now,
        }),
    )
  }

  sweep(after: string, limit: number, now: number): Promise<string | null> {
    return this.#commit.run(() => {
      const page = { after, limit }
      const found = [...this.#sql.withMoods.all(page), ...this.#sql.withAccountWork.all(page)].map((row) => row.user)
      const users = [...new Set(found)].toSorted().slice(0, limit)
      for (const user of users) this.#sql.remind.run({ user, now })
      return users.length < limit ? null : (users.at(-1) ?? null)
    })
  }
}
