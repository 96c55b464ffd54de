/** The operator's policy in SQLite: one row. */

import type Database from 'better-sqlite3'
import type { StoredPolicy } from '../../domain/policy.ts'
import type { PolicyStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export interface PolicyRow {
  readonly name: string
  readonly mode: StoredPolicy['policy']['mode']
  readonly percent: number
  /** A JSON list of handles. */
  readonly allow: string
  readonly set_by: string
  readonly set_at: number
  readonly reason: string | null
  readonly version: number
}

export const POLICY_VALUES = 'policy VALUES (:name, :mode, :percent, :allow, :set_by, :set_at, :reason, :version)'

export function toPolicy({ mode, percent, allow, set_by: by, set_at: at, reason, version }: PolicyRow): StoredPolicy {
  return { policy: { mode, percent, allow: JSON.parse(allow) as string[] }, by, at, reason, version }
}

export function toPolicyRow({ policy: { mode, percent, allow }, by, at, reason, version }: StoredPolicy): PolicyRow {
  return { name: 'federation', mode, percent, allow: JSON.stringify(allow), set_by: by, set_at: at, reason, version }
}

export class SqlitePolicy implements PolicyStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[], PolicyRow>(`SELECT * FROM policy`),
      add: db.prepare<[PolicyRow]>(`INSERT OR IGNORE INTO ${POLICY_VALUES}`),
      replace: db.prepare<[PolicyRow]>(`
        UPDATE policy SET mode = :mode, percent = :percent, allow = :allow, set_by = :set_by, set_at = :set_at,
          reason = :reason, version = :version + 1
        WHERE name = :name AND version = :version`),
    }
  }

  async get(): Promise<StoredPolicy | null> {
    const row = this.#sql.get.get()
    return row ? toPolicy(row) : null
  }

  begin(first: Omit<StoredPolicy, 'version'>): Promise<StoredPolicy> {
    return this.#commit.run(() => {
      this.#sql.add.run(toPolicyRow({ ...first, version: 1 }))
      return toPolicy(this.#sql.get.get()!)
    })
  }

  save(policy: StoredPolicy): Promise<StoredPolicy | null> {
    return this.#commit.run(() => {
      const { changes } = this.#sql.replace.run(toPolicyRow(policy))
      return changes === 1 ? { ...policy, version: policy.version + 1 } : null
    })
  }
}
