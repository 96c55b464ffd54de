/** Reads moods out of rows that may hold anything. */

import type Database from 'better-sqlite3'
import type { Mood } from '../../domain/mood.ts'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { type OddMood, readMood, type ReadMood, TEXT_FIELDS, withoutUtf8 } from '../../domain/read-mood.ts'
import { type MoodRow, storedRow } from './mood-row.ts'
import type { StoredRow } from './stored.ts'

/** A row of moods, of which nothing is certain. */
export type StoredMoodRow = StoredRow<MoodRow>

export class MoodReader {
  readonly #bytes

  constructor(db: Database.Database) {
    this.#bytes = db.prepare<[unknown], { readonly mood: Buffer | null; readonly context: Buffer | null }>(
      'SELECT CAST(text AS BLOB) AS mood, CAST(context AS BLOB) AS context FROM moods WHERE id = ?',
    )
  }

  /** The row as the reader of moods takes it. */
  stored(row: StoredMoodRow): StoredDocument {
    const stored = storedRow(row)
    if (!isDoubtful(row.text) && !isDoubtful(row.context)) return stored
    const { id, values } = stored
    const broken = TEXT_FIELDS.filter((field) => this.#isBroken(row.id, field, values[field]))
    return broken.length > 0 ? { id, values: withoutUtf8(values, broken) } : stored
  }

  /**
   * Whether bytes of this text are no UTF-8, which SQLite does not mind. A replacement character is read in their place,
   * which an author may have written as well.
   */
  #isBroken(id: unknown, field: (typeof TEXT_FIELDS)[number], text: unknown): boolean {
    if (!isDoubtful(text)) return false
    return !Buffer.from(text).equals(this.#bytes.get(id)?.[field] ?? Buffer.of())
  }

  read(row: StoredMoodRow): ReadMood | OddMood {
    return readMood(this.stored(row))
  }

  /** Null for one that is odd. */
  readonly readGood = (row: StoredMoodRow): ReadMood | null => {
    const reading = this.read(row)
    return isOdd(reading) ? null : reading
  }

  /** The mood of a row; null for one that is odd. */
  readonly mood = (row: StoredMoodRow): Mood | null => this.readGood(row)?.mood ?? null
}

function isDoubtful(text: unknown): text is string {
  return typeof text === 'string' && text.includes('\uFFFD')
}
