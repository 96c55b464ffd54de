/** What the last looks at each repo found, in SQLite. */

import type Database from 'better-sqlite3'
import { type Look, looked, NEVER_LOOKED, type RepoLooks } from '../../domain/looks.ts'
import type { AuditStore, StoredAudit } from '../../ports/store.ts'
import { looksIn, type StoredLooks } from '../audit-form.ts'
import type { GroupCommit } from './group-commit.ts'

interface AuditRow {
  readonly user: string
  readonly audit: string
}

function toAudit({ user, audit }: AuditRow): StoredAudit {
  return { user, ...looksIn(JSON.parse(audit) as StoredLooks) }
}

export class SqliteAudits implements AuditStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      put: db.prepare<[string, string]>('INSERT OR REPLACE INTO audits VALUES (?, ?)'),
      get: db.prepare<[string], AuditRow>('SELECT * FROM audits WHERE user = ?'),
      page: db.prepare<[string, number], AuditRow>('SELECT * FROM audits WHERE user > ? ORDER BY user LIMIT ?'),
      remove: db.prepare<[string]>('DELETE FROM audits WHERE user = ?'),
    }
  }

  note(user: string, look: Look): Promise<void> {
    return this.#commit.run(() => {
      const row = this.#sql.get.get(user)
      const { good, failed }: RepoLooks = row ? toAudit(row) : NEVER_LOOKED
      this.#sql.put.run(user, JSON.stringify(looked({ good, failed }, look)))
    })
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>> {
    const found = users.flatMap((user) => this.#sql.get.get(user) ?? [])
    return new Map(found.map((row) => [row.user, toAudit(row)]))
  }

  async page(after: string, limit: number): Promise<readonly StoredAudit[]> {
    return this.#sql.page.all(after, limit).map(toAudit)
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
