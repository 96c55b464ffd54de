/** Databases with odd documents: everybody else's moods are where they should be, and the odd ones stay as they are. */

import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { softDeleted } from '../../src/domain/changes.ts'
import type { Mood } from '../../src/domain/mood.ts'
import type { ChangePosition, Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'
import { breakingUtf8, isGood, oddDocuments } from '../support/odd.ts'

const { uri } = inject('mongo')!
const USERS = ['auth0|a', 'auth0|b', 'auth0|c']

/** A mood's id as the product says it, said once more. */
const idOf = (_id: unknown): string =>
  _id instanceof ObjectId ? _id.toHexString() : String(_id).replace(/^(?=(?:text-)*[0-9a-f]{24}$)/, 'text-')

/** All of a list, page by page. */
async function all<T>(read: (last: T | null) => Promise<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for (;;) {
    const page = await read(items.at(-1) ?? null)
    if (page.length === 0) return items
    items.push(...page)
    expect(items.length).toBeLessThan(20_000)
  }
}

describe('a database with every oddity', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let store: Store
  let db: Db
  let before: Document[]
  let good: Document[]

  const documents = () => db.collection('moods').find({}, { promoteValues: true }).sort({ _id: 1 }).toArray()
  const unchangedOdd = async () => (await documents()).filter((document) => !isGood(document))
  const ids = (moods: readonly Pick<Mood, 'id'>[]) => moods.map(({ id }) => id).toSorted()
  const idsOf = (found: readonly Document[]) => found.map(({ _id }) => idOf(_id)).toSorted()

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    store = cleanup.use(await openMongo({ uri, database }, 'http://pds.test'))
    for (const document of oddDocuments(USERS)) {
      // The unique indexes refuse a few: two documents of one number, or a list beside another.
      await db
        .collection('moods')
        .insertOne(document)
        .catch(() => null)
    }
    before = await documents()
    good = before.filter(isGood)
    expect(before.length).toBeGreaterThan(1200)
    expect(good.length).toBeGreaterThan(300)
    expect(before.length - good.length).toBeGreaterThan(500)
  })
  afterAll(() => cleanup.disposeAsync())

  it('shows the good ones in every list, page by page, and nothing else', async () => {
    const isPublic = ({ isPrivate, deleted }: Document) => isPrivate !== true && deleted !== true
    for (const limit of [3, 50]) {
      for (const users of [null, [...USERS, 'zzz', 'true']]) {
        const feed = await all<Mood>((last) =>
          store.moods.feed({ users, viewer: null, limit, after: last && { when: last.when, id: last.id } }),
        )
        const wanted = good.filter((one) => isPublic(one) && (users === null || users.includes(one['user'] as string)))
        expect(ids(feed)).toEqual(idsOf(wanted))
        expect(feed.map(({ when }) => when)).toEqual(feed.map(({ when }) => when).toSorted((a, b) => b - a))
      }
    }
    const archive = await all<{ key: string; item: { mood: Mood } }>((last) =>
      store.archive.page('moods', last?.key ?? '', 7),
    )
    expect(ids(archive.map(({ item }) => item.mood))).toEqual(idsOf(good))
    const authors = await all<string>((last) => store.moods.authors(last ?? '', 1))
    for (const user of USERS) expect(authors.filter((author) => author === user)).toHaveLength(1)
    for (const user of USERS) {
      const history = await all<Mood>((last) => store.moods.history(user, last ?? null, 4))
      expect(ids(history)).toEqual(idsOf(good.filter((one) => one['user'] === user)))
    }
    const changed = await all<{ mood: Mood; position: ChangePosition }>((last) =>
      store.moods.changes(last?.position ?? { changedAt: 0, id: '' }, 5),
    )
    expect(ids(changed.map(({ mood }) => mood))).toEqual(
      idsOf(good.filter(({ atproto }) => (atproto as Document | null)?.['changedAt'] instanceof Date)),
    )
  })

  it('finds each good one by its id, and no odd one', async () => {
    for (const document of before) {
      const mood = await store.moods.byId(idOf(document['_id']))
      expect(mood && [mood.user, mood.text]).toEqual(isGood(document) ? [document['user'], document['mood']] : null)
    }
  })

  it('gives the engine the good ones as work', async () => {
    const isPending = ({ atproto }: Document) => (atproto as Document | null)?.['state'] === 'pending'
    for (const user of USERS) {
      const wanted = good.filter((one) => one['user'] === user && isPending(one))
      expect(ids(await store.work.due(user, Date.UTC(2300), 10_000))).toEqual(idsOf(wanted))
      expect(await store.work.nextDue(user)).toEqual(expect.any(Number))
      const held = await all<Mood>((last) => store.work.held(user, 'no_account', last?.id ?? '', 3))
      expect(held.every((mood) => mood.sync.hold === 'no_account')).toBe(true)
      expect(held.length).toBeGreaterThan(20)
    }
    expect(await store.work.oldestPending(1)).toHaveLength(1)
    const { states, held } = await store.work.count()
    expect([...Object.values(states), ...Object.values(held)].every(Number.isInteger)).toBe(true)
    expect(await store.repos.sweep('', 1000, NOW)).toBeNull()
    expect(await store.repos.held('no_account', '', 50)).toEqual(expect.arrayContaining(USERS))
  })

  it('takes posts, and says what was said last', async () => {
    for (const user of USERS) {
      const last = await store.moods.lastOrdinal(user)
      const { mood } = await store.moods.add(unrepeated(aMood({ user, when: NOW, text: 'new' })))
      expect(mood.ordinal).toBeGreaterThan(last)
      expect(await store.moods.add({ ...unrepeated(mood), repeats: ({ text }) => text === 'new' })).toMatchObject({
        added: false,
        mood: { id: mood.id },
      })
    }
  })

  it('has a user’s moods deleted to the last good one, and no odd one changed', async () => {
    const odd = await unchangedOdd()
    const [user] = USERS as [string]
    let pages = 0
    for (;;) {
      const page = await store.moods.ofUser(user, 'undeleted', 1e9, null, 50)
      if (page.length === 0) break
      expect(++pages).toBeLessThan(100)
      const next = page.map((mood) => softDeleted(mood, { by: 'nuke', records: 'keep' }, NOW))
      expect((await store.moods.save(next, NOW)).size).toBe(page.length)
    }
    expect(await store.moods.feed({ users: [user], viewer: user, limit: 9, after: null })).toEqual([])
    expect(await unchangedOdd()).toEqual(odd)
    expect(odd.length).toBe(before.length - good.length)
  })

  it('loses an erased user’s moods whatever their shape, and no other’s, nor one whose author is a list', async () => {
    const [user] = USERS as [string]
    const listed = new ObjectId()
    await db.collection('moods').insertOne({ _id: listed, user: [user], mood: 'whose?', when: new Date(NOW) })
    const others = await db.collection('moods').countDocuments({ $or: [{ user: { $ne: user } }, { _id: listed }] })
    while ((await store.moods.purge(user, 50)) > 0);
    expect(await db.collection('moods').distinct('_id', { user })).toEqual([listed])
    expect(await db.collection('moods').countDocuments()).toBe(others)
  })
})

it('bytes that are no UTF-8 take down no page, and a text that has them is odd', async () => {
  const database = anyDatabase()
  const { hostname, port, searchParams } = new URL(uri)
  await using way = await breakingUtf8({ host: hostname, port: Number(port) })
  await using client = await new MongoClient(
    `mongodb://127.0.0.1:${way.port}/?directConnection=true&${searchParams.toString().replace(/replicaSet=[^&]*/, '')}`,
  ).connect()
  const moods = client.db(database).collection('moods')
  const when = new Date(NOW)
  const one = (fields: Document): Document => ({ _id: new ObjectId(), user: 'u1', mood: 'fine', when, ...fields })
  await moods.insertMany([
    one({ mood: 'broken @@@' }),
    one({ mood: 'kept', note: 'unrelated @@@', more: { deep: ['@@@'] } }),
    one({ mood: 'meant \uFFFD' }),
    one({ context: '@@@' }),
    one({ user: 'u@@@' }),
    one({ _id: 'id @@@' as never }),
  ])
  await using store = await openMongo({ uri, database }, 'http://pds.test')
  const feed = await store.moods.feed({ users: null, viewer: null, limit: 9, after: null })
  expect(feed.map(({ text }) => text).toSorted()).toEqual(['kept', 'meant \uFFFD'])
  expect(await store.moods.authors('', 9)).toEqual(['u1'])
  expect((await store.moods.history('u1', null, 1)).map(({ text }) => text)).toEqual(['kept'])
  while ((await store.moods.purge('u1', 2)) > 0);
  expect(await moods.countDocuments()).toBe(1)
  await client.db(database).dropDatabase()
})
