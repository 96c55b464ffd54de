/** Handles and accounts in SQLite. */

import type Database from 'better-sqlite3'
import {
  type Account,
  STORED_STATES,
  type AccountState,
  type StoredAccountState,
  type Credentials,
  unreadableAccount,
} from '../../domain/account.ts'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { NO_ACCOUNT, readAccount, readHandle } from '../../domain/read-account.ts'
import { isKeyOf } from '../../domain/tally.ts'
import { DomainError } from '../../domain/errors.ts'
import type { AccountCounts, AccountStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { pageOf } from './pages.ts'
import { CODE, flag, idOf, json, plain, type StoredRow } from './stored.ts'

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
  former: string | null
}

/** What comes before a password in plain text; no sealed one begins so. */
const PLAIN = 'plain:'

function toPassword(credentials: Credentials | null): string | null {
  if (credentials === null) return null
  return credentials.kind === 'plain' ? PLAIN + credentials.password : credentials.sealed
}

export interface HandleRow {
  readonly user: string
  readonly handle: string
}

export function storedHandle({ user, handle }: StoredRow<HandleRow>): StoredDocument {
  return { id: idOf(user), values: { handle: plain(handle) } }
}

/** A handle that can be read; null also for no row. */
export function handleIn(row: StoredRow<HandleRow> | undefined): HandleRow | null {
  if (row === undefined) return null
  const reading = readHandle(storedHandle(row))
  return isOdd(reading) ? null : reading
}

export function storedAccount(row: StoredRow<AccountRow>): StoredDocument {
  const password = row.sealed_password
  const isPlain = typeof password === 'string' && password.startsWith(PLAIN)
  const atproto = {
    version: plain(row.version) || null,
    state: plain(row.state),
    handle: plain(row.pds_handle),
    candidate: plain(row.candidate),
    did: plain(row.did),
    // A row names its PDS itself.
    pds: row.pds === null && row.did !== null ? '' : plain(row.pds),
    ...(isPlain ? { password: password.slice(PLAIN.length) } : { sealed: plain(password) }),
    session: plain(row.sealed_session),
    requeue: flag(row.requeue),
    error: json(row.error),
    former: json(row.former),
  }
  return { id: idOf(row.user), values: { atproto } }
}

/** The account of a row; in state `odd` where it cannot be read, and null where not even its user can. */
export function accountIn(row: StoredRow<AccountRow>): Account | null {
  const stored = storedAccount(row)
  const reading = readAccount(stored, '')
  if (stored.id.isOdd || reading === NO_ACCOUNT) return null
  const user = stored.id.text
  const handle = handleIn({ user, handle: row.handle })?.handle ?? ''
  if (isOdd(reading)) return unreadableAccount(user, handle, reading)
  return 'state' in reading ? { ...reading, handle } : null
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
    former: account.former.length === 0 ? null : JSON.stringify(account.former),
  }
}

export class SqliteAccounts implements AccountStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      claim: db.prepare<[string, string]>('INSERT INTO handles VALUES (?, ?) ON CONFLICT DO NOTHING'),
      handleOf: db.prepare<[string], StoredRow<HandleRow>>('SELECT * FROM handles WHERE user = ?'),
      userOf: db.prepare<[string], StoredRow<HandleRow>>('SELECT * FROM handles WHERE handle = ?'),
      byUser: db.prepare<[string], StoredRow<AccountRow>>('SELECT * FROM accounts WHERE user = ?'),
      byDid: db.prepare<[string], StoredRow<AccountRow>>('SELECT * FROM accounts WHERE did = ?'),
      sealed: db.prepare<[{ limit: number }], StoredRow<AccountRow>>(
        `SELECT * FROM accounts WHERE sealed_password NOT LIKE '${PLAIN}%' LIMIT :limit`,
      ),
      insert: db.prepare<[AccountRow]>(`
        INSERT INTO accounts VALUES (:user, :version, :state, :handle, :pds_handle, :candidate, :did, :pds,
          :sealed_password, :sealed_session, :requeue, :error, :former) ON CONFLICT (user) DO NOTHING`),
      update: db.prepare<[AccountRow]>(`
        UPDATE accounts SET version = version + 1, state = :state, handle = :handle, pds_handle = :pds_handle,
          candidate = :candidate, did = :did, pds = :pds, sealed_password = :sealed_password,
          sealed_session = :sealed_session, requeue = :requeue, error = :error, former = :former
        WHERE user = :user AND version = :version`),
      remove: db.prepare<[string]>('DELETE FROM accounts WHERE user = ?'),
      removeHandle: db.prepare<[string]>('DELETE FROM handles WHERE user = ?'),
      needingAttention: db.prepare<[{ code: string | null; after: string; limit: number }], StoredRow<AccountRow>>(`
        SELECT * FROM accounts WHERE state = 'needs_attention' AND user > :after
          AND (:code IS NULL OR ${CODE} = :code) ORDER BY user LIMIT :limit`),
      attention: db.prepare<[], { code: unknown; n: number }>(
        `SELECT ${CODE} AS code, count(*) AS n FROM accounts WHERE state = 'needs_attention' GROUP BY 1`,
      ),
      count: db.prepare<[], { state: unknown; n: number }>('SELECT state, count(*) AS n FROM accounts GROUP BY state'),
    }
  }

  claimHandle(user: string, handle: string): Promise<'claimed' | 'taken' | 'has_other' | 'odd'> {
    return this.#commit.run(() => {
      if (this.#sql.claim.run(user, handle).changes === 1) return 'claimed'
      const row = this.#sql.handleOf.get(user)
      if (row === undefined) return 'taken'
      const current = handleIn(row)
      if (current === null) return 'odd'
      return current.handle === handle ? 'claimed' : 'has_other'
    })
  }

  async handlesOf(users: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = users.map((user) => handleIn(this.#sql.handleOf.get(user)))
    return new Map(found.flatMap((each) => (each === null ? [] : [[each.user, each.handle]])))
  }

  async usersOf(handles: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = handles.map((handle) => handleIn(this.#sql.userOf.get(handle)))
    return new Map(found.flatMap((each) => (each === null ? [] : [[each.handle, each.user]])))
  }

  async byUser(user: string): Promise<Account | null> {
    return this.#byUser(user)
  }

  #byUser(user: string): Account | null {
    const row = this.#sql.byUser.get(user)
    return row ? accountIn(row) : null
  }

  async byDid(did: string): Promise<Account | null> {
    const row = this.#sql.byDid.get(did)
    return row ? accountIn(row) : null
  }

  async sealed(limit: number): Promise<readonly Account[]> {
    return pageOf(this.#sql.sealed, { limit }, (row) => {
      const account = accountIn(row)
      return account?.credentials?.kind === 'sealed' ? account : null
    })
  }

  add(account: Account): Promise<Account> {
    return this.#commit.run(() => {
      if (this.#sql.insert.run(toAccountRow(account)).changes === 1) return account
      const current = this.#byUser(account.user)
      if (current === null) throw new DomainError('unavailable', 'the row of this user takes no account')
      return current
    })
  }

  async save(account: Account): Promise<Account | null> {
    if (account.odd) return null
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
    return pageOf(this.#sql.needingAttention, { code, after, limit }, (row) => {
      const account = accountIn(row)
      return account?.state === 'needs_attention' ? account : null
    })
  }

  async count(): Promise<AccountCounts> {
    const states = Object.fromEntries(STORED_STATES.map((state) => [state, 0])) as Record<StoredAccountState, number>
    for (const { state, n } of this.#sql.count.all()) if (isKeyOf(states, state)) states[state] = n
    const attention: Record<string, number> = {}
    for (const { code, n } of this.#sql.attention.all()) if (typeof code === 'string') attention[code] = n
    return { states, attention }
  }
}
