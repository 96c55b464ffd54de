/** Budgets in SQLite: one row for each account and host. */

import type Database from 'better-sqlite3'
import {
  type Answer,
  answeredOddly,
  answeredWell,
  blocked,
  type FailingHost,
  failingHost,
  LEDGER,
  HOST_KEYS,
  informed,
  type LedgerEntry,
  type Limit,
  reachable,
  type Reservation,
  reserve,
  unreachable,
  UNUSED,
} from '../../domain/budget.ts'
import type { HostFacts } from '../../domain/host-facts.ts'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { readLedgerEntry } from '../../domain/read-notes.ts'
import type { Unwell } from '../../domain/unwell.ts'
import type { LedgerStore } from '../../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { pageOf } from './pages.ts'
import { idOf, json, type StoredRow } from './stored.ts'

export interface LedgerRow {
  readonly key: string
  readonly entry: string
}

export function storedEntry({ key, entry }: StoredRow<LedgerRow>): StoredDocument {
  return { id: idOf(key), values: { entry: json(entry) } }
}

/** What is used of a budget, with its key; null where it cannot be read: budgets are made again by use. */
export function entryIn(row: StoredRow<LedgerRow>) {
  const reading = readLedgerEntry(storedEntry(row))
  return isOdd(reading) ? null : reading
}

function failingIn(row: StoredRow<LedgerRow>): FailingHost | null {
  const reading = entryIn(row)
  return reading && failingHost(reading.key, reading.entry)
}

export class SqliteLedger implements LedgerStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      get: db.prepare<[string], StoredRow<LedgerRow>>('SELECT key, entry FROM ledger WHERE key = ?'),
      failing: db.prepare<[{ after: string; before: string; limit: number }], StoredRow<LedgerRow>>(`
        SELECT key, entry FROM ledger WHERE key > :after AND key < :before
          AND CASE WHEN json_valid(entry) THEN json_extract(entry, '$.failures') > 0 OR json_array_length(entry, '$.unwell') > 0 END
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

  block(key: string, until: number, limits?: readonly Limit[]): Promise<void> {
    return this.#change(key, (entry) => blocked(entry, until, limits))
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

  noteUnwell(key: string, note: Pick<Unwell, 'method' | 'said'>, now: number, askedAt: number): Promise<void> {
    return this.#change(key, (entry) => answeredOddly(entry, note, now, askedAt))
  }

  noteWell(key: string, methods: readonly string[]): Promise<void> {
    return this.#change(key, (entry) => answeredWell(entry, methods))
  }

  know(key: string, facts: HostFacts | null): Promise<void> {
    return this.#change(key, (entry) => informed(entry, facts))
  }

  async failing(limit: number, after = ''): Promise<readonly FailingHost[]> {
    const range = { after: LEDGER.requests(after), before: HOST_KEYS.before }
    return pageOf(this.#sql.failing, { ...range, limit }, failingIn)
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
    const row = this.#sql.get.get(key)
    return (row && entryIn(row)?.entry) ?? null
  }

  #put(key: string, before: LedgerEntry, entry: LedgerEntry): void {
    const text = JSON.stringify(entry)
    if (text !== JSON.stringify(before)) this.#sql.put.run(key, text)
  }
}
