/** The operator's policy in SQLite: one row. */

import type Database from 'better-sqlite3'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { type StoredPolicy, unreadablePolicy } from '../../domain/policy.ts'
import { readPolicy } from '../../domain/read-notes.ts'
import type { PolicyStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { date, idOf, json, plain, type StoredRow } from './stored.ts'

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

export function storedPolicy(row: StoredRow<PolicyRow>): StoredDocument {
  const values = {
    mode: plain(row.mode),
    percent: plain(row.percent),
    allow: json(row.allow),
    setBy: plain(row.set_by),
    setAt: date(row.set_at),
    reason: plain(row.reason),
    version: plain(row.version),
  }
  return { id: idOf(row.name), values }
}

export function toPolicy(row: StoredRow<PolicyRow>): StoredPolicy {
  const reading = readPolicy(storedPolicy(row))
  return isOdd(reading) ? unreadablePolicy(reading) : reading
}

export function toPolicyRow({ policy: { mode, percent, allow }, by, at, reason, version }: StoredPolicy): PolicyRow {
  return { name: 'federation', mode, percent, allow: JSON.stringify(allow), set_by: by, set_at: at, reason, version }
}

function isSameRow(one: StoredRow<PolicyRow>, other: StoredRow<PolicyRow>): boolean {
  for (const column in other) if (one[column as keyof PolicyRow] !== other[column as keyof PolicyRow]) return false
  return true
}

export class SqlitePolicy implements PolicyStore {
  #seen: { readonly row: StoredRow<PolicyRow>; readonly policy: StoredPolicy } | null = null
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[], StoredRow<PolicyRow>>(`SELECT * FROM policy WHERE name = 'federation'`),
      add: db.prepare<[PolicyRow]>(`INSERT OR IGNORE INTO ${POLICY_VALUES}`),
      replace: db.prepare<[PolicyRow]>(`
        UPDATE policy SET mode = :mode, percent = :percent, allow = :allow, set_by = :set_by, set_at = :set_at,
          reason = :reason, version = :version + 1
        WHERE name = :name AND version = :version`),
      discard: db.prepare<[]>(`DELETE FROM policy WHERE name = 'federation'`),
    }
  }

  async get(): Promise<StoredPolicy | null> {
    const row = this.#sql.get.get()
    if (!row) return null
    // Asked for with each post, and changed once in a while: the same row is not read again.
    if (!this.#seen || !isSameRow(this.#seen.row, row)) this.#seen = { row, policy: toPolicy(row) }
    return this.#seen.policy
  }

  begin(first: Omit<StoredPolicy, 'version'>): Promise<StoredPolicy> {
    return this.#commit.run(() => {
      this.#sql.add.run(toPolicyRow({ ...first, version: 1 }))
      return toPolicy(this.#sql.get.get()!)
    })
  }

  save({ odd, ...policy }: StoredPolicy): Promise<StoredPolicy | null> {
    return this.#commit.run(() => {
      if (odd) return this.#replaceOdd(policy)
      const { changes } = this.#sql.replace.run(toPolicyRow(policy))
      return changes === 1 ? { ...policy, version: policy.version + 1 } : null
    })
  }

  #replaceOdd(policy: StoredPolicy): StoredPolicy | null {
    const row = this.#sql.get.get()
    if (!row || !toPolicy(row).odd) return null
    const isNumber = typeof row.version === 'number' && row.version > 0 && row.version < Number.MAX_SAFE_INTEGER
    const saved = { ...policy, version: isNumber ? row.version + 1 : 1 }
    this.#sql.discard.run()
    this.#sql.add.run(toPolicyRow(saved))
    return saved
  }
}
