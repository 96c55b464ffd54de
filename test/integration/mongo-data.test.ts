/** Finding what is odd in a MongoDB, and mending it: every kind of oddity, on a real server, compared byte for byte. */

import fc from 'fast-check'
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
  Timestamp,
} from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { MOOD_ADVICE } from '../../src/domain/odd-advice.ts'
import { checkData, type CheckedData } from '../../src/operate/data-check.ts'
import { type MendedData, mendData, type UnmendedData, unmendData } from '../../src/operate/data-mend.ts'
import { describeMendPlan } from '../../src/cli/describe/data-mend.ts'
import { bytesOf, holdsExactly } from '../../src/store/mongo/exactly.ts'
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
})
afterEach(async () => {
  for (const name of ['moods', 'mood-mends', 'mood-checks']) await db.collection(name).deleteMany({})
})
afterAll(() => cleanup.disposeAsync())

const check = (most = Infinity): Promise<CheckedData> => checkData({ store, clock }, { most }, () => {}, never)

const mend = (execute: boolean): Promise<MendedData> =>
  mendData(
    { store, clock },
    { execute },
    () => {},
    () => {},
    never,
  )
const unmend = (execute: boolean): Promise<UnmendedData> => unmendData({ store, clock }, { execute }, () => {}, never)

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
    expect(result).toMatchObject((await store.tasks.last('check'))!)
  })

  it('lists as many as it is asked to, counts all, and keeps no result when it is stopped', async () => {
    for (let i = 0; i < 5; i++) await insert({ when: '2024-03-01' })
    expect(await check(2)).toMatchObject({ odd: 5, listed: [{}, {}], mendable: 0 })
    await db.collection('mood-checks').deleteMany({})
    const stop = new AbortController()
    const stopped = await checkData({ store, clock }, { most: 9 }, () => stop.abort(), stop.signal)
    expect(stopped).toMatchObject({ complete: false, odd: 5 })
    expect(await store.tasks.last('check')).toBeNull()
  })

  it('goes on after a result that was kept is no result', async () => {
    for (const last of ['x', 5, { at: 'yesterday' }, { at: 1, documents: 1, odd: 0, mendable: 0, groups: [{}] }]) {
      await db
        .collection<{ _id: string }>('mood-checks')
        .replaceOne({ _id: 'check' }, { last, claim: 'me' }, { upsert: true })
      expect(await store.tasks.last('check')).toBeNull()
      expect(await store.tasks.claim('check', 'w1', NOW, NOW + 1)).toBe(true)
      expect((await check()).notKept).toBeNull()
      expect(await store.tasks.last('check')).toMatchObject({ odd: 0 })
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

  it('takes nothing for a number or a time that is none, whatever the driver makes of it', async () => {
    const timestamp = new Timestamp({ t: 1, i: 1 })
    for (const [field] of MENDABLE) await insert(withField(field, timestamp))
    await insert({ when: new Timestamp({ t: 400, i: 1 }) })
    expect(await check()).toMatchObject({ odd: MENDABLE.length + 1, mendable: 0 })
  })

  it('never takes a value for another one that only compares as equal', async () => {
    const values = fc.constantFrom<unknown>(
      ...[1, 0, -0, 1709294400000].map((n) => new Double(n)),
      new Int32(1),
      new Int32(0),
      Long.ONE,
      Long.ZERO,
      Long.fromNumber(1709294400000),
      ...['1', '1.0', '0', '-0', '1E+1', '10'].map((text) => Decimal128.fromString(text)),
      true,
      false,
      null,
      '',
      '1',
      'true',
      'TRUE',
      WHEN,
      {},
      [],
      ...[Long.ONE, new Double(1), new Int32(1), '1', { $numberLong: '1' }].map(($date) => ({ $date })),
      { $date: '1', more: 1 },
      { date: '1' },
    )
    await fc.assert(
      fc.asyncProperty(values, values, fc.boolean(), async (stored, other, isNested) => {
        await moods.deleteMany({})
        await moods.insertOne(isNested ? { a: { b: stored } } : { a: stored })
        const $expr = holdsExactly(isNested ? 'a.b' : 'a', other)
        // Lists are never mended, so that nothing has to be the same as one.
        const isSame = !Array.isArray(stored) && bytesOf(stored).equals(bytesOf(other))
        expect(await moods.countDocuments({ $expr })).toBe(isSame ? 1 : 0)
      }),
      { numRuns: 400 },
    )
  }, 60_000)

  it('leaves a document that is changed at the same moment as the other one left it, and can always put back what it took', async () => {
    for (let i = 0; i < 30; i++) {
      await moods.deleteMany({})
      const id = await insert({ isPrivate: new Int32(1) })
      const change = { $set: { isPrivate: new Double(1) } }
      const [isMended] = await Promise.all([
        store.data.mend('moods', id, NOW),
        i % 3 === 0 ? moods.updateOne({}, change) : store.moods.byId(id).then(() => moods.updateOne({}, change)),
      ])
      for (const { key } of await store.data.mended('', 99)) await store.data.unmend(key)
      const left = await moods.findOne({}, { promoteValues: false })
      expect(left!['isPrivate'], `mended: ${isMended}`).toBeInstanceOf(Double)
    }
  })

  it('mends all or nothing of any document, so that it can be read, and puts it back byte for byte', async () => {
    const documents = oddDocuments(['u1', 'u2'])
    // Two oddities in one document, of any two fields.
    const pair = fc
      .tuple(fc.constantFrom(...documents), fc.constantFrom(...documents), fc.constantFrom(...MENDABLE))
      .map(([one, two, [field, value]]) =>
        Object.assign({}, two, one, { _id: new ObjectId() }, withField(field, value)),
      )
    const many = fc.sample(pair, { numRuns: 400, seed: 7 })
    for (const document of many) await moods.insertOne(document).catch(() => null)
    const before = await bytes()
    const found = await check()
    const mended = await mend(true)
    expect(mended).toMatchObject({
      complete: true,
      mendable: found.mendable,
      mended: found.mendable,
      changedMeanwhile: 0,
    })
    expect(found.mendable).toBeGreaterThan(20)
    const after = await check()
    expect([after.documents, after.odd, after.mendable]).toEqual([found.documents, found.odd - found.mendable, 0])
    const isTouched = new Set(found.listed.filter(({ mending }) => mending !== null).map(({ id }) => id))
    for (const [id, hex] of await bytes()) {
      const { $oid = '' } = JSON.parse(id) as { $oid?: string }
      expect(hex === before.get(id), id).toBe(!isTouched.has($oid))
    }
    expect(await unmend(true)).toMatchObject({ complete: true, putBack: found.mendable, changed: 0, gone: 0 })
    expect(await bytes()).toEqual(before)
    expect(await store.tasks.last('check')).toMatchObject({ odd: found.odd })
  }, 120_000)

  it('counts first what nobody may overlook, and changes nothing without --execute', async () => {
    const engine = { state: 'published', rkey: 'a', uri: 'at://did:plc:x/c/a', cid: 'b', version: 1, changedAt: WHEN }
    await insert({ isPrivate: 'false' })
    await insert({ isPrivate: 0, when: WHEN.toISOString() })
    await insert({ isPrivate: 0, mood: 42 })
    await insert({ deleted: 0 })
    await insert({ isPrivate: 1, atproto: engine })
    await insert({ atproto: { ...engine, state: 'pending', dueAt: WHEN.toISOString(), rkey: 'c' } })
    await insert({ when: 'yesterday' })
    await insert({})
    const before = await bytes()
    const plan = {
      mendable: 5,
      left: 2,
      moods: { becomePublic: 2, comeBack: 1, shown: 4, history: 3, pending: 1, recordLeft: 1 },
    }
    const result = await mend(false)
    expect(result).toMatchObject({ ...plan, executed: false, mended: 0 })
    expect(result.changes).toEqual([
      { collection: 'moods', field: 'isPrivate', documents: 3 },
      ...['when', 'deleted', 'atproto.dueAt'].map((field) => ({ collection: 'moods', field, documents: 1 })),
    ])
    expect(describeMendPlan(result).split('\n')[0]).toMatch(/^2 moods become PUBLIC/)
    expect(await bytes()).toEqual(before)
    expect(await store.data.mended('', 9)).toEqual([])
    const announced: unknown[] = []
    expect(
      await mendData(
        { store, clock },
        { execute: true },
        (told) => announced.push(told),
        () => {},
        never,
      ),
    ).toMatchObject(plan)
    expect(announced).toMatchObject([plan])
    // What it has mended is held for a backfill, and nothing is put into the queue that was not there.
    expect(await store.work.count()).toMatchObject({ states: { pending: 1 } })
    expect(await store.tasks.last('check')).toMatchObject({ documents: 8, odd: 2 })
  })

  it('puts back only what has not been changed since, and what is not there any more stays away', async () => {
    const [kept, changed, gone, elsewhere] = [
      await insert({ isPrivate: 1 }),
      await insert({ isPrivate: 1 }),
      await insert({ isPrivate: 1 }),
      await insert({ isPrivate: 1, when: WHEN.toISOString() }),
    ].map((id) => new ObjectId(id))
    await mend(true)
    await moods.updateOne({ _id: changed! }, { $set: { isPrivate: false } })
    await moods.deleteOne({ _id: gone! })
    await moods.updateOne({ _id: elsewhere! }, { $set: { mood: 'edited', theirs: 5 } })
    const before = await bytes()
    expect(await unmend(false)).toEqual({
      executed: false,
      complete: true,
      putBack: 2,
      asBefore: 0,
      changed: 1,
      gone: 1,
    })
    expect(await bytes()).toEqual(before)
    expect(await unmend(true)).toMatchObject({ putBack: 2, changed: 1, gone: 1 })
    expect(await moods.findOne({ _id: kept! })).toMatchObject({ isPrivate: 1 })
    expect(await moods.findOne({ _id: changed! })).toMatchObject({ isPrivate: false })
    expect(await moods.findOne({ _id: elsewhere! })).toMatchObject({
      isPrivate: 1,
      when: WHEN.toISOString(),
      theirs: 5,
    })
    expect(await unmend(true)).toMatchObject({ putBack: 0, asBefore: 2, changed: 1, gone: 1 })
    await store.data.forget('u1')
    expect(await store.data.mended('', 9)).toEqual([])
  })

  it('goes on where a run was stopped, and what it kept is never lost', async () => {
    for (let i = 0; i < 40; i++) await insert({ when: WHEN.toISOString(), mood: `mood ${i}` })
    const before = await bytes()
    // A process that ends between its two writes leaves what it kept, and the document as it was.
    const [first] = (await check()).listed
    await store.data.mend('moods', first!.id, NOW)
    await moods.updateOne({ _id: new ObjectId(first!.id) }, { $set: { when: WHEN.toISOString() } })
    const stop = new AbortController()
    const stopAtSecond = (what: string) => (what.includes('mended') ? stop.abort() : undefined)
    const stopped = await mendData({ store, clock }, { execute: true }, () => {}, stopAtSecond, stop.signal)
    expect(stopped.complete).toBe(false)
    const resumed = await mend(true)
    expect(stopped.mended + resumed.mended).toBe(40)
    expect(await check()).toMatchObject({ odd: 0 })
    expect(await unmend(true)).toMatchObject({ putBack: 40 })
    expect(await bytes()).toEqual(before)
  })
})
