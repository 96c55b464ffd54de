/** Removals that repairs have ordered, in SQLite. */

import type Database from 'better-sqlite3'
import type { Removal } from '../../domain/jobs.ts'
import type { RemovalStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export class SqliteRemovals implements RemovalStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      add: db.prepare<[string, string, string]>('INSERT OR REPLACE INTO removals VALUES (?, ?, ?)'),
      of: db.prepare<[string], Removal>('SELECT rkey, cid FROM removals WHERE user = ? ORDER BY rkey'),
      forget: db.prepare<[string]>('DELETE FROM removals WHERE user = ?'),
      finish: db.prepare<[string, string]>('DELETE FROM removals WHERE user = ? AND rkey = ?'),
    }
  }

  add(user: string, removals: readonly Removal[]): Promise<void> {
    return this.#commit.runAll(() => {
      for (const { rkey, cid } of removals) this.#sql.add.run(user, rkey, cid)
    })
  }

  async of(user: string): Promise<readonly Removal[]> {
    return this.#sql.of.all(user)
  }

  finish(user: string, rkeys: readonly string[]): Promise<void> {
    return this.#commit.runAll(() => {
      for (const rkey of rkeys) this.#sql.finish.run(user, rkey)
    })
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.forget.run(user))
  }
}
