/** Moods in SQLite that cannot be read for certain: of columns that something else than this product has written. */

import type Database from 'better-sqlite3'
import { isOdd } from '../../domain/odd.ts'
import type { OddMood } from '../../domain/read-mood.ts'
import type { OddStore } from '../../ports/store.ts'
import { MoodReader, type StoredMoodRow } from './reading.ts'

export class SqliteOdd implements OddStore {
  readonly #read: MoodReader
  readonly #sql

  constructor(db: Database.Database) {
    this.#read = new MoodReader(db)
    this.#sql = {
      of: db.prepare<[string], StoredMoodRow>('SELECT * FROM moods WHERE user = ? ORDER BY id'),
      count: db.prepare<[string], { readonly n: number }>('SELECT count(*) AS n FROM moods WHERE user = ?'),
      byId: db.prepare<[string], StoredMoodRow>('SELECT * FROM moods WHERE id = ?'),
    }
  }

  async of(user: string, good?: number): Promise<readonly OddMood[]> {
    if (good !== undefined && this.#sql.count.get(user)!.n <= good) return []
    return this.#oddAmong(this.#sql.of.iterate(user))
  }

  async named(ids: readonly string[]): Promise<readonly OddMood[]> {
    return this.#oddAmong(ids.flatMap((id) => this.#sql.byId.get(id) ?? []))
  }

  #oddAmong(rows: Iterable<StoredMoodRow>): OddMood[] {
    const odd: OddMood[] = []
    for (const row of rows) {
      const reading = this.#read.read(row)
      if (isOdd(reading)) odd.push(reading)
    }
    return odd
  }
}
