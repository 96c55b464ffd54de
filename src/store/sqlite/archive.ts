/** A whole SQLite store, row by row. */

import type Database from 'better-sqlite3'
import type { LedgerEntry } from '../../domain/budget.ts'
import type { Intent, Removal } from '../../domain/jobs.ts'
import type { Archive, ArchiveItems, ArchiveKind } from '../../ports/archive.ts'
import { type AccountRow, toAccount, toAccountRow } from './accounts.ts'
import type { GroupCommit } from './group-commit.ts'
import { type ErasureRow, toErasure, toErasureRow } from './erasures.ts'
import { MOOD_VALUES, type MoodRow, toMood, toRow } from './mood-row.ts'
import { POLICY_VALUES, type PolicyRow, toPolicy, toPolicyRow } from './policy.ts'
import { REPO_VALUES, type RepoRow, toRepo, toRepoRow } from './repos.ts'

/** How one kind of item is kept: its table and key, and what a row of it is. */
interface Table<T> {
  readonly name: string
  readonly key: string
  readonly insert: string
  /** What goes first, where an item is several rows. */
  readonly clear?: string
  readonly fromRow: (row: never) => T
  readonly toRow: (item: T) => object
}

const TABLES: { readonly [K in ArchiveKind]: Table<ArchiveItems[K]> } = {
  handles: {
    name: 'handles',
    key: 'user',
    insert: 'handles (user, handle) VALUES (:user, :handle)',
    fromRow: (row: ArchiveItems['handles']) => row,
    toRow: (item) => item,
  },
  accounts: {
    name: 'accounts',
    key: 'user',
    insert: `accounts VALUES (:user, :version, :state, :handle, :pds_handle, :candidate, :did, :pds, :sealed_password,
      :sealed_session, :requeue, :error)`,
    fromRow: (row: AccountRow) => toAccount(row),
    toRow: toAccountRow,
  },
  moods: {
    name: 'moods',
    key: 'id',
    insert: MOOD_VALUES,
    fromRow: (row: MoodRow) => ({ mood: toMood(row), changedAt: row.changed_at }),
    toRow: ({ mood, changedAt }) => toRow(mood, changedAt),
  },
  intents: {
    name: 'intents',
    key: 'user',
    insert: 'intents VALUES (:user, :kind, :records, :through)',
    fromRow: (row: Intent) => row,
    toRow: (item) => item,
  },
  erasures: {
    name: 'erasures',
    key: 'receipt',
    insert: 'erasures VALUES (:receipt, :user, :tombstone, :requested_at, :done, :version, :trouble)',
    fromRow: (row: ErasureRow) => toErasure(row),
    toRow: toErasureRow,
  },
  ledger: {
    name: 'ledger',
    key: 'key',
    insert: 'ledger VALUES (:key, :entry)',
    fromRow: (row: { key: string; entry: string }) => ({ ...row, entry: JSON.parse(row.entry) as LedgerEntry }),
    toRow: ({ key, entry }) => ({ key, entry: JSON.stringify(entry) }),
  },
  removals: {
    name: "(SELECT user, json_group_array(json_object('rkey', rkey, 'cid', cid) ORDER BY rkey) AS removals FROM removals GROUP BY user)",
    key: 'user',
    clear: 'DELETE FROM removals WHERE user = :user',
    insert: "removals (user, rkey, cid) SELECT :user, value ->> 'rkey', value ->> 'cid' FROM json_each(:removals)",
    fromRow: (row: { user: string; removals: string }) => ({
      user: row.user,
      removals: JSON.parse(row.removals) as Removal[],
    }),
    toRow: ({ user, removals }) => ({ user, removals: JSON.stringify(removals) }),
  },
  policy: {
    name: 'policy',
    key: 'name',
    insert: POLICY_VALUES,
    fromRow: (row: PolicyRow) => toPolicy(row),
    toRow: toPolicyRow,
  },
  repos: {
    name: 'repos',
    key: 'user',
    insert: REPO_VALUES,
    fromRow: (row: RepoRow) => toRepo(row),
    toRow: toRepoRow,
  },
}

export class SqliteArchive implements Archive {
  readonly #db: Database.Database
  readonly #commit: GroupCommit

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#db = db
    this.#commit = commit
  }

  async count(kind: ArchiveKind): Promise<number> {
    return this.#db.prepare<[], number>(`SELECT count(*) FROM ${TABLES[kind].name}`).pluck().get() ?? 0
  }

  async page<K extends ArchiveKind>(kind: K, after: string, limit: number) {
    const { name, key, fromRow } = TABLES[kind]
    const sql = `SELECT * FROM ${name} WHERE ${key} > ? ORDER BY ${key} LIMIT ?`
    const rows = this.#db.prepare<[string, number], Record<string, unknown>>(sql).all(after, limit)
    return rows.map((row) => ({ key: String(row[key]), item: fromRow(row as never) }))
  }

  put<K extends ArchiveKind>(kind: K, items: readonly ArchiveItems[K][]): Promise<void> {
    const { insert, clear, toRow: row } = TABLES[kind]
    return this.#commit.runAll(() => {
      const statements = [...(clear === undefined ? [] : [clear]), `INSERT OR REPLACE INTO ${insert}`]
      const prepared = statements.map((sql) => this.#db.prepare(sql))
      for (const item of items) for (const statement of prepared) statement.run(row(item))
    })
  }
}
