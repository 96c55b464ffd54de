/** The odd data of a MongoDB. */

import { BSON, type Db, type Document, MongoClient } from 'mongodb'
import { isGood } from '../support/odd.ts'
import { type OddDatabase, oddDatabase } from './documents.ts'
import type { OddWorld, StoredMood } from './world.ts'

/** Fills a database. It is dropped when the world is disposed of. */
export async function mongoWorld(uri: string, database: string, documents: number, seed: number): Promise<OddWorld> {
  const client = await new MongoClient(uri).connect()
  const db = client.db(database)
  await fill(db, oddDatabase(documents, seed))
  return {
    env: { MONGODB_URI: uri, MONGODB_NAME: database },
    moodsName: 'moods',
    moods: async () =>
      (await db.collection('moods').find({}, { raw: true }).toArray()).map((raw) => moodIn(raw as never)),
    async dids() {
      const found = await db.collection('users').find().toArray()
      return found.map(({ atproto }) => (atproto as Document | null | undefined)?.['did'] as unknown).filter(isDid)
    },
    async people() {
      const named = ['users', '@handles'].map((name) => db.collection(name).distinct('_id'))
      return textsAmong([...(await Promise.all(named)).flat(), ...(await db.collection('moods').distinct('user'))])
    },
    async requests() {
      const { opcounters } = await db.admin().serverStatus()
      return Object.values(opcounters as Record<string, number>).reduce((sum, each) => sum + each, 0)
    },
    async [Symbol.asyncDispose]() {
      await db.dropDatabase()
      await client.close()
    },
  }
}

/** Each of the texts once. */
export function textsAmong(values: readonly unknown[]): readonly string[] {
  return [...new Set(values.filter((value) => typeof value === 'string'))]
}

export function isDid(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('did:plc:')
}

async function fill(db: Db, { moods, users, handles }: OddDatabase): Promise<void> {
  const insert = async (name: string, found: readonly Document[]): Promise<void> => {
    // Two documents of one id, or an id that MongoDB takes for none: the others are there all the same.
    for (const each of found) {
      await db
        .collection(name)
        .insertOne({ ...each })
        .catch(() => null)
    }
  }
  await insert('moods', moods)
  await insert('users', users)
  await insert('@handles', handles)
}

function moodIn(raw: Buffer): StoredMood {
  const document = BSON.deserialize(raw)
  const { user, mood, isPrivate, deleted } = document
  return {
    name: BSON.EJSON.stringify({ _id: document['_id'] as unknown }, { relaxed: false }),
    id: productId(document),
    user,
    text: mood,
    isGood: isGood(document),
    isShown: isPrivate !== true && deleted !== true,
    isPlain: /^good \d+$/.test(mood as string) && document['mark'] === undefined,
    bytes: raw.toString('base64'),
    shown: BSON.EJSON.stringify(document, { relaxed: false }).slice(0, 400),
  }
}

/** Text of 24 hex digits has a prefix, so that it is not taken for an ObjectId. */
function productId({ _id }: Document): string {
  if (_id instanceof BSON.ObjectId) return _id.toHexString()
  if (typeof _id !== 'string') return BSON.EJSON.stringify(_id).slice(0, 80)
  return _id.replace(/^(?=(?:text-)*[0-9a-f]{24}$)/, 'text-')
}
