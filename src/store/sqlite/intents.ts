/** Intents in SQLite: one for each user who has one. */

import type Database from 'better-sqlite3'
import type { Intent } from '../../domain/jobs.ts'
import type { IntentStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export class SqliteIntents implements IntentStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      insert: db.prepare<[Intent]>(
        'INSERT INTO intents VALUES (:user, :kind, :records, :through) ON CONFLICT DO NOTHING',
      ),
      get: db.prepare<[string], Intent>('SELECT * FROM intents WHERE user = ?'),
      remove: db.prepare<[string]>('DELETE FROM intents WHERE user = ?'),
    }
  }

  begin(intent: Intent): Promise<Intent> {
    return this.#commit.run(() => {
      this.#sql.insert.run(intent)
      return this.#sql.get.get(intent.user)!
    })
  }

  async get(user: string): Promise<Intent | null> {
    return this.#sql.get.get(user) ?? null
  }

  finish(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
