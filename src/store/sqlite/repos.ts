/** Marks and leases in SQLite: one row for each repo that ever had work. */

import { randomUUID } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { HoldReason } from '../../domain/sync.ts'
import type { Lease, Release, RepoQueue } from '../../ports/queue.ts'
import type { GroupCommit } from './group-commit.ts'

export interface RepoRow {
  user: string
  due_at: number | null
  marks: number
  failures: number
  uncertain: number
  quarantine_until: number
  destructive: number
  lease_token: string | null
  lease_until: number
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
          due_at = CASE WHEN failures > 0 THEN coalesce(due_at, :now) ELSE min(coalesce(due_at, :now), :now) END
        -- A repo that is due already, and that nobody is at, needs no second mark.
        WHERE due_at IS NULL OR due_at > :now OR lease_token IS NOT NULL`),
      // Rows that are due but leased come first and are passed over: never more than there are workers.
      nextFree: db.prepare<[number, number], RepoRow>(`
        SELECT * FROM repos WHERE due_at <= ? AND lease_until <= ? ORDER BY due_at LIMIT 1`),
      lease: db.prepare<
        [
          Pick<RepoRow, 'uncertain' | 'quarantine_until'> &
            Record<'token' | 'owner' | 'user', string> & { until: number },
        ]
      >(`
        UPDATE repos SET lease_token = :token, lease_owner = :owner, lease_until = :until, uncertain = :uncertain,
          quarantine_until = :quarantine_until
        WHERE user = :user`),
      destructive: db.prepare<[string, string]>('UPDATE repos SET destructive = 1 WHERE user = ? AND lease_token = ?'),
      renew: db.prepare<[number, string, string]>(
        'UPDATE repos SET lease_until = ? WHERE user = ? AND lease_token = ?',
      ),
      release: db.prepare(`
        UPDATE repos SET lease_token = NULL, lease_owner = NULL, lease_until = 0, failures = :failures, uncertain = :uncertain,
          quarantine_until = :quarantineUntil, destructive = :destructive,
          due_at = CASE WHEN marks = :marks OR :failures > 0 THEN :dueAt ELSE min(coalesce(:dueAt, :now), :now) END
        WHERE user = :user AND lease_token = :token`),
      // Hops from user to user along the index, so that a user's thousand pending moods count once.
      withMoods: db.prepare<[{ after: string; limit: number }], { user: string }>(`
        WITH RECURSIVE hop (user) AS (
          SELECT min(user) FROM moods WHERE state = 'pending' AND user > :after
          UNION ALL
          SELECT (SELECT min(user) FROM moods WHERE state = 'pending' AND user > hop.user) FROM hop WHERE hop.user IS NOT NULL
        ) SELECT user FROM hop WHERE user IS NOT NULL LIMIT :limit`),
      withOtherWork: db.prepare<[{ after: string; limit: number }], { user: string }>(`
        SELECT user FROM (
          SELECT user FROM accounts WHERE (state = 'pending' OR requeue = 1) AND user > :after
          UNION SELECT user FROM intents WHERE user > :after
          UNION SELECT user FROM removals WHERE user > :after
          UNION SELECT user FROM erasures WHERE user > :after
        ) ORDER BY user LIMIT :limit`),
      held: db.prepare<[{ hold: HoldReason; after: string; limit: number }], { user: string }>(`
        WITH RECURSIVE hop (user) AS (
          SELECT min(user) FROM moods WHERE state = 'local' AND hold = :hold AND user > :after
          UNION ALL
          SELECT (SELECT min(user) FROM moods WHERE state = 'local' AND hold = :hold AND user > hop.user) FROM hop
            WHERE hop.user IS NOT NULL
        ) SELECT user FROM hop WHERE user IS NOT NULL LIMIT :limit`),
      remove: db.prepare<[string]>('DELETE FROM repos WHERE user = ?'),
      remind: db.prepare<[{ user: string; now: number }]>(`
        INSERT INTO repos (user, due_at, marks) VALUES (:user, :now, 1)
        ON CONFLICT (user) DO UPDATE SET marks = marks + 1, due_at = :now WHERE due_at IS NULL`),
    }
  }

  mark(user: string, now: number): Promise<void> {
    return this.#commit.run(() => void this.#sql.mark.run({ user, now }))
  }

  claim(owner: string, now: number, until: number, quarantineMs: number): Promise<Lease | null> {
    return this.#commit.run(() => {
      const row = this.#sql.nextFree.get(now, now)
      if (!row) return null
      const { user, failures, marks } = row
      const token = randomUUID()
      const wasLost = row.lease_token !== null
      const uncertain = wasLost || row.uncertain === 1
      const quarantineUntil = wasLost
        ? Math.max(row.quarantine_until, row.lease_until + quarantineMs)
        : row.quarantine_until
      this.#sql.lease.run({
        token,
        owner,
        until,
        user,
        uncertain: uncertain ? 1 : 0,
        quarantine_until: quarantineUntil,
      })
      const quarantine = { until: quarantineUntil, destructive: row.destructive === 1 }
      return { user, token, uncertain, quarantine, failures, marks }
    })
  }

  noteDestructive(lease: Lease): Promise<boolean> {
    return this.#commit.run(() => this.#sql.destructive.run(lease.user, lease.token).changes === 1)
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
          quarantineUntil: release.quarantine.until,
          destructive: release.quarantine.destructive ? 1 : 0,
          failures: release.failures,
          now,
        }),
    )
  }

  sweep(after: string, limit: number, now: number): Promise<string | null> {
    return this.#commit.runAll(() => {
      const page = { after, limit }
      const found = [...this.#sql.withMoods.all(page), ...this.#sql.withOtherWork.all(page)].map((row) => row.user)
      const users = [...new Set(found)].toSorted().slice(0, limit)
      for (const user of users) this.#sql.remind.run({ user, now })
      return users.length < limit ? null : (users.at(-1) ?? null)
    })
  }

  async held(hold: HoldReason, after: string, limit: number): Promise<readonly string[]> {
    return this.#sql.held.all({ hold, after, limit }).map((row) => row.user)
  }

  /** One file has no way to tell; whoever waits for work looks again soon. */
  listen(): Disposable {
    return { [Symbol.dispose]: () => {} }
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
