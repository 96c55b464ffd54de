/** Moods in SQLite that cannot be read for certain: of columns that something else than this product has written. */

import type Database from 'better-sqlite3'
import { isOdd } from '../../domain/odd.ts'
import type { OddMood } from '../../domain/read-mood.ts'
import type { OddStore } from '../../ports/store.ts'
import { type MoodRow, readRow } from './mood-row.ts'

export class SqliteOdd implements OddStore {
  readonly #sql

  constructor(db: Database.Database) {
    this.#sql = {
      of: db.prepare<[string], MoodRow>('SELECT * FROM moods WHERE user = ? ORDER BY id'),
      byId: db.prepare<[string], MoodRow>('SELECT * FROM moods WHERE id = ?'),
    }
  }

  async of(user: string): Promise<readonly OddMood[]> {
    return oddAmong(this.#sql.of.iterate(user))
  }

  async named(ids: readonly string[]): Promise<readonly OddMood[]> {
    return oddAmong(ids.flatMap((id) => this.#sql.byId.get(id) ?? []))
  }
}

function oddAmong(rows: Iterable<MoodRow>): OddMood[] {
  const odd: OddMood[] = []
  for (const row of rows) {
    const reading = readRow(row)
    if (isOdd(reading)) odd.push(reading)
  }
  return odd
}
