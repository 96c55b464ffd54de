/**
 * All that is stored in SQLite, as it is. Its tables take no values of other types, so that nothing of what is odd can be
 * converted: what was meant cannot be told from a number that means nothing.
 */

import type Database from 'better-sqlite3'
import { type FoundOdd, oddityIn } from '../../domain/mend.ts'
import type { StoredDocument } from '../../domain/odd.ts'
import { type KindName, KINDS } from '../../domain/readers.ts'
import type { DataStore, MendedDocument, ScannedPiece } from '../../ports/data.ts'
import { storedAccount, storedHandle } from './accounts.ts'
import { storedAudit } from './audits.ts'
import { storedErasure } from './erasures.ts'
import { storedIntent } from './intents.ts'
import { storedEntry } from './ledger.ts'
import { storedPolicy } from './policy.ts'
import { MoodReader } from './reading.ts'
import { storedRemoval } from './removals.ts'
import { storedRepo } from './repos.ts'
import { storedSighting } from './sightings.ts'
import { storedWorker } from './workers.ts'

const PIECE = 1_000

/** A table, the columns of its key, and a row as its reader takes it. */
interface Table {
  readonly name: string
  readonly key: readonly string[]
  readonly stored: (row: never) => StoredDocument
}

function tablesOf(db: Database.Database): Readonly<Record<KindName, Table>> {
  const moods = new MoodReader(db)
  return {
    moods: { name: 'moods', key: ['rowid'], stored: (row) => moods.stored(row) },
    handles: { name: 'handles', key: ['user'], stored: storedHandle },
    users: { name: 'accounts', key: ['user'], stored: storedAccount },
    repos: { name: 'repos', key: ['user'], stored: storedRepo },
    intents: { name: 'intents', key: ['user'], stored: storedIntent },
    erasures: { name: 'erasures', key: ['receipt'], stored: storedErasure },
    removals: { name: 'removals', key: ['user', 'rkey'], stored: storedRemoval },
    audits: { name: 'audits', key: ['user'], stored: storedAudit },
    sightings: { name: 'sightings', key: ['user', 'relay'], stored: storedSighting },
    policy: { name: 'policy', key: ['name'], stored: storedPolicy },
    ledger: { name: 'ledger', key: ['key'], stored: storedEntry },
    workers: { name: 'workers', key: ['id'], stored: storedWorker },
  }
}

const KIND_NAMES = Object.keys(KINDS) as KindName[]

/** A row with where to go on after it: its key as it is, bytes that are no UTF-8 too. */
type PlacedRow = Readonly<Record<string, unknown>>

export class SqliteData implements DataStore {
  readonly #db: Database.Database
  readonly #tables

  constructor(db: Database.Database) {
    this.#db = db
    this.#tables = tablesOf(db)
  }

  async collections() {
    return KIND_NAMES.map((kind) => {
      const { name } = this.#tables[kind]
      return { name, documents: this.#db.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck().get() ?? 0 }
    })
  }

  async *scan(collection: string, stop: AbortSignal): AsyncGenerator<ScannedPiece> {
    const kind = KIND_NAMES.find((name) => this.#tables[name].name === collection)
    if (kind === undefined) return
    const { stored } = this.#tables[kind]
    const page = this.#pageOf(this.#tables[kind])
    for (let rows = page(null); rows.length > 0 && !stop.aborted; rows = page(rows.at(-1)!)) {
      yield { documents: rows.length, odd: rows.flatMap((row) => oddOf(kind, stored(row as never))) }
    }
  }

  /** Reads the rows after one, or (null) the first. */
  #pageOf({ name, key }: Table): (after: PlacedRow | null) => readonly PlacedRow[] {
    const places = key.map((column, i) => `CAST(${column} AS BLOB) AS at_${i}, typeof(${column}) AS type_${i}`)
    // As the type that it is of, since types have an order as well.
    const after = key.map(
      (_, i) => `CASE :type_${i} WHEN 'text' THEN CAST(:at_${i} AS TEXT)
      WHEN 'integer' THEN CAST(:at_${i} AS INTEGER) ELSE :at_${i} END`,
    )
    const sql = (where: string): string =>
      `SELECT *, ${places.join()} FROM ${name} ${where} ORDER BY ${key.join()} LIMIT ${PIECE}`
    const first = this.#db.prepare<[], PlacedRow>(sql(''))
    const next = this.#db.prepare<[PlacedRow], PlacedRow>(sql(`WHERE (${key.join()}) > (${after.join()})`))
    return (row) => (row === null ? first.all() : next.all(row))
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
}

function oddOf(kind: KindName, stored: StoredDocument): FoundOdd[] {
  const odd = oddityIn(kind, stored)
  return odd === null ? [] : [{ ...odd, mendable: false, meant: null, mending: null }]
}
