/** What the last audit of each repo found, in SQLite. */

import type Database from 'better-sqlite3'
import type { AuditStore, StoredAudit } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export class SqliteAudits implements AuditStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      put: db.prepare<[string, string]>('INSERT OR REPLACE INTO audits VALUES (?, ?)'),
      get: db.prepare<[string], string>('SELECT audit FROM audits WHERE user = ?').pluck(),
      page: db
        .prepare<[string, number], string>('SELECT audit FROM audits WHERE user > ? ORDER BY user LIMIT ?')
        .pluck(),
      remove: db.prepare<[string]>('DELETE FROM audits WHERE user = ?'),
    }
  }

  put(audit: StoredAudit): Promise<void> {
    return this.#commit.run(() => void this.#sql.put.run(audit.user, JSON.stringify(audit)))
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>> {
    const found = users.flatMap((user) => this.#sql.get.get(user) ?? [])
    return new Map(found.map((text) => JSON.parse(text) as StoredAudit).map((audit) => [audit.user, audit]))
  }

  async page(after: string, limit: number): Promise<readonly StoredAudit[]> {
    return this.#sql.page.all(after, limit).map((text) => JSON.parse(text) as StoredAudit)
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
