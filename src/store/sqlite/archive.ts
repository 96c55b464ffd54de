/** A whole SQLite store, row by row. */

import type Database from 'better-sqlite3'
import type { Intent } from '../../domain/jobs.ts'
import { isOdd, isUserName, type Odd } from '../../domain/odd.ts'
import { readIntent } from '../../domain/read-jobs.ts'
import type { Archive, ArchiveItems, ArchiveKind } from '../../ports/archive.ts'
import { accountIn, type AccountRow, handleIn, type HandleRow, toAccountRow } from './accounts.ts'
import { entryIn, type LedgerRow } from './ledger.ts'
import type { GroupCommit } from './group-commit.ts'
import { erasureIn, type ErasureRow, toErasureRow } from './erasures.ts'
import { storedIntent } from './intents.ts'
import { MOOD_VALUES, toRow } from './mood-row.ts'
import { pageOf } from './pages.ts'
import { POLICY_VALUES, type PolicyRow, toPolicy, toPolicyRow } from './policy.ts'
import { MoodReader, type StoredMoodRow } from './reading.ts'
import { type RemovalRow, removalsIn } from './removals.ts'
import { REPO_VALUES, repoIn, type RepoRow, toRepoRow } from './repos.ts'
import type { StoredRow } from './stored.ts'

/** What reading a row takes besides the row. */
interface Reader {
  readonly mood: MoodReader
  readonly removalsOf: (user: unknown) => readonly StoredRow<RemovalRow>[]
}

/** How one kind of item is kept: its table and key, and what a row of it is. */
interface Table<T> {
  readonly name: string
  readonly key: string
  readonly insert: string
  /** What goes first, where an item is several rows. */
  readonly clear?: string
  /** Null for a row that is odd. */
  readonly fromRow: (row: never, reader: Reader) => T | null
  readonly toRow: (item: T) => object
}

function good<T extends object>(reading: T | Odd): T | null {
  return isOdd(reading) ? null : reading
}

const TABLES: { readonly [K in ArchiveKind]: Table<ArchiveItems[K]> } = {
  handles: {
    name: 'handles',
    key: 'user',
    insert: 'handles (user, handle) VALUES (:user, :handle)',
    fromRow: (row: StoredRow<HandleRow>) => handleIn(row),
    toRow: (item) => item,
  },
  accounts: {
    name: 'accounts',
    key: 'user',
    insert: `accounts VALUES (:user, :version, :state, :handle, :pds_handle, :candidate, :did, :pds, :sealed_password,
        :sealed_session, :requeue, :error, :former)`,
    fromRow: (row: StoredRow<AccountRow>) => accountIn(row),
    toRow: toAccountRow,
  },
  moods: {
    name: 'moods',
    key: 'id',
    insert: MOOD_VALUES,
    fromRow(row: StoredMoodRow, { mood }) {
      const reading = mood.readGood(row)
      return reading && { mood: reading.mood, changedAt: reading.changedAt ?? 0 }
    },
    toRow: ({ mood, changedAt }) => toRow(mood, changedAt),
  },
  intents: {
    name: 'intents',
    key: 'user',
    insert: 'intents VALUES (:user, :kind, :records, :through)',
    fromRow: (row: StoredRow<Intent>) => good(readIntent(storedIntent(row))),
    toRow: (item) => item,
  },
  erasures: {
    name: 'erasures',
    key: 'receipt',
    insert: 'erasures VALUES (:receipt, :user, :tombstone, :requested_at, :done, :version, :trouble)',
    fromRow: (row: StoredRow<ErasureRow>) => good(erasureIn(row)),
    toRow: toErasureRow,
  },
  ledger: {
    name: 'ledger',
    key: 'key',
    insert: 'ledger VALUES (:key, :entry)',
    fromRow: (row: StoredRow<LedgerRow>) => entryIn(row),
    toRow: ({ key, entry }) => ({ key, entry: JSON.stringify(entry) }),
  },
  removals: {
    name: '(SELECT DISTINCT user FROM removals)',
    key: 'user',
    clear: 'DELETE FROM removals WHERE user = :user',
    insert: "removals (user, rkey, cid) SELECT :user, value ->> 'rkey', value ->> 'cid' FROM json_each(:removals)",
    fromRow({ user }: { readonly user: unknown }, { removalsOf }) {
      const removals = removalsOf(user).flatMap(removalsIn)
      return isUserName(user) && removals.length > 0 ? { user, removals } : null
    },
    toRow: ({ user, removals }) => ({ user, removals: JSON.stringify(removals) }),
  },
  policy: {
    name: 'policy',
    key: 'name',
    insert: POLICY_VALUES,
    fromRow: (row: StoredRow<PolicyRow>) => toPolicy(row),
    toRow: toPolicyRow,
  },
  repos: {
    name: 'repos',
    key: 'user',
    insert: REPO_VALUES,
    fromRow: (row: StoredRow<RepoRow>) => good(repoIn(row)),
    toRow: toRepoRow,
  },
}

export class SqliteArchive implements Archive {
  readonly #db: Database.Database
  readonly #commit: GroupCommit
  readonly #reader: Reader

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#db = db
    this.#commit = commit
    const removals = db.prepare<[unknown], StoredRow<RemovalRow>>('SELECT * FROM removals WHERE user = ? ORDER BY rkey')
    this.#reader = { mood: new MoodReader(db), removalsOf: (user) => removals.all(user) }
  }

  async count(kind: ArchiveKind): Promise<number> {
    return this.#db.prepare<[], number>(`SELECT count(*) FROM ${TABLES[kind].name}`).pluck().get() ?? 0
  }

  async page<K extends ArchiveKind>(kind: K, after: string, limit: number) {
    const { name, key, fromRow } = TABLES[kind]
    const sql = `SELECT * FROM ${name} WHERE ${key} > :after ORDER BY ${key} LIMIT :limit`
    const statement = this.#db.prepare<[{ after: string; limit: number }], Record<string, unknown>>(sql)
    return pageOf(statement, { after, limit }, (row) => {
      const item = fromRow(row as never, this.#reader)
      return item && { key: String(row[key]), item }
    })
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
