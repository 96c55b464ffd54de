/** Erasures in SQLite: one for each receipt. */

import type Database from 'better-sqlite3'
import type { Erasure } from '../../domain/erasure.ts'
import { isOdd, type Odd, type StoredDocument } from '../../domain/odd.ts'
import { unreadableErasure } from '../../domain/odd-reasons.ts'
import { readErasure } from '../../domain/read-jobs.ts'
import type { ErasurePosition, ErasureStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { pageOf } from './pages.ts'
import { date, idOf, json, plain, type StoredRow } from './stored.ts'

export interface ErasureRow {
  receipt: string
  user: string | null
  tombstone: string
  requested_at: number
  done: string
  version: number
  trouble: string | null
}

export function storedErasure(row: StoredRow<ErasureRow>): StoredDocument {
  const values = {
    user: plain(row.user),
    tombstone: plain(row.tombstone),
    requestedAt: date(row.requested_at),
    done: json(row.done),
    trouble: json(row.trouble),
    version: plain(row.version),
  }
  return { id: idOf(row.receipt), values }
}

export function erasureIn(row: StoredRow<ErasureRow>): Erasure | Odd {
  return readErasure(storedErasure(row))
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
      byUser: db.prepare<[string], StoredRow<ErasureRow>>('SELECT * FROM erasures WHERE user = ?'),
      byReceipt: db.prepare<[string], StoredRow<ErasureRow>>('SELECT * FROM erasures WHERE receipt = ?'),
      update: db.prepare<[ErasureRow]>(`
        UPDATE erasures SET user = :user, done = :done, trouble = :trouble, version = version + 1
        WHERE receipt = :receipt AND version = :version`),
      open: db.prepare<[ErasurePosition & { limit: number }], StoredRow<ErasureRow>>(`
        SELECT * FROM erasures WHERE user IS NOT NULL AND (requested_at, receipt) > (:requestedAt, :receipt)
          ORDER BY requested_at, receipt LIMIT :limit`),
      unfinished: db.prepare<[{ limit: number }], StoredRow<ErasureRow>>(
        'SELECT * FROM erasures WHERE user IS NOT NULL ORDER BY requested_at, receipt LIMIT :limit',
      ),
    }
  }

  begin(erasure: Erasure): Promise<Erasure> {
    return this.#commit.run(() => {
      if (this.#sql.insert.run(toErasureRow(erasure)).changes === 1) return erasure
      const current = erasureIn(this.#sql.byUser.get(erasure.user!)!)
      if (isOdd(current)) throw unreadableErasure(current)
      return current
    })
  }

  async byUser(user: string): Promise<Erasure | Odd | null> {
    const row = this.#sql.byUser.get(user)
    return row ? erasureIn(row) : null
  }

  async byReceipt(receipt: string): Promise<Erasure | Odd | null> {
    const row = this.#sql.byReceipt.get(receipt)
    return row ? erasureIn(row) : null
  }

  save(erasure: Erasure): Promise<Erasure | null> {
    return this.#commit.run(() =>
      this.#sql.update.run(toErasureRow(erasure)).changes === 1 ? { ...erasure, version: erasure.version + 1 } : null,
    )
  }

  async open(after: ErasurePosition | null, limit: number): Promise<readonly Erasure[]> {
    const { requestedAt, receipt } = after ?? { requestedAt: 0, receipt: '' }
    return pageOf(this.#sql.open, { requestedAt, receipt, limit }, (row) => {
      const reading = erasureIn(row)
      return isOdd(reading) ? null : reading
    })
  }

  async odd(limit: number): Promise<readonly Odd[]> {
    return pageOf(this.#sql.unfinished, { limit }, (row) => {
      const reading = erasureIn(row)
      return isOdd(reading) ? reading : null
    })
  }
}
