/** Workers in SQLite: one row for each process. */

import type Database from 'better-sqlite3'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { readWorker } from '../../domain/read-notes.ts'
import type { Worker } from '../../domain/worker.ts'
import type { WorkerStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { date, idOf, jsonFields, type StoredRow } from './stored.ts'

export interface WorkerRow {
  readonly id: string
  readonly worker: string
}

export function storedWorker({ id, worker }: StoredRow<WorkerRow>): StoredDocument {
  const said = jsonFields(worker, 'host')
  return { id: idOf(id), values: { ...said, since: date(said['since']), at: date(said['at']) } }
}

export class SqliteWorkers implements WorkerStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      put: db.prepare<[string, string]>('INSERT OR REPLACE INTO workers VALUES (?, ?)'),
      all: db.prepare<[], StoredRow<WorkerRow>>('SELECT id, worker FROM workers ORDER BY id'),
      remove: db.prepare<[string]>('DELETE FROM workers WHERE id = ?'),
    }
  }

  beat(worker: Worker): Promise<void> {
    return this.#commit.run(() => void this.#sql.put.run(worker.id, JSON.stringify(worker)))
  }

  async all(): Promise<readonly Worker[]> {
    const found = this.#sql.all.all().map((row) => readWorker(storedWorker(row)))
    return found.filter((reading): reading is Worker => !isOdd(reading))
  }

  forget(id: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(id))
  }
}
