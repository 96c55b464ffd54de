/** One bare insert for each post, of the row that the product would write, into tables with the same indexes. */

import Database from 'better-sqlite3'
import { MongoClient } from 'mongodb'
import type { Mood } from '../src/domain/mood.ts'
import type { StoreAddress } from '../src/store/address.ts'
import { toDocument } from '../src/store/mongo/documents.ts'
import { openMongo } from '../src/store/mongo/index.ts'
import { GroupCommit } from '../src/store/sqlite/group-commit.ts'
import { openSqlite } from '../src/store/sqlite/index.ts'
import { MOOD_VALUES, type MoodRow, toRow } from '../src/store/sqlite/mood-row.ts'

/** @returns inserts a mood durably */
export async function bareInsert(address: StoreAddress): Promise<(mood: Mood) => Promise<void>> {
  return address.kind === 'sqlite'
    ? intoSqlite(`${address.file}-bare`)
    : intoMongo(address.uri, `${address.database}-b`)
}

async function intoSqlite(file: string): Promise<(mood: Mood) => Promise<void>> {
  await openSqlite(file)[Symbol.asyncDispose]()
  const db = new Database(file)
  for (const pragma of [
    'journal_mode = WAL',
    'synchronous = FULL',
    'cache_size = -32768',
    'wal_autocheckpoint = 10000',
    'secure_delete = ON',
  ])
    db.pragma(pragma)
  const insert = db.prepare<[MoodRow]>(`INSERT INTO ${MOOD_VALUES}`)
  const commit = new GroupCommit(db)
  return async (mood) => void (await commit.run(() => insert.run(toRow(mood, mood.when))))
}

async function intoMongo(uri: string, database: string): Promise<(mood: Mood) => Promise<void>> {
  await (await openMongo({ uri, database }, ''))[Symbol.asyncDispose]()
  const client = await new MongoClient(uri, { writeConcern: { w: 'majority', journal: true } }).connect()
  const moods = client.db(database).collection('moods')
  return async (mood) => void (await moods.insertOne(toDocument(mood) as object))
}
