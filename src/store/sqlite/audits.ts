/** What the last looks at each repo found, in SQLite. */

import type Database from 'better-sqlite3'
import { type Look, looked, NEVER_LOOKED } from '../../domain/looks.ts'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { readLooks } from '../../domain/read-notes.ts'
import type { AuditStore, StoredAudit } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { pageOf } from './pages.ts'
import { idOf, jsonFields, type StoredRow } from './stored.ts'

export interface AuditRow {
  readonly user: string
  readonly audit: string
}

export function storedAudit({ user, audit }: StoredRow<AuditRow>): StoredDocument {
  return { id: idOf(user), values: jsonFields(audit, 'good') }
}

/** Null for one that cannot be read, which is as if its repo had never been looked at. */
function auditIn(row: StoredRow<AuditRow>): StoredAudit | null {
  const reading = readLooks(storedAudit(row))
  return isOdd(reading) ? null : reading
}

export class SqliteAudits implements AuditStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      put: db.prepare<[string, string]>('INSERT OR REPLACE INTO audits VALUES (?, ?)'),
      get: db.prepare<[string], StoredRow<AuditRow>>('SELECT * FROM audits WHERE user = ?'),
      page: db.prepare<[{ after: string; limit: number }], StoredRow<AuditRow>>(
        'SELECT * FROM audits WHERE user > :after ORDER BY user LIMIT :limit',
      ),
      remove: db.prepare<[string]>('DELETE FROM audits WHERE user = ?'),
    }
  }

  note(user: string, look: Look): Promise<void> {
    return this.#commit.run(() => {
      const row = this.#sql.get.get(user)
      const { good, failed } = (row && auditIn(row)) ?? NEVER_LOOKED
      this.#sql.put.run(user, JSON.stringify(looked({ good, failed }, look)))
    })
  }

  async noteAll(looks: ReadonlyMap<string, Look>): Promise<void> {
    // Of one turn, they share a commit.
    await Promise.all([...looks].map(([user, look]) => this.note(user, look)))
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>> {
    const rows = users.flatMap((user) => this.#sql.get.get(user) ?? [])
    const found = rows.map(auditIn).filter((audit) => audit !== null)
    return new Map(found.map((audit) => [audit.user, audit]))
  }

  async page(after: string, limit: number): Promise<readonly StoredAudit[]> {
    return pageOf(this.#sql.page, { after, limit }, auditIn)
  }

  forget(user: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(user))
  }
}
