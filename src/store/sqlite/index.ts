/** The embedded primary: one SQLite file, in WAL mode, shared by any number of processes on one machine. */

import Database from 'better-sqlite3'
import { existsSync } from 'node:fs'
import { DomainError } from '../../domain/errors.ts'
import type { Store } from '../../ports/store.ts'
import { SqliteAccounts } from './accounts.ts'
import { SqliteArchive } from './archive.ts'
import { SqliteAudits } from './audits.ts'
import { SqliteData } from './data.ts'
import { SqlitePolicy } from './policy.ts'
import { SqliteRemovals } from './removals.ts'
import { GroupCommit } from './group-commit.ts'
import { SqliteErasures } from './erasures.ts'
import { SqliteIntents } from './intents.ts'
import { SqliteLedger } from './ledger.ts'
import { SqliteMoods } from './moods.ts'
import { SqliteRepos } from './repos.ts'
import { isCurrent, migrate, refuseNewer } from './schema.ts'
import { SqliteOdd } from './odd.ts'
import { SqliteSightings } from './sightings.ts'
import { SqliteTasks } from './tasks.ts'
import { SqliteWork } from './work.ts'
import { SqliteWorkers } from './workers.ts'

/** How long one try waits for another process's write; longer would hold up everything in this one. */
const BUSY_MS = 250

/**
 * Looks whether this version can use a store, and writes nothing.
 *
 * @throws DomainError `data_folder` when a newer version of the product has written it
 */
export function checkSqlite(file: string): void {
  if (!existsSync(file)) return
  const db = new Database(file, { readonly: true })
  try {
    refuseNewer(db)
  } catch (error) {
    throw unusable(file, error)
  } finally {
    db.close()
  }
}

function unusable(file: string, error: unknown): Error {
  if (error instanceof DomainError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new DomainError('data_folder', `the database ${file} cannot be used: ${why}`, { cause: error })
}

/**
 * Opens the store and brings its tables up to date.
 *
 * @param file path of the database; made if it is not there
 * @throws DomainError `data_folder` when the file cannot be opened or was written by a newer version
 */
export function openSqlite(file: string): Store {
  let db: Database.Database
  try {
    db = new Database(file, { timeout: BUSY_MS })
  } catch (error) {
    throw unusable(file, error)
  }
  try {
    migrate(db)
    db.pragma('journal_mode = WAL')
    // A mood is acknowledged once it survives a power cut, so every commit waits for the disk.
    db.pragma('synchronous = FULL')
    // Enough for the pages that are used again and again; and the log is taken over in larger pieces than usual.
    db.pragma('cache_size = -32768')
    db.pragma('wal_autocheckpoint = 10000')
    // What is deleted is overwritten and not only unlinked: people ask to be forgotten.
    db.pragma('secure_delete = ON')
    // Fails now, and not at the first mood, if the file cannot be written.
    db.transaction(() => {}).immediate()
  } catch (error) {
    db.close()
    throw unusable(file, error)
  }
  return storeOf(db, file)
}

/**
 * Opens an existing store for reading; writes fail. A file of an older version is opened by {@link openSqlite}, since its
 * tables have to be brought up to date first.
 *
 * @throws DomainError `data_folder` when the file cannot be opened or was written by a newer version
 */
export function readSqlite(file: string): Store {
  let db: Database.Database | null = null
  try {
    db = new Database(file, { readonly: true, timeout: BUSY_MS })
    if (isCurrent(db)) return storeOf(db, file)
  } catch (error) {
    db?.close()
    throw unusable(file, error)
  }
  db.close()
  return openSqlite(file)
}

function storeOf(db: Database.Database, file: string): Store {
  const commit = new GroupCommit(db)
  const ping = db.prepare('SELECT 1')
  const time = db.prepare<[], { now: number }>(`SELECT unixepoch('subsec') * 1000 AS now`)
  return {
    name: `sqlite:${file}`,
    onlyRead: null,
    moods: new SqliteMoods(db, commit),
    work: new SqliteWork(db, commit),
    odd: new SqliteOdd(db),
    accounts: new SqliteAccounts(db, commit),
    repos: new SqliteRepos(db, commit),
    intents: new SqliteIntents(db, commit),
    erasures: new SqliteErasures(db, commit),
    ledger: new SqliteLedger(db, commit),
    workers: new SqliteWorkers(db, commit),
    tasks: new SqliteTasks(db, commit),
    removals: new SqliteRemovals(db, commit),
    audits: new SqliteAudits(db, commit),
    sightings: new SqliteSightings(db, commit),
    policy: new SqlitePolicy(db, commit),
    data: new SqliteData(db),
    archive: new SqliteArchive(db, commit),
    check: async () => void ping.get(),
    time: async () => Math.round(time.get()!.now),
    async [Symbol.asyncDispose]() {
      commit.flush()
      db.close()
    },
  }
}
