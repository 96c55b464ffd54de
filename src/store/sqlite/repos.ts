/** Marks and leases in SQLite: one row for each repo that ever had work. */

import { randomUUID } from 'node:crypto'
import type Database from 'better-sqlite3'
import { byBytes } from '../../domain/byte-order.ts'
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
  rebuilt,
  unmarked,
} from '../../domain/queue.ts'
import { isOdd, isUserName, type Odd, type StoredDocument } from '../../domain/odd.ts'
import { readErasure, readIntent } from '../../domain/read-jobs.ts'
import { readRepo } from '../../domain/read-notes.ts'
import type { HoldReason } from '../../domain/sync.ts'
import type { RepoQueue } from '../../ports/queue.ts'
import type { Intent } from '../../domain/jobs.ts'
import { accountIn, type AccountRow } from './accounts.ts'
import { type ErasureRow, storedErasure } from './erasures.ts'
import type { GroupCommit } from './group-commit.ts'
import { storedIntent } from './intents.ts'
import { pageOf } from './pages.ts'
import { type RemovalRow, removalsIn } from './removals.ts'
import { date, flag, idOf, plain, type StoredRow } from './stored.ts'

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

export function storedRepo(row: StoredRow<RepoRow>): StoredDocument {
  const values = {
    dueAt: date(row.due_at),
    dueSetAt: date(row.due_set_at),
    marks: plain(row.marks),
    failures: plain(row.failures),
    uncertain: flag(row.uncertain),
    quarantineUntil: date(row.quarantine_until),
    destructive: flag(row.destructive),
    leaseToken: plain(row.lease_token),
    leaseOwner: plain(row.lease_owner),
    leaseUntil: date(row.lease_until),
  }
  return { id: idOf(row.user), values }
}

/** What a row says of its repo. */
export function repoIn(row: StoredRow<RepoRow>): RepoState | Odd {
  return readRepo(storedRepo(row))
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

/** A row that is due, with the bytes of its key, which may be no text. */
type FreeRow = StoredRow<RepoRow> & { readonly key: Buffer }

interface UserPage {
  readonly after: string
  readonly limit: number
}

/** The name of a user, where it can be read. */
function userIn({ user }: { readonly user: unknown }): string | null {
  return isUserName(user) ? user : null
}

export class SqliteRepos implements RepoQueue {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[string], StoredRow<RepoRow>>('SELECT * FROM repos WHERE user = ?'),
      put: db.prepare<[RepoRow]>(`INSERT OR REPLACE INTO ${REPO_VALUES}`),
      // Rows that are due but leased come first and are passed over: never more than there are workers.
      nextFree: db.prepare<[number, number], FreeRow>(`
        SELECT *, CAST(user AS BLOB) AS key FROM repos WHERE due_at <= ? AND lease_until <= ? ORDER BY due_at LIMIT 1`),
      nextFreeAmong: db.prepare<[string, number, number], FreeRow>(`
        SELECT *, CAST(user AS BLOB) AS key FROM repos WHERE user IN (SELECT value FROM json_each(?)) AND due_at <= ? AND lease_until <= ?
        ORDER BY due_at LIMIT 1`),
      passOver: db.prepare<[Buffer]>('UPDATE repos SET due_at = NULL WHERE user = CAST(? AS TEXT)'),
      // Hops from user to user along the index, so that a user's thousand pending moods count once.
      withMoods: db.prepare<[UserPage], { user: unknown }>(`
        WITH RECURSIVE hop (user) AS (
          SELECT min(user) FROM moods WHERE state = 'pending' AND user > :after
          UNION ALL
          SELECT (SELECT min(user) FROM moods WHERE state = 'pending' AND user > hop.user) FROM hop WHERE hop.user IS NOT NULL
        ) SELECT user FROM hop WHERE user IS NOT NULL LIMIT :limit`),
      accounts: db.prepare<[UserPage], StoredRow<AccountRow>>(`
        SELECT * FROM accounts WHERE (state = 'pending' OR requeue = 1) AND user > :after ORDER BY user LIMIT :limit`),
      intents: db.prepare<[UserPage], StoredRow<Intent>>(
        'SELECT * FROM intents WHERE user > :after ORDER BY user LIMIT :limit',
      ),
      removals: db.prepare<[UserPage], { user: unknown }>(
        'SELECT DISTINCT user FROM removals WHERE user > :after ORDER BY user LIMIT :limit',
      ),
      removalsOf: db.prepare<[unknown], StoredRow<RemovalRow>>('SELECT * FROM removals WHERE user = ?'),
      erasures: db.prepare<[UserPage], StoredRow<ErasureRow>>(
        'SELECT * FROM erasures WHERE user > :after ORDER BY user LIMIT :limit',
      ),
      held: db.prepare<[UserPage & { hold: HoldReason }], { user: unknown }>(`
        WITH RECURSIVE hop (user) AS (
          SELECT min(user) FROM moods WHERE state = 'local' AND hold = :hold AND user > :after
          UNION ALL
          SELECT (SELECT min(user) FROM moods WHERE state = 'local' AND hold = :hold AND user > hop.user) FROM hop
            WHERE hop.user IS NOT NULL
        ) SELECT user FROM hop WHERE user IS NOT NULL LIMIT :limit`),
      remove: db.prepare<[string]>('DELETE FROM repos WHERE user = ?'),
    }
  }

  async mark(user: string, now: number): Promise<void> {
    const seen = this.#stored(user)
    // Whoever claims it next reads its moods after that. Most posts of a backlog find it so, and need no commit.
    if (!isOdd(seen) && marked(seen, now) === seen) return
    await this.#commit.run(() => this.#mark(user, marked, now))
  }

  claim(
    owner: string,
    now: number,
    until: number,
    quarantineMs: number,
    among?: readonly string[],
  ): Promise<Lease | null> {
    const users = among === undefined ? null : JSON.stringify(among)
    return this.#commit.runAll(() => {
      for (;;) {
        const row = users === null ? this.#sql.nextFree.get(now, now) : this.#sql.nextFreeAmong.get(users, now, now)
        if (!row) return null
        const lease = { token: randomUUID(), owner, until }
        if (isUserName(row.user)) return this.#claimed(row, row.user, lease, now, quarantineMs)
        // Nobody's repo: it is due no more, so that it stands in nobody's way.
        this.#sql.passOver.run(row.key)
      }
    })
  }

  #claimed(
    row: FreeRow,
    user: string,
    lease: NonNullable<RepoState['lease']>,
    now: number,
    quarantineMs: number,
  ): Lease | null {
    const stored = repoIn(row)
    // A state that cannot be read is made again under the new lease.
    const repo = isOdd(stored) ? { ...rebuilt(user, now), lease } : claimed(stored, lease, now, quarantineMs)
    if (!repo) return null
    this.#sql.put.run(toRepoRow(repo))
    return leaseOf(repo)
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

  /** What is stored of the repo. */
  #stored(user: string): RepoState | Odd {
    const row = this.#sql.get.get(user)
    return row ? repoIn(row) : unmarked(user)
  }

  /** Applies a rule of `domain/queue.ts` that gives a repo work, whatever is stored of it. */
  #mark(user: string, rule: (repo: RepoState, now: number) => RepoState, now: number): void {
    const stored = this.#stored(user)
    const after = rule(isOdd(stored) ? rebuilt(user, now) : stored, now)
    if (after !== stored) this.#sql.put.run(toRepoRow(after))
  }

  /** @returns false when the rule finds that the lease was lost */
  #asHolder({ user }: Lease, rule: (repo: RepoState) => RepoState | null): Promise<boolean> {
    return this.#commit.run(() => {
      const before = this.#stored(user)
      const after = isOdd(before) ? null : rule(before)
      if (after !== null && after !== before) this.#sql.put.run(toRepoRow(after))
      return after !== null
    })
  }

  sweep(after: string, limit: number, now: number): Promise<string | null> {
    return this.#commit.runAll(() => {
      const found = this.#withWork({ after, limit })
      const users = [...new Set(found)].toSorted(byBytes).slice(0, limit)
      for (const user of users) this.#mark(user, reminded, now)
      return users.length < limit ? null : (users.at(-1) ?? null)
    })
  }

  /** The first users of every kind of work. What is odd is none. */
  #withWork(page: UserPage): string[] {
    const hasRemovals = ({ user }: { readonly user: unknown }): boolean =>
      this.#sql.removalsOf.all(user).some((row) => removalsIn(row).length > 0)
    return [
      ...pageOf(this.#sql.withMoods, page, userIn),
      ...pageOf(this.#sql.accounts, page, (row) => {
        const account = accountIn(row)
        return account === null || account.state === 'odd' ? null : account.user
      }),
      ...pageOf(this.#sql.intents, page, (row) => {
        const intent = readIntent(storedIntent(row))
        return isOdd(intent) ? null : intent.user
      }),
      ...pageOf(this.#sql.removals, page, (row) => (hasRemovals(row) ? userIn(row) : null)),
      ...pageOf(this.#sql.erasures, page, (row) => {
        const erasure = readErasure(storedErasure(row))
        return isOdd(erasure) ? null : erasure.user
      }),
    ]
  }

  async held(hold: HoldReason, after: string, limit: number): Promise<readonly string[]> {
    return pageOf(this.#sql.held, { hold, after, limit }, userIn)
  }

  async get(user: string): Promise<RepoState | null> {
    const row = this.#sql.get.get(user)
    const reading = row && repoIn(row)
    return reading && !isOdd(reading) ? reading : null
  }

  /** A file cannot tell other processes of a mark; workers poll. */
  listen(): Disposable {
    return { [Symbol.dispose]: () => {} }
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
