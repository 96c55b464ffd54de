/** Intents in SQLite: one for each user who has one. */

import type Database from 'better-sqlite3'
import type { Intent } from '../../domain/jobs.ts'
import { isOdd, type Odd, type StoredDocument } from '../../domain/odd.ts'
import { readIntent } from '../../domain/read-jobs.ts'
import type { IntentStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { idOf, plain, type StoredRow } from './stored.ts'

export function storedIntent({ user, kind, records, through }: StoredRow<Intent>): StoredDocument {
  return { id: idOf(user), values: { kind: plain(kind), records: plain(records), through: plain(through) } }
}

export class SqliteIntents implements IntentStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      insert: db.prepare<[Intent]>(
        'INSERT INTO intents VALUES (:user, :kind, :records, :through) ON CONFLICT DO NOTHING',
      ),
      replace: db.prepare<[Intent]>('INSERT OR REPLACE INTO intents VALUES (:user, :kind, :records, :through)'),
      get: db.prepare<[string], StoredRow<Intent>>('SELECT * FROM intents WHERE user = ?'),
      remove: db.prepare<[string]>('DELETE FROM intents WHERE user = ?'),
    }
  }

  begin(intent: Intent): Promise<Intent> {
    return this.#commit.run(() => {
      if (this.#sql.insert.run(intent).changes === 1) return intent
      const current = this.#get(intent.user)
      if (current && !isOdd(current)) return current
      // Whatever it said, the user wants this after it.
      this.#sql.replace.run(intent)
      return intent
    })
  }

  async get(user: string): Promise<Intent | Odd | null> {
    return this.#get(user)
  }

  #get(user: string): Intent | Odd | null {
    const row = this.#sql.get.get(user)
    return row ? readIntent(storedIntent(row)) : null
  }

  finish(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
