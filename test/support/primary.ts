/** What is in the primary of an installation, looked at and changed without the product's own code, whichever store it is. */

import Database from 'better-sqlite3'
import { type Document, MongoClient, ObjectId } from 'mongodb'
import { join } from 'node:path'
import { environment } from './installation.ts'

/** One mood, and the DID of its author. */
export interface PrimaryMood {
  readonly id: string
  readonly user: string
  readonly text: string
  readonly when: number
  readonly intensity: number | null
  readonly context: string | null
  readonly isPrivate: boolean
  readonly deleted: boolean
  readonly deletedRecords: string | null
  readonly state: string
  readonly rkey: string
  readonly cid: string | null
  readonly did: string | null
}

/** What no use case can do to a mood; it becomes pending with it. */
export interface Damage {
  readonly text?: string
  readonly isPrivate?: boolean
  /** The reference to the record is lost. */
  readonly unlinked?: boolean
}

export interface Primary {
  moods(): Promise<PrimaryMood[]>
  dids(): Promise<string[]>
  /** All that is stored, in any table or collection, as one text. */
  everything(): Promise<string>
  damage(id: string, damage: Damage): Promise<void>
}

/** @param folder data folder of the installation */
export function primaryOf(folder: string): Primary {
  const { MONGODB_URI, MONGODB_NAME } = environment(folder)
  return MONGODB_URI === undefined ? sqlite(join(folder, 'moods.sqlite')) : mongodb(MONGODB_URI, MONGODB_NAME!)
}

function sqlite(file: string): Primary {
  async function withDb<T>(use: (db: Database.Database) => T): Promise<T> {
    const db = new Database(file, { fileMustExist: true })
    try {
      return use(db)
    } finally {
      db.close()
    }
  }
  return {
    moods: () =>
      withDb((db) => {
        const rows = db
          .prepare<[], Record<string, never>>(
            'SELECT moods.*, accounts.did FROM moods LEFT JOIN accounts ON accounts.user = moods.user',
          )
          .all()
        return rows.map((row) =>
          Object.assign(row as unknown as PrimaryMood, {
            when: row['when_ms'],
            isPrivate: row['is_private'] === 1,
            deleted: row['deleted'] === 1,
            deletedRecords: row['deleted_records'],
          }),
        )
      }),
    dids: () => withDb((db) => db.prepare<[], string>('SELECT did FROM accounts WHERE did IS NOT NULL').pluck().all()),
    everything: () =>
      withDb((db) => {
        const tables = db.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all()
        return JSON.stringify(tables.map((table) => db.prepare(`SELECT * FROM "${table}"`).all()))
      }),
    damage: (id, { text, isPrivate, unlinked }) =>
      withDb((db) => {
        const set = [
          `state = 'pending', due_at = 0, version = version + 1`,
          ...(text === undefined ? [] : ['text = :text']),
          ...(isPrivate === undefined ? [] : ['is_private = :isPrivate']),
          ...(unlinked ? ['uri = NULL, cid = NULL'] : []),
        ]
        const values = { id, text: text ?? null, isPrivate: isPrivate ? 1 : 0 }
        const { changes } = db.prepare(`UPDATE moods SET ${set.join(', ')} WHERE id = :id`).run(values)
        if (changes !== 1) throw new Error(`there is no mood ${id}`)
      }),
  }
}

function mongodb(uri: string, database: string): Primary {
  async function withDb<T>(use: (db: ReturnType<MongoClient['db']>) => Promise<T>): Promise<T> {
    const client = await new MongoClient(uri).connect()
    try {
      return await use(client.db(database))
    } finally {
      await client.close()
    }
  }
  return {
    moods: () =>
      withDb(async (db) => {
        const users = await db.collection<{ _id: string; atproto?: Document }>('users').find().toArray()
        const dids = new Map(users.map(({ _id, atproto }) => [_id, (atproto?.['did'] as string | null) ?? null]))
        const moods = await db.collection('moods').find().toArray()
        return moods.map((mood) => toPrimaryMood(mood, dids.get(mood['user'] as string) ?? null))
      }),
    dids: () => withDb((db) => db.collection('users').distinct('atproto.did', { 'atproto.did': { $ne: null } })),
    everything: () =>
      withDb(async (db) => {
        const names = (await db.listCollections().toArray()).map(({ name }) => name)
        return JSON.stringify(await Promise.all(names.map((name) => db.collection(name).find().toArray())))
      }),
    damage: (id, { text, isPrivate, unlinked }) =>
      withDb(async (db) => {
        const { matchedCount } = await db.collection('moods').updateOne(
          { _id: new ObjectId(id) },
          {
            $set: {
              'atproto.state': 'pending',
              'atproto.dueAt': new Date(0),
              ...(text === undefined ? {} : { mood: text }),
              ...(isPrivate === undefined ? {} : { isPrivate }),
              ...(unlinked ? { 'atproto.uri': null, 'atproto.cid': null } : {}),
            },
            $inc: { 'atproto.version': 1 },
          },
        )
        if (matchedCount !== 1) throw new Error(`there is no mood ${id}`)
      }),
  }
}

function toPrimaryMood(mood: Document, did: string | null): PrimaryMood {
  const atproto = (mood['atproto'] ?? {}) as Document
  return {
    id: String(mood['_id']),
    user: mood['user'] as string,
    text: mood['mood'] as string,
    when: (mood['when'] as Date).getTime(),
    intensity: (mood['intensity'] as number | undefined) ?? null,
    context: (mood['context'] as string | undefined) ?? null,
    isPrivate: mood['isPrivate'] === true,
    deleted: mood['deleted'] === true,
    deletedRecords: (atproto['deletion'] as { records: string } | null | undefined)?.records ?? null,
    state: (atproto['state'] as string | undefined) ?? 'local',
    rkey: atproto['rkey'] as string,
    cid: (atproto['cid'] as string | null | undefined) ?? null,
    did,
  }
}
