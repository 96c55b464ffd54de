/** Marks and leases in SQLite: one row for each repo that ever had work. */

import { randomUUID } from 'node:crypto'
import type Database from 'better-sqlite3'
import {
  claimed,
  type Lease,
  leaseOf,
  marked,
  notedDestructive,
  type Release,
  released,
  reminded,
  renewed,
  type RepoState,
  unmarked,
} from '../../domain/queue.ts'
import type { HoldReason } from '../../domain/sync.ts'
import type { RepoQueue } from '../../ports/queue.ts'
import type { GroupCommit } from './group-commit.ts'

export interface RepoRow {
  user: string
  due_at: number | null
  due_set_at: number
  marks: number
  failures: number
  uncertain: number
  quarantine_until: number
  destructive: number
  lease_token: string | null
  lease_owner: string | null
  lease_until: number
}

/** All columns of a repo, for an insert. */
export const REPO_VALUES = `
  repos (user, due_at, due_set_at, marks, failures, uncertain, quarantine_until, destructive, lease_token, lease_owner,
    lease_until)
  VALUES (:user, :due_at, :due_set_at, :marks, :failures, :uncertain, :quarantine_until, :destructive, :lease_token,
    :lease_owner, :lease_until)`

export function toRepo(row: RepoRow): RepoState {
  const { lease_token: token, lease_owner: owner } = row
  return {
    user: row.user,
    dueAt: row.due_at,
    dueSetAt: row.due_set_at,
    marks: row.marks,
    failures: row.failures,
    uncertain: row.uncertain === 1,
    quarantine: { until: row.quarantine_until, destructive: row.destructive === 1 },
    lease: token === null ? null : { token, owner: owner ?? '', until: row.lease_until },
  }
}

export function toRepoRow({
  user,
  dueAt,
  dueSetAt,
  marks,
  failures,
  uncertain,
  quarantine,
  lease,
}: RepoState): RepoRow {
  return {
    user,
    due_at: dueAt,
    due_set_at: dueSetAt,
    marks,
    failures,
    uncertain: uncertain ? 1 : 0,
    quarantine_until: quarantine.until,
    destructive: quarantine.destructive ? 1 : 0,
    lease_token: lease?.token ?? null,
    lease_owner: lease?.owner ?? null,
    lease_until: lease?.until ?? 0,
  }
}

export class SqliteRepos implements RepoQueue {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[string], RepoRow>('SELECT * FROM repos WHERE user = ?'),
      put: db.prepare<[RepoRow]>(`INSERT OR REPLACE INTO ${REPO_VALUES}`),
      // Rows that are due but leased come first and are passed over: never more than there are workers.
      nextFree: db.prepare<[number, number], RepoRow>(`
        SELECT * FROM repos WHERE due_at <= ? AND lease_until <= ? ORDER BY due_at LIMIT 1`),
      nextFreeAmong: db.prepare<[string, number, number], RepoRow>(`
        SELECT * FROM repos WHERE user IN (SELECT value FROM json_each(?)) AND due_at <= ? AND lease_until <= ?
        ORDER BY due_at LIMIT 1`),
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
    }
  }

  mark(user: string, now: number): Promise<void> {
    return this.#commit.run(() => this.#change(user, (repo) => marked(repo, now)))
  }

  claim(
    owner: string,
    now: number,
    until: number,
    quarantineMs: number,
    among?: readonly string[],
  ): Promise<Lease | null> {
    return this.#commit.run(() => {
      const row =
        among === undefined
          ? this.#sql.nextFree.get(now, now)
          : this.#sql.nextFreeAmong.get(JSON.stringify(among), now, now)
      const repo = row && claimed(toRepo(row), { token: randomUUID(), owner, until }, now, quarantineMs)
      if (!repo) return null
      this.#sql.put.run(toRepoRow(repo))
      return leaseOf(repo)
    })
  }

  noteDestructive(lease: Lease): Promise<boolean> {
    return this.#asHolder(lease, (repo) => notedDestructive(repo, lease))
  }

  renew(lease: Lease, until: number): Promise<boolean> {
    return this.#asHolder(lease, (repo) => renewed(repo, lease, until))
  }

  async release(lease: Lease, release: Release, now: number): Promise<void> {
    await this.#asHolder(lease, (repo) => released(repo, lease, release, now))
  }

  /** Applies a rule of `domain/queue.ts`, within a commit. */
  #change(user: string, rule: (repo: RepoState) => RepoState): void {
    const row = this.#sql.get.get(user)
    const before = row ? toRepo(row) : unmarked(user)
    const after = rule(before)
    if (after !== before) this.#sql.put.run(toRepoRow(after))
  }

  /** @returns false when the rule finds that the lease was lost */
  #asHolder({ user }: Lease, rule: (repo: RepoState) => RepoState | null): Promise<boolean> {
    return this.#commit.run(() => {
      let isHeld = true
      this.#change(user, (repo) => {
        const after = rule(repo)
        isHeld = after !== null
        return after ?? repo
      })
      return isHeld
    })
  }

  sweep(after: string, limit: number, now: number): Promise<string | null> {
    return this.#commit.runAll(() => {
      const page = { after, limit }
      const found = [...this.#sql.withMoods.all(page), ...this.#sql.withOtherWork.all(page)].map((row) => row.user)
      const users = [...new Set(found)].toSorted().slice(0, limit)
      for (const user of users) this.#change(user, (repo) => reminded(repo, now))
      return users.length < limit ? null : (users.at(-1) ?? null)
    })
  }

  async held(hold: HoldReason, after: string, limit: number): Promise<readonly string[]> {
    return this.#sql.held.all({ hold, after, limit }).map((row) => row.user)
  }

  async get(user: string): Promise<RepoState | null> {
    const row = this.#sql.get.get(user)
    return row ? toRepo(row) : null
  }

  /** A file cannot tell other processes of a mark; workers poll. */
  listen(): Disposable {
    return { [Symbol.dispose]: () => {} }
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
