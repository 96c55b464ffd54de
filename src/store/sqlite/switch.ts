/** The publishing switch in SQLite. */

import type Database from 'better-sqlite3'
import type { SwitchStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export class SqliteSwitch implements SwitchStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[], number>(`SELECT is_off FROM switches WHERE name = 'publishing'`).pluck(),
      put: db.prepare<[number]>(`INSERT OR REPLACE INTO switches VALUES ('publishing', ?)`),
    }
  }

  async isOff(): Promise<boolean> {
    return this.#sql.get.get() === 1
  }

  turn(isOff: boolean): Promise<void> {
    return this.#commit.run(() => void this.#sql.put.run(isOff ? 1 : 0))
  }
}
