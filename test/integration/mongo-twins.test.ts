/** Moods of one user with the same record key or number: the first is as any other, the rest are odd, and nobody else is concerned. */

import fc from 'fast-check'
import { type Collection, type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { auditUser } from '../../src/operate/audit.ts'
import { checkData } from '../../src/operate/data-check.ts'
import type { Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { NOW } from '../support/moods.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const cleanup = new AsyncDisposableStack()
let client: MongoClient

beforeAll(async () => {
  client = await new MongoClient(uri).connect()
  cleanup.defer(() => client.close())
})
afterAll(() => cleanup.disposeAsync())

function emptyDatabase(): Db {
  const db = client.db(anyDatabase())
  cleanup.defer(async () => void (await db.dropDatabase()))
  return db
}

const DUE = { state: 'pending', dueAt: new Date(0), version: 1, changedAt: new Date(1), uri: null, cid: null }

function mood(_id: unknown, user: string, rkey: string, ordinal: number, more: Document = {}): Document {
  const atproto = { ...DUE, rkey, ordinal }
  return { _id, user, mood: `mood ${String(_id)}`, when: new Date(NOW - 1_000 * ordinal), atproto, ...more }
}

const KEYS = ['3laaaaaaaaaaa', '3lbbbbbbbbbbb', '3lccccccccccc'] as const

/** What names a mood, and is odd about it, for each of a user's that is: of those alike, all but the first by id. */
function oddOf(inOrder: readonly Document[]): string[] {
  const seen = new Set<string>()
  return inOrder.flatMap(({ _id, user, atproto }) => {
    const { rkey, ordinal } = atproto as { rkey: string; ordinal: number }
    const claims = [
      ['atproto.rkey', `${user} ${rkey}`],
      ['atproto.ordinal', `${user} ${ordinal}`],
    ] as const
    const twin = claims.find(([, claim]) => seen.has(claim))
    for (const [, claim] of claims) seen.add(claim)
    return twin ? [`${String(_id)} ${twin[0]}`] : []
  })
}

it('of any moods that are alike, the first by id can be read, and the others are named', async () => {
  const db = emptyDatabase()
  const moods: Collection = db.collection('moods')
  await moods.insertMany([mood('a', 'u', KEYS[0], 1), mood('b', 'u', KEYS[0], 1)])
  await using store = await openMongo({ uri, database: db.databaseName }, '')
  const one = fc.record({
    user: fc.constantFrom('u1', 'u2'),
    rkey: fc.constantFrom(...KEYS),
    ordinal: fc.integer({ min: 1, max: 4 }),
    isText: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 10 }), async (some) => {
      await moods.deleteMany({})
      await moods.insertMany(
        some.map(({ user, rkey, ordinal, isText }, i) => {
          const id = isText ? `m${(i * 7) % 10}` : new ObjectId(String((i * 7) % 10).repeat(24))
          return mood(id, user, rkey, ordinal)
        }),
      )
      const all = await moods.find().sort({ _id: 1 }).toArray()
      const odd = oddOf(all).toSorted()
      expect(await oddIn(store)).toEqual(odd)
      const good = await Promise.all(['u1', 'u2'].map((user) => store.moods.history(user, null, 99)))
      expect(good.flat().map(({ id }) => id)).toHaveLength(all.length - odd.length)
      expect((await store.work.due('u1', NOW, 99)).length).toBe(good[0]!.length)
    }),
    { numRuns: 40 },
  )
}, 60_000)

async function oddIn(store: Store): Promise<readonly string[]> {
  const never = new AbortController().signal
  const { listed } = await checkData({ store, clock: { now: () => NOW } }, { most: Infinity }, () => {}, never)
  return listed.map(({ id, field }) => `${id} ${field}`).toSorted()
}

it('the first is published, the others neither published nor changed, and posts go on, each with a number of its own', async () => {
  const db = emptyDatabase()
  const moods: Collection = db.collection('moods')
  const others = [mood('b', 'u1', KEYS[0], 1), mood('c', 'u1', KEYS[1], 1), mood('d', 'u1', KEYS[0], 3)]
  await moods.insertMany([
    mood('a', 'u1', KEYS[0], 1),
    ...others,
    mood('e', 'u1', KEYS[2], 5),
    mood('x', 'u2', KEYS[0], 1),
  ])
  const names = others.map(({ _id }) => String(_id))
  const untouched = () =>
    moods
      .find({ _id: { $in: names as never[] } })
      .sort({ _id: 1 })
      .toArray()
  await using site: Site = await createSite({ MONGODB_URI: uri, MONGODB_NAME: db.databaseName, FEDERATION: 'off' })
  await site.pds.up()
  const { app } = site
  for (const [user, handle] of [
    ['u1', 'alice'],
    ['u2', 'bob'],
  ] as const)
    await app.accounts.signUp(user, handle)
  const policy = (await app.store.policy.get())!
  await app.store.policy.save({ ...policy, policy: { mode: 'on', percent: 100, allow: [] } })
  await app.engine.drain()
  const posted = await Promise.all(Array.from({ length: 6 }, (_, i) => app.moods.post('u1', { mood: `new ${i}` })))
  await app.engine.drain()
  const published = async (user: string) => {
    const { did } = (await app.store.accounts.byUser(user))!
    return (await listRecords(app.pdsUrl, did!)).map(({ value }) => value['mongoId']).toSorted()
  }
  const ids = posted.map(({ mood: { id } }) => id)
  expect(await published('u1')).toEqual(['a', 'e', ...ids].toSorted())
  expect(await published('u2')).toEqual(['x'])
  expect(new Set(posted.map(({ mood: { ordinal } }) => ordinal))).toEqual(new Set([6, 7, 8, 9, 10, 11]))
  const audit = await auditUser({ ...app }, 'u1')
  const findings = audit.kind === 'audited' ? audit.audit.findings : []
  expect(findings.map(({ kind, moodId }) => `${kind} ${moodId}`).toSorted()).toEqual(names.map((name) => `odd ${name}`))
  await app.moods.nuke('u1', 'nuke', 'withdraw')
  await app.engine.drain()
  expect(await published('u1')).toEqual([])
  expect(await untouched()).toEqual(others)
  await app.erasures.request('u1')
  await app.engine.drain()
  expect(await untouched()).toEqual([])
  expect(await published('u2')).toEqual(['x'])
}, 60_000)
