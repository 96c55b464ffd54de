/** Finding what is odd in a MongoDB, and mending it: every kind of oddity, on a real server, compared byte for byte. */

import {
  BSON,
  type Collection,
  type Db,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MongoClient,
  ObjectId,
} from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { MOOD_ADVICE } from '../../src/domain/odd-advice.ts'
import { checkData, type CheckedData } from '../../src/operate/data-check.ts'
import type { Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { NOW } from '../support/moods.ts'
import { isGood, oddDocuments } from '../support/odd.ts'

const { uri } = inject('mongo')!
const WHEN = new Date('2024-03-01T12:00:00Z')
const clock = { now: () => NOW }
const never = new AbortController().signal

const database = anyDatabase()
const cleanup = new AsyncDisposableStack()
let store: Store
let db: Db
let moods: Collection

beforeAll(async () => {
  const client = await new MongoClient(uri).connect()
  db = client.db(database)
  moods = db.collection('moods')
  cleanup.defer(() => client.close())
  cleanup.defer(async () => void (await db.dropDatabase()))
  store = cleanup.use(await openMongo({ uri, database }, 'http://pds.test'))
}, 60_000)
afterEach(async () => {
  for (const name of ['moods', 'mood-mends', 'mood-checks']) await db.collection(name).deleteMany({})
})
afterAll(() => cleanup.disposeAsync())

const check = (most = Infinity): Promise<CheckedData> => checkData({ store, clock }, { most }, () => {}, never)

/** All documents as the bytes that the server has, by their ids. */
async function bytes(): Promise<Map<string, string>> {
  const found = await moods.find({}, { raw: true }).toArray()
  return new Map(
    found.map((raw) => {
      const buffer = Buffer.from(raw as unknown as Uint8Array)
      return [BSON.EJSON.stringify(BSON.deserialize(buffer)['_id']), buffer.toString('hex')]
    }),
  )
}

async function insert(fields: Document): Promise<string> {
  const { insertedId } = await moods.insertOne({ user: 'u1', mood: 'a text', when: WHEN, ...fields })
  return insertedId.toHexString()
}

describe('a check of the data', () => {
  it('names every odd document, whatever it is, and changes nothing', async () => {
    for (const document of oddDocuments(['u1', 'u2'])) await moods.insertOne(document).catch(() => null)
    const before = await bytes()
    const documents = await moods.find().toArray()
    const odd = documents.filter((document) => !isGood(document))
    const result = await check()
    expect(result).toMatchObject({
      complete: true,
      documents: documents.length,
      odd: odd.length,
      at: NOW,
      notKept: null,
    })
    const named = result.listed.map(({ id }) => id).toSorted()
    const wanted = odd.map(({ _id }) => {
      if (_id instanceof ObjectId) return _id.toHexString()
      return typeof _id === 'string' ? _id : BSON.EJSON.stringify(_id)
    })
    expect(named).toEqual(wanted.toSorted())
    for (const { user, field, mending, mendable } of result.listed) {
      expect([null, 'u1', 'u2']).toContain(user)
      if (mending !== null) expect(mendable).toBe(true)
      // The guide knows every field that can be at fault, and whether anything of it can be converted.
      const advice = MOOD_ADVICE.find(({ fields }) => fields.includes(field))
      expect(advice, field).toBeDefined()
      if (mendable) expect(advice!.mended, field).not.toBeNull()
    }
    const sum = (of: 'documents' | 'mendable') => result.groups.reduce((total, group) => total + group[of], 0)
    expect([sum('documents'), sum('mendable')]).toEqual([result.odd, result.mendable])
    expect(result.mendable).toBeGreaterThan(20)
    expect(await bytes()).toEqual(before)
    expect(result).toMatchObject((await store.data.lastCheck())!)
  }, 60_000)

  it('lists as many as it is asked to, counts all, and keeps no result when it is stopped', async () => {
    for (let i = 0; i < 5; i++) await insert({ when: '2024-03-01' })
    expect(await check(2)).toMatchObject({ odd: 5, listed: [{}, {}], mendable: 0 })
    await db.collection('mood-checks').deleteMany({})
    const stop = new AbortController()
    const stopped = await checkData({ store, clock }, { most: 9 }, () => stop.abort(), stop.signal)
    expect(stopped).toMatchObject({ complete: false, odd: 5 })
    expect(await store.data.lastCheck()).toBeNull()
  })

  it('goes on after a result that was kept is no result', async () => {
    for (const last of ['x', 5, { at: 'yesterday' }, { at: 1, documents: 1, odd: 0, mendable: 0, groups: [{}] }]) {
      await db
        .collection<{ _id: string }>('mood-checks')
        .replaceOne({ _id: 'check' }, { last, claim: 'me' }, { upsert: true })
      expect(await store.data.lastCheck()).toBeNull()
      expect(await store.data.claimCheck('w1', NOW, NOW + 1)).toBe(true)
      expect((await check()).notKept).toBeNull()
      expect(await store.data.lastCheck()).toMatchObject({ odd: 0 })
    }
  })
})

/** Every value that surely means another, with the value it means. */
const MENDABLE: readonly (readonly [field: string, value: unknown, meant: unknown])[] = [
  ['when', '2024-03-01T12:00:00Z', WHEN],
  ['when', '2024-03-01T13:00:00.000+01:00', WHEN],
  ['when', new Double(WHEN.getTime()), WHEN],
  ['when', Long.fromNumber(WHEN.getTime()), WHEN],
  ['when', Decimal128.fromString(String(WHEN.getTime())), WHEN],
  ['when', { $date: '2024-03-01T12:00:00Z' }, WHEN],
  ['when', { $date: Long.fromNumber(WHEN.getTime()) }, WHEN],
  ['when', { $date: { $numberLong: String(WHEN.getTime()) } }, WHEN],
  ['isPrivate', 'true', true],
  ['isPrivate', 'false', false],
  ['isPrivate', new Int32(1), true],
  ['isPrivate', new Int32(0), false],
  ['isPrivate', Long.ONE, true],
  ['isPrivate', new Double(0), false],
  ['isPrivate', new Double(-0), false],
  ['deleted', Decimal128.fromString('1'), true],
  ['deleted', '0', false],
  ['intensity', Decimal128.fromString('7'), 7],
  ['atproto', false, null],
  ['atproto', new Int32(0), null],
  ['atproto', '', null],
  ['atproto.dueAt', '2024-03-01T12:00:00Z', WHEN],
  ['atproto.changedAt', Long.fromNumber(WHEN.getTime()), WHEN],
  ['atproto.version', Decimal128.fromString('3'), 3],
  ['atproto.firstPublished.direct', 'true', true],
]

function withField(path: string, value: unknown): Document {
  const [name, inner, innermost] = path.split('.') as [string, string?, string?]
  if (inner === undefined) return { [name]: value }
  const engine = { state: 'pending', rkey: new ObjectId().toHexString(), dueAt: WHEN, version: 1, changedAt: WHEN }
  if (innermost === undefined) return { atproto: { ...engine, [inner]: value, last: 'x' } }
  return { atproto: { ...engine, firstPublished: { at: WHEN, direct: true, [innermost]: value } } }
}

const at = (document: Document | null, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, name) => (inner as Document)[name], document)

describe('mending', () => {
  it.each(MENDABLE)(
    'makes of %s, %o, what it means, and puts back what was there byte for byte',
    async (field, value, meant) => {
      const id = await insert({ ...withField(field, value), theirs: { a: Long.ONE, $b: new Double(1) }, more: 'ours' })
      const before = await bytes()
      const found = await check()
      expect(found.listed).toMatchObject([{ id, field, mending: { changes: [{ field, value: meant }] } }])
      expect(await store.data.mend('moods', id, NOW)).toBe(true)
      const document = await moods.findOne()
      expect(at(document, field)).toEqual(meant)
      expect(Object.keys(document!)).toEqual([
        '_id',
        'user',
        'mood',
        'when',
        ...(field === 'when' ? [] : [field.split('.')[0]]),
        'theirs',
        'more',
      ])
      expect(await store.moods.byId(id)).not.toBeNull()
      expect(await check()).toMatchObject({ odd: 0 })
      const [kept] = await store.data.mended('', 9)
      expect(kept).toMatchObject({ collection: 'moods', id, user: 'u1', fields: [field], at: NOW, standing: 'mended' })
      expect(await store.data.mend('moods', id, NOW)).toBe(false)
      expect(await store.data.unmend(kept!.key)).toBe(true)
      expect(await bytes()).toEqual(before)
      expect(await store.data.mended('', 9)).toMatchObject([{ standing: 'as_before' }])
      expect(await store.data.unmend(kept!.key)).toBe(false)
      // And once more, to the same end.
      expect(await store.data.mend('moods', id, NOW)).toBe(true)
      expect(await store.data.mended('', 9)).toMatchObject([{ key: kept!.key, standing: 'mended' }])
    },
  )
})
