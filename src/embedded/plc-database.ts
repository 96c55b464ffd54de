/** A database for the PLC directory that survives a restart: one SQLite table of signed operations. */

import Sqlite from 'better-sqlite3'
import { cidForLex } from '@atproto/lex-cbor'
import { parseCid } from '@atproto/lex-data'
import * as plc from '@did-plc/lib'
import type { PlcDatabase } from '@did-plc/server'

interface Row {
  did: string
  cid: string
  operation: string
  nullified: number
  created_at: number
}

export class SqlitePlcDatabase implements PlcDatabase {
  readonly #db: Sqlite.Database

  constructor(file: string) {
    this.#db = new Sqlite(file)
    this.#db.pragma('journal_mode = WAL')
    this.#db.pragma('synchronous = FULL')
    this.#db.exec(`
      CREATE TABLE IF NOT EXISTS operations (
        seq INTEGER PRIMARY KEY,
        did TEXT NOT NULL,
        cid TEXT NOT NULL,
        operation TEXT NOT NULL,
        nullified INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        UNIQUE (did, cid)
      ) STRICT`)
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  async healthCheck(): Promise<void> {
    this.#db.prepare('SELECT 1').get()
  }

  /** Keeps an operation that follows from those before it. @throws when it does not (did:plc specification) */
  async validateAndAddOp(did: string, proposed: plc.OpOrTombstone): Promise<void> {
    const before = await this.indexedOpsForDid(did)
    const { nullified } = await plc.assureValidNextOp(did, before, proposed)
    const cid = (await cidForLex(proposed)).toString()
    this.#db
      .transaction(() => {
        const count = this.#db.prepare('SELECT count(*) FROM operations WHERE did = ? AND nullified = 0').pluck()
        if (count.get(did) !== before.length) throw new Error('another operation came first')
        this.#db
          .prepare('INSERT INTO operations (did, cid, operation, created_at) VALUES (?, ?, ?, ?)')
          .run(did, cid, JSON.stringify(proposed), Date.now())
        const nullify = this.#db.prepare('UPDATE operations SET nullified = 1 WHERE did = ? AND cid = ?')
        for (const gone of nullified) nullify.run(did, gone.toString())
      })
      .immediate()
  }

  async opsForDid(did: string): Promise<plc.CompatibleOpOrTombstone[]> {
    return (await this.indexedOpsForDid(did)).map((op) => op.operation)
  }

  async indexedOpsForDid(did: string, includeNullified = false): Promise<plc.IndexedOperation[]> {
    return this.#db
      .prepare<[string, number], Row>('SELECT * FROM operations WHERE did = ? AND nullified <= ? ORDER BY seq')
      .all(did, includeNullified ? 1 : 0)
      .map((row) => ({
        did,
        operation: JSON.parse(row.operation) as plc.CompatibleOpOrTombstone,
        // The two packages name the same class from two versions of multiformats.
        cid: parseCid(row.cid) as unknown as plc.IndexedOperation['cid'],
        nullified: row.nullified === 1,
        createdAt: new Date(row.created_at),
      }))
  }

  async lastOpForDid(did: string): Promise<plc.CompatibleOpOrTombstone | null> {
    return (await this.opsForDid(did)).at(-1) ?? null
  }

  async exportOps(count: number, after?: Date): Promise<plc.ExportedOp[]> {
    return this.#db
      .prepare<[number, number], Row>('SELECT * FROM operations WHERE created_at > ? ORDER BY seq LIMIT ?')
      .all(after?.getTime() ?? -1, count)
      .map((row) => ({
        did: row.did,
        operation: JSON.parse(row.operation) as plc.CompatibleOpOrTombstone,
        cid: row.cid,
        nullified: row.nullified === 1,
        createdAt: new Date(row.created_at).toISOString(),
      }))
  }
}
