/** Handles and accounts in SQLite. */

import type Database from 'better-sqlite3'
import {
  type Account,
  STORED_STATES,
  type AccountError,
  type AccountState,
  type StoredAccountState,
  type Credentials,
} from '../../domain/account.ts'
import type { AccountCounts, AccountStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export interface AccountRow {
  user: string
  version: number
  state: AccountState
  handle: string
  pds_handle: string | null
  candidate: number
  did: string | null
  pds: string | null
  /** Sealed; or in plain text, after {@link PLAIN}. */
  sealed_password: string | null
  sealed_session: string | null
  requeue: number
  error: string | null
}

/** What comes before a password in plain text; no sealed one begins so. */
const PLAIN = 'plain:'

function toCredentials(password: string | null): Credentials | null {
  if (password === null) return null
  if (password.startsWith(PLAIN)) return { kind: 'plain', password: password.slice(PLAIN.length) }
  return { kind: 'sealed', sealed: password }
}

function toPassword(credentials: Credentials | null): string | null {
  if (credentials === null) return null
  return credentials.kind === 'plain' ? PLAIN + credentials.password : credentials.sealed
}

export function toAccount(row: AccountRow): Account {
  return {
    user: row.user,
    version: row.version,
    state: row.state,
    handle: row.handle,
    pdsHandle: row.pds_handle,
    candidate: row.candidate,
    did: row.did,
    pds: row.pds,
    credentials: toCredentials(row.sealed_password),
    sealedSession: row.sealed_session,
    requeue: row.requeue === 1,
    error: row.error === null ? null : (JSON.parse(row.error) as AccountError),
  }
}

export function toAccountRow(account: Account): AccountRow {
  return {
    user: account.user,
    version: account.version,
    state: account.state,
    handle: account.handle,
    pds_handle: account.pdsHandle,
    candidate: account.candidate,
    did: account.did,
    pds: account.pds,
    sealed_password: toPassword(account.credentials),
    sealed_session: account.sealedSession,
    requeue: account.requeue ? 1 : 0,
    error: account.error === null ? null : JSON.stringify(account.error),
  }
}

export class SqliteAccounts implements AccountStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      claim: db.prepare<[string, string]>('INSERT INTO handles VALUES (?, ?) ON CONFLICT DO NOTHING'),
      handleOf: db.prepare<[string], { handle: string }>('SELECT handle FROM handles WHERE user = ?'),
      userOf: db.prepare<[string], { user: string }>('SELECT user FROM handles WHERE handle = ?'),
      byUser: db.prepare<[string], AccountRow>('SELECT * FROM accounts WHERE user = ?'),
      byDid: db.prepare<[string], AccountRow>('SELECT * FROM accounts WHERE did = ?'),
      anySealed: db.prepare<[], AccountRow>(
        `SELECT * FROM accounts WHERE sealed_password NOT LIKE '${PLAIN}%' LIMIT 1`,
      ),
      insert: db.prepare<[AccountRow]>(`
        INSERT INTO accounts VALUES (:user, :version, :state, :handle, :pds_handle, :candidate, :did, :pds,
          :sealed_password, :sealed_session, :requeue, :error) ON CONFLICT (user) DO NOTHING`),
      update: db.prepare<[AccountRow]>(`
        UPDATE accounts SET version = version + 1, state = :state, handle = :handle, pds_handle = :pds_handle,
          candidate = :candidate, did = :did, pds = :pds, sealed_password = :sealed_password,
          sealed_session = :sealed_session, requeue = :requeue, error = :error
        WHERE user = :user AND version = :version`),
      remove: db.prepare<[string]>('DELETE FROM accounts WHERE user = ?'),
      removeHandle: db.prepare<[string]>('DELETE FROM handles WHERE user = ?'),
      needingAttention: db.prepare<[{ code: string | null; after: string; limit: number }], AccountRow>(`
        SELECT * FROM accounts WHERE state = 'needs_attention' AND user > :after
          AND (:code IS NULL OR json_extract(error, '$.code') = :code) ORDER BY user LIMIT :limit`),
      attention: db.prepare<[], { code: string; n: number }>(
        `SELECT json_extract(error, '$.code') AS code, count(*) AS n FROM accounts WHERE state = 'needs_attention' GROUP BY 1`,
      ),
      count: db.prepare<[], { state: StoredAccountState; n: number }>(
        'SELECT state, count(*) AS n FROM accounts GROUP BY state',
      ),
    }
  }

  claimHandle(user: string, handle: string): Promise<'claimed' | 'taken' | 'has_other'> {
    return this.#commit.run(() => {
      if (this.#sql.claim.run(user, handle).changes === 1) return 'claimed'
      const current = this.#sql.handleOf.get(user)?.handle
      if (current === handle) return 'claimed'
      return current === undefined ? 'taken' : 'has_other'
    })
  }

  async handlesOf(users: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for (const user of users) {
      const handle = this.#sql.handleOf.get(user)?.handle
      if (handle !== undefined) found.set(user, handle)
    }
    return found
  }

  async usersOf(handles: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for (const handle of handles) {
      const user = this.#sql.userOf.get(handle)?.user
      if (user !== undefined) found.set(handle, user)
    }
    return found
  }

  async byUser(user: string): Promise<Account | null> {
    const row = this.#sql.byUser.get(user)
    return row ? toAccount(row) : null
  }

  async byDid(did: string): Promise<Account | null> {
    const row = this.#sql.byDid.get(did)
    return row ? toAccount(row) : null
  }

  async anySealed(): Promise<Account | null> {
    const row = this.#sql.anySealed.get()
    return row ? toAccount(row) : null
  }

  add(account: Account): Promise<Account> {
    return this.#commit.run(() => {
      this.#sql.insert.run(toAccountRow(account))
      return toAccount(this.#sql.byUser.get(account.user)!)
    })
  }

  save(account: Account): Promise<Account | null> {
    return this.#commit.run(() =>
      this.#sql.update.run(toAccountRow(account)).changes === 1 ? { ...account, version: account.version + 1 } : null,
    )
  }

  forget(user: string): Promise<void> {
    return this.#commit.runAll(() => {
      this.#sql.remove.run(user)
      this.#sql.removeHandle.run(user)
    })
  }

  async needingAttention(code: string | null, after: string, limit: number): Promise<readonly Account[]> {
    return this.#sql.needingAttention.all({ code, after, limit }).map(toAccount)
  }

  async count(): Promise<AccountCounts> {
    const states = Object.fromEntries(STORED_STATES.map((state) => [state, 0])) as Record<StoredAccountState, number>
    for (const { state, n } of this.#sql.count.all()) states[state] = n
    const attention = Object.fromEntries(this.#sql.attention.all().map(({ code, n }) => [code, n]))
    return { states, attention }
  }
}
