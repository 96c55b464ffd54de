/**
 * All that is stored in SQLite, as it is. Its tables take no values of other types, so that little can be odd, and nothing
 * of it can be converted: what was meant cannot be told from a number that means nothing.
 */

import type Database from 'better-sqlite3'
import { type CheckClaim, type DataCheck, checkIn, mayCheck } from '../../domain/data-check.ts'
import { type FoundOdd, oddityIn } from '../../domain/mend.ts'
import { NOT_UTF8, type Values } from '../../domain/odd.ts'
import { TEXT_FIELDS } from '../../domain/read-mood.ts'
import type { DataStore, MendedDocument, ScannedPiece } from '../../ports/data.ts'
import type { GroupCommit } from './group-commit.ts'
import { type MoodRow, storedRow } from './mood-row.ts'

const MOODS = 'moods'
const PIECE = 1_000

type NumberedRow = MoodRow & { readonly rowid: number }

interface CheckRow {
  readonly last: string | null
  readonly owner: string | null
  readonly until: number | null
}

export class SqliteData implements DataStore {
  readonly #commit: GroupCommit
  readonly #sql

  constructor(db: Database.Database, commit: GroupCommit) {
    this.#commit = commit
    this.#sql = {
      count: db.prepare<[], number>(`SELECT count(*) FROM ${MOODS}`).pluck(),
      page: db.prepare<[number, number], NumberedRow>(
        `SELECT rowid, * FROM ${MOODS} WHERE rowid > ? ORDER BY rowid LIMIT ?`,
      ),
      bytes: db.prepare<[string], { readonly mood: Buffer; readonly context: Buffer | null }>(
        `SELECT CAST(text AS BLOB) AS mood, CAST(context AS BLOB) AS context FROM ${MOODS} WHERE id = ?`,
      ),
      check: db.prepare<[], CheckRow>('SELECT last, owner, until FROM checks'),
      note: db.prepare<[string]>(`INSERT INTO checks (name, last) VALUES ('check', ?)
        ON CONFLICT DO UPDATE SET last = excluded.last`),
      claim: db.prepare<[string, number]>(`INSERT INTO checks (name, owner, until) VALUES ('check', ?, ?)
        ON CONFLICT DO UPDATE SET owner = excluded.owner, until = excluded.until`),
    }
  }

  async collections() {
    return [{ name: MOODS, documents: this.#sql.count.get() ?? 0 }]
  }

  async *scan(_collection: string, stop: AbortSignal): AsyncGenerator<ScannedPiece> {
    for (let after = Number.MIN_SAFE_INTEGER; !stop.aborted;) {
      const rows = this.#sql.page.all(after, PIECE)
      if (rows.length === 0) return
      yield { documents: rows.length, odd: rows.flatMap((row) => this.#oddIn(row)) }
      after = rows.at(-1)!.rowid
    }
  }

  #oddIn(row: NumberedRow): FoundOdd[] {
    const { id, values } = storedRow(row)
    const odd = oddityIn('moods', { id, values: this.#withoutUtf8(row, values) })
    return odd === null ? [] : [odd]
  }

  /** SQLite keeps any bytes as text. */
  #withoutUtf8({ id }: MoodRow, values: Values): Values {
    const doubtful = TEXT_FIELDS.filter((field) => String(values[field]).includes('\uFFFD'))
    const bytes = doubtful.length > 0 ? this.#sql.bytes.get(id) : undefined
    const broken = doubtful.filter(
      (field) => Buffer.from(String(values[field])).compare(bytes?.[field] ?? Buffer.of()) !== 0,
    )
    return { ...values, ...Object.fromEntries(broken.map((field) => [field, NOT_UTF8])) }
  }

  async mend(): Promise<boolean> {
    return false
  }

  async mended(): Promise<readonly MendedDocument[]> {
    return []
  }

  async unmend(): Promise<boolean> {
    return false
  }

  async forget(): Promise<void> {}

  async lastCheck(): Promise<DataCheck | null> {
    const last = this.#sql.check.get()?.last ?? null
    return last === null ? null : checkIn(parsed(last))
  }

  noteCheck(check: DataCheck): Promise<void> {
    return this.#commit.run(() => void this.#sql.note.run(JSON.stringify(check)))
  }

  claimCheck(owner: string, now: number, until: number): Promise<boolean> {
    return this.#commit.run(() => {
      if (!mayCheck(claimIn(this.#sql.check.get()), owner, now)) return false
      this.#sql.claim.run(owner, until)
      return true
    })
  }
}

function claimIn(row: CheckRow | undefined): CheckClaim | null {
  if (row === undefined || row.owner === null || row.until === null) return null
  return { owner: row.owner, until: row.until }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Which no reader takes for what it should be.
    return text
  }
}
