/** Erasures in SQLite: one for each receipt. */

import type Database from 'better-sqlite3'
import type { Erasure } from '../../domain/erasure.ts'
import type { ErasurePosition, ErasureStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export interface ErasureRow {
  receipt: string
  user: string | null
  tombstone: string
  requested_at: number
  done: string
  version: number
  trouble: string | null
}

export function toErasure(row: ErasureRow): Erasure {
  return {
    receipt: row.receipt,
    user: row.user,
    tombstone: row.tombstone,
    requestedAt: row.requested_at,
    done: JSON.parse(row.done) as Erasure['done'],
    trouble: row.trouble === null ? null : (JSON.parse(row.trouble) as Erasure['trouble']),
    version: row.version,
  }
}

export function toErasureRow(erasure: Erasure): ErasureRow {
  const { receipt, user, tombstone, requestedAt, done, version } = erasure
  const trouble = erasure.trouble && JSON.stringify(erasure.trouble)
  return { receipt, user, tombstone, requested_at: requestedAt, done: JSON.stringify(done), version, trouble }
}

export class SqliteErasures implements ErasureStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      insert: db.prepare<[ErasureRow]>(`
        INSERT INTO erasures VALUES (:receipt, :user, :tombstone, :requested_at, :done, :version, :trouble)
        ON CONFLICT (user) DO NOTHING`),
      byUser: db.prepare<[string], ErasureRow>('SELECT * FROM erasures WHERE user = ?'),
      byReceipt: db.prepare<[string], ErasureRow>('SELECT * FROM erasures WHERE receipt = ?'),
      update: db.prepare<[ErasureRow]>(`
        UPDATE erasures SET user = :user, done = :done, trouble = :trouble, version = version + 1
        WHERE receipt = :receipt AND version = :version`),
      open: db.prepare<[ErasurePosition & { limit: number }], ErasureRow>(`
        SELECT * FROM erasures WHERE user IS NOT NULL AND (requested_at, receipt) > (:requestedAt, :receipt)
          ORDER BY requested_at, receipt LIMIT :limit`),
    }
  }

  begin(erasure: Erasure): Promise<Erasure> {
    return this.#commit.run(() => {
      this.#sql.insert.run(toErasureRow(erasure))
      return toErasure(this.#sql.byUser.get(erasure.user!)!)
    })
  }

  async byUser(user: string): Promise<Erasure | null> {
    const row = this.#sql.byUser.get(user)
    return row ? toErasure(row) : null
  }

  async byReceipt(receipt: string): Promise<Erasure | null> {
    const row = this.#sql.byReceipt.get(receipt)
    return row ? toErasure(row) : null
  }

  save(erasure: Erasure): Promise<Erasure | null> {
    return this.#commit.run(() =>
      this.#sql.update.run(toErasureRow(erasure)).changes === 1 ? { ...erasure, version: erasure.version + 1 } : null,
    )
  }

  async open(after: ErasurePosition | null, limit: number): Promise<readonly Erasure[]> {
    const { requestedAt, receipt } = after ?? { requestedAt: 0, receipt: '' }
    return this.#sql.open.all({ requestedAt, receipt, limit }).map(toErasure)
  }
  /** The table holds none. */
  async odd(): Promise<readonly []> {
    return []
  }
}
