/** Budgets in SQLite: one row for each account and host. */

import type Database from 'better-sqlite3'
import {
  type Answer,
  blocked,
  type FailingHost,
  failingHost,
  HOST_KEYS,
  type LedgerEntry,
  reachable,
  type Reservation,
  reserve,
  unreachable,
  UNUSED,
} from '../../domain/budget.ts'
import type { LedgerStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'

export class SqliteLedger implements LedgerStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[string], string>('SELECT entry FROM ledger WHERE key = ?').pluck(),
      failing: db.prepare<[{ from: string; before: string; limit: number }], { key: string; entry: string }>(`
        SELECT key, entry FROM ledger WHERE key >= :from AND key < :before AND json_extract(entry, '$.failures') > 0
          ORDER BY key LIMIT :limit`),
      remove: db.prepare<[string]>('DELETE FROM ledger WHERE key = ?'),
      put: db.prepare<[string, string]>(
        'INSERT INTO ledger VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET entry = excluded.entry',
      ),
    }
  }

  async get(key: string): Promise<LedgerEntry | null> {
    return this.#get(key)
  }

  reserve(key: string, reservation: Reservation, now: number): Promise<Answer> {
    return this.#commit.run(() => {
      const before = this.#get(key) ?? UNUSED
      const { entry, ...answer } = reserve(before, reservation, now)
      this.#put(key, before, entry)
      return answer
    })
  }

  block(key: string, until: number): Promise<void> {
    return this.#change(key, (entry) => blocked(entry, until))
  }

  unreachable(
    key: string,
    certain: boolean,
    waitMs: (failures: number) => number,
    now: number,
    askedAt?: number,
  ): Promise<void> {
    return this.#change(key, (entry) => unreachable(entry, certain, waitMs(entry.failures + 1), now, askedAt))
  }

  async failing(limit: number): Promise<readonly FailingHost[]> {
    const rows = this.#sql.failing.all({ ...HOST_KEYS, limit })
    return rows.map(({ key, entry }) => failingHost(key, JSON.parse(entry) as LedgerEntry))
  }

  reachable(key: string): Promise<void> {
    return this.#change(key, reachable)
  }

  forget(key: string): Promise<void> {
    return this.#commit.run(() => void this.#sql.remove.run(key))
  }

  #change(key: string, change: (entry: LedgerEntry) => LedgerEntry): Promise<void> {
    return this.#commit.run(() => {
      const before = this.#get(key) ?? UNUSED
      this.#put(key, before, change(before))
    })
  }

  #get(key: string): LedgerEntry | null {
    const text = this.#sql.get.get(key)
    return text === undefined ? null : (JSON.parse(text) as LedgerEntry)
  }

  #put(key: string, before: LedgerEntry, entry: LedgerEntry): void {
    const text = JSON.stringify(entry)
    if (text !== JSON.stringify(before)) this.#sql.put.run(key, text)
  }
}
