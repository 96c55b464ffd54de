/** Workers in SQLite: one row for each process. */

import type Database from 'better-sqlite3'
import type { Worker } from '../../domain/worker.ts'
import type { WorkerStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export class SqliteWorkers implements WorkerStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      put: db.prepare<[string, string]>('INSERT OR REPLACE INTO workers VALUES (?, ?)'),
      all: db.prepare<[], string>('SELECT worker FROM workers ORDER BY id').pluck(),
      remove: db.prepare<[string]>('DELETE FROM workers WHERE id = ?'),
    }
  }

  beat(worker: Worker): Promise<void> {
    return this.#commit.run(() => void this.#sql.put.run(worker.id, JSON.stringify(worker)))
  }

  async all(): Promise<readonly Worker[]> {
    return this.#sql.all.all().map((text) => JSON.parse(text) as Worker)
  }

  forget(id: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(id))
  }
}
