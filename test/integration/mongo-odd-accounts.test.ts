/** Databases with odd users and handles: the odd ones are named and left alone, and nobody else notices. */

import { BSONRegExp, type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { type Account, newAccount, retried } from '../../src/domain/account.ts'
import { repair } from '../../src/operate/repair.ts'
import { listAccounts } from '../../src/operate/accounts.ts'
import type { Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { isNone, isObject, isText, isWhole, NASTY, variants } from '../support/odd.ts'
import { listRecords, makeForeignAccount } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const PDS = 'http://pds.test'

/** All of a list, page by page. */
async function all<T>(read: (last: T | null) => Promise<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for (;;) {
    const page = await read(items.at(-1) ?? null)
    if (page.length === 0) return items
    items.push(...page)
    expect(items.length).toBeLessThan(5_000)
  }
}

const STATES = new Set<unknown>(['pending', 'ready', 'needs_attention'])
const isName = (value: unknown): boolean => isText(value) && value !== ''
const isUrl = (value: unknown): boolean => isText(value) && /^https?:/.test(value as string)

/** Whether there is an account for certain; null where there surely is none. */
function isGoodAccount({ atproto }: Document): boolean | null {
  if (isNone(atproto)) return null
  if (!isObject(atproto)) return false
  const { did, state, handle, pds, sealed, password, candidate, requeue, error, version } = atproto
  if (isNone(did) && isNone(state)) return null
  const isError =
    isNone(error) || (isObject(error) && isName(error['code']) && isText(error['message']) && isWhole(error['at'], 0))
  return (
    (isNone(did) || (isText(did) && /^did:[a-z]+:\w+$/.test(did as string))) &&
    (isNone(state) || STATES.has(state)) &&
    !(isNone(did) && state === 'ready') &&
    [handle, sealed].every((value) => isNone(value) || isName(value)) &&
    (isNone(password) || isText(password)) &&
    (isNone(pds) || isUrl(pds)) &&
    (isNone(candidate) || isWhole(candidate, 0)) &&
    (isNone(version) || isWhole(version, 1)) &&
    (isNone(requeue) || typeof requeue === 'boolean') &&
    isError
  )
}

/** Two users with one DID would both be odd. */
function withOwnDid({ ...shape }: Document, n: number): Document {
  if (shape['did'] === 'did:plc:a' || shape['did'] === 'did:plc:b') shape['did'] = `did:plc:n${n}`
  return shape
}

describe('a database with every oddity of users and handles', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let store: Store
  let db: Db
  let users: Document[]
  let handles: Document[]

  const documents = (name: string) => db.collection(name).find().sort({ _id: 1 }).toArray()
  const named = (found: readonly Document[]) => found.filter(({ _id }) => isName(_id))

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    store = cleanup.use(await openMongo({ uri, database }, PDS))
    const atproto = {
      did: 'did:plc:a',
      handle: 'a.test',
      pds: PDS,
      sealed: 'sealed',
      session: 'session',
      state: 'needs_attention',
      candidate: 1,
      requeue: true,
      error: { code: 'Down', message: 'why', at: 5 },
      version: 3,
      theirs: { kept: [1] },
    }
    const legacy = { did: 'did:plc:b', handle: 'b.test', password: 'p' }
    const shapes = [...variants(atproto), ...variants(legacy), ...variants({ ...atproto, state: 'pending', did: null })]
    const odd = [...shapes.map(withOwnDid), ...NASTY]
    const insert = (name: string, document: Document) =>
      // The unique index refuses a few handles.
      db
        .collection(name)
        .insertOne(document)
        .catch(() => null)
    for (const [i, value] of odd.entries()) {
      await insert('users', { _id: `user ${String(i).padStart(4, '0')}` as never, name: 'Anna', n: i, atproto: value })
    }
    for (const [i, handle] of [...NASTY, 'x'.repeat(300), 'anna', 'Anna', 'a\nb', undefined].entries()) {
      await insert('@handles', {
        _id: `user ${String(i).padStart(4, '0')}` as never,
        ...(handle === undefined ? {} : { handle }),
      })
    }
    for (const _id of [7, null, new ObjectId(), { a: 1 }, '', new Date()] as never[]) {
      await insert('users', { _id, atproto: { ...legacy, did: `did:plc:id${String(_id)}` } })
      await insert('@handles', { _id, handle: `of ${String(_id)}` })
    }
    users = await documents('users')
    handles = await documents('@handles')
    expect(users.length).toBeGreaterThan(1_000)
  }, 120_000)
  afterAll(() => cleanup.disposeAsync())

  it('gives each user the account that is there for certain, and an odd one where there is no telling', async () => {
    let odd = 0
    for (const document of named(users)) {
      const account = await store.accounts.byUser(document['_id'])
      const isGood = isGoodAccount(document)
      if (isGood === false) odd++
      expect([document, account && account.state !== 'odd']).toEqual([document, isGood])
      if (account?.odd) {
        expect(account.odd).toMatchObject({ id: document['_id'], field: expect.stringMatching(/^atproto/) })
        expect(await store.accounts.save(retried(account))).toBeNull()
        expect(await store.accounts.add(newAccount(account.user, 'new'))).toEqual(account)
      }
    }
    expect(odd).toBeGreaterThan(500)
    expect(await documents('users')).toEqual(users)
  }, 60_000)

  it('lists all of them once, whatever the pages', async () => {
    const wanted = named(users).filter((document) => isGoodAccount(document) !== null)
    for (const limit of [7, 500]) {
      const listed = await all<{ key: string; item: Account }>((last) =>
        store.archive.page('accounts', last?.key ?? '', limit),
      )
      expect(listed.map(({ key }) => key)).toEqual(wanted.map(({ _id }) => _id))
      expect(listed.filter(({ item }) => item.state !== 'odd').map(({ key }) => key)).toEqual(
        wanted.filter((document) => isGoodAccount(document)).map(({ _id }) => _id),
      )
    }
    const waiting = await all<Account>((last) => store.accounts.needingAttention(null, last?.user ?? '', 3))
    expect(waiting.map(({ user }) => user)).toEqual(
      wanted
        .filter((document) => isGoodAccount(document) && document['atproto'].state === 'needs_attention')
        .map(({ _id }) => _id),
    )
    expect(await store.accounts.sealed(1)).toMatchObject([{ credentials: { kind: 'sealed' } }])
    const { states, attention } = await store.accounts.count()
    expect([...Object.values(states), ...Object.values(attention)].every(Number.isInteger)).toBe(true)
    const { counts } = await listAccounts(store, false, () => {}, new AbortController().signal)
    expect(counts.states.odd).toBe(wanted.filter((document) => isGoodAccount(document) === false).length)
  })

  it('uses the handles that are handles, and no other', async () => {
    const good = named(handles).filter(({ handle }) => isName(handle) && handle.length <= 100 && !/\n/.test(handle))
    const ids = named(handles).map(({ _id }) => String(_id))
    expect(await store.accounts.handlesOf(ids)).toEqual(new Map(good.map(({ _id, handle }) => [String(_id), handle])))
    const asked = handles.map(({ handle }) => handle).filter(isText) as string[]
    expect(await store.accounts.usersOf([...asked, 'u-list', 'false'])).toEqual(
      new Map(good.map(({ _id, handle }) => [handle, String(_id)])),
    )
    expect((await store.accounts.usersOf(['anna', 'Anna'])).size).toBe(2)
    const listed = await all<{ key: string }>((last) => store.archive.page('handles', last?.key ?? '', 3))
    expect(listed.map(({ key }) => key)).toEqual(good.map(({ _id }) => String(_id)))
    for (const { _id, handle } of named(handles)) {
      const isGood = good.some((one) => one['_id'] === _id)
      expect([handle, await store.accounts.claimHandle(String(_id), 'another')]).toEqual([
        handle,
        isGood ? 'has_other' : 'odd',
      ])
    }
    expect(await store.accounts.claimHandle('a new user', 'u-list')).toBe(
      handles.some(({ handle }) => Array.isArray(handle) && handle.includes('u-list')) ? 'taken' : 'claimed',
    )
    expect(await store.accounts.claimHandle('another new user', 'fine')).toBe('claimed')
    await db.collection('@handles').deleteMany({ _id: { $in: ['a new user', 'another new user'] as never[] } })
    expect(await documents('@handles')).toEqual(handles)
  })
})

it('a regular expression that JavaScript cannot take takes down no page, whatever it is in', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const db = client.db(database)
  const note = new BSONRegExp('(?<n>x')
  const when = new Date(Date.UTC(2024, 1, 1))
  await db.collection('moods').insertMany([
    { user: 'u1', mood: 'fine', when, note },
    { user: 'u1', mood: 'fine too', when },
  ])
  await db.collection('users').insertMany([
    { _id: 'u1', note, atproto: { did: 'did:plc:a', note } },
    { _id: 'u2', atproto: { did: note } },
  ] as Document[])
  await db.collection('@handles').insertMany([
    { _id: 'u1', handle: 'anna', note },
    { _id: 'u2', handle: note },
  ] as Document[])
  await using store = await openMongo({ uri, database }, PDS)
  const feed = await store.moods.feed({ users: null, viewer: null, limit: 9, after: null })
  expect(feed.map(({ text }) => text).toSorted()).toEqual(['fine', 'fine too'])
  expect(await store.accounts.byUser('u1')).toMatchObject({ did: 'did:plc:a', handle: 'anna', state: 'ready' })
  expect(await store.accounts.byUser('u2')).toMatchObject({ state: 'odd' })
  expect((await store.archive.page('accounts', '', 9)).map(({ key }) => key)).toEqual(['u1', 'u2'])
  await db.dropDatabase()
})

describe('an installation on such a database', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let site: Site
  let db: Db
  let dids: string[]

  const mood = (user: string, n: number): Document => ({
    user,
    mood: `mood ${n} of ${user}`,
    when: new Date(Date.UTC(2024, 1, n)),
  })
  const everything = () =>
    Promise.all(['users', '@handles', 'moods'].map((name) => db.collection(name).find().sort({ _id: 1 }).toArray()))
  const never = new AbortController().signal

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    site = cleanup.use(await createSite({ MONGODB_URI: uri, MONGODB_NAME: database, FEDERATION: 'on' }))
    await site.pds.up()
    const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
    const make = (name: string) => makeForeignAccount(site.app.pdsUrl, pdsAdminPassword, `${name}.test`, name)
    dids = [await make('good'), await make('shared'), await make('broken')]
    const user = (_id: string, did: unknown, name: string): Document => ({
      _id,
      theirs: [_id],
      atproto: { did, handle: `${name}.test`, password: name },
    })
    await db
      .collection('users')
      .insertMany([
        user('good', dids[0], 'good'),
        user('first', dids[1], 'shared'),
        user('second', dids[1], 'shared'),
        { ...user('broken', dids[2], 'broken'), atproto: { did: dids[2], handle: 5, password: 'broken' } },
      ])
    await db.collection('@handles').insertMany([
      { _id: 'good', handle: 'good' },
      { _id: 'broken', handle: 7 },
    ] as never[])
  }, 60_000)
  afterAll(() => cleanup.disposeAsync())

  it('publishes nothing for users whose account is odd, who post and read as all others', async () => {
    const { app } = site
    for (const user of ['first', 'good', 'second', 'broken']) await app.moods.post(user, { mood: `by ${user}` })
    await app.engine.drain()
    expect((await listRecords(app.pdsUrl, dids[0]!)).length).toBe(1)
    for (const did of dids.slice(1)) expect(await listRecords(app.pdsUrl, did)).toEqual([])
    expect((await app.moods.feed(null, null, 50, null)).entries).toHaveLength(4)
    expect(await app.accounts.profile('broken')).toMatchObject({ handle: null, account: { state: 'odd' } })
    await expect(app.accounts.signUp('broken', 'other')).rejects.toThrow(/cannot be read/)
    const users = await db.collection('users').find().sort({ _id: 1 }).toArray()
    for (const { _id, theirs } of users) expect(theirs).toEqual([_id])
    expect(users.filter(({ atproto }) => 'version' in atproto).map(({ _id }) => _id)).toEqual(['good'])
  })

  it('changes nothing in three repairs of two users who have one DID', async () => {
    const { app } = site
    await db.collection('moods').insertMany([mood('first', 1), mood('second', 2), mood('broken', 3)])
    const before = await everything()
    for (let i = 0; i < 3; i++) {
      await repair(
        { ...app, clock: site, timer: site.timer },
        [],
        { execute: true },
        { onLeftOut: () => {}, onDeletions: () => {} },
        () => {},
        never,
      )
    }
    expect(await everything()).toEqual(before)
    for (const did of dids.slice(1)) expect(await listRecords(app.pdsUrl, did)).toEqual([])
    await db.collection('users').updateOne({ _id: 'second' as never }, { $unset: { atproto: '' } })
    site.forward(120_000)
    await app.engine.drain()
    expect((await listRecords(app.pdsUrl, dids[1]!)).length).toBe(1)
  })

  it('removes the texts of a user whose account is odd, and does not say that the account is deleted', async () => {
    const { app } = site
    const before = await db.collection('users').findOne({ _id: 'broken' as never })
    const { receipt } = await app.erasures.request('broken')
    await app.engine.drain()
    expect(await db.collection('moods').countDocuments({ user: 'broken' })).toBe(0)
    expect(Object.keys((await app.erasures.byReceipt(receipt)).done)).toEqual(['stopped', 'texts_removed'])
    expect(await db.collection('users').findOne({ _id: 'broken' as never })).toEqual(before)
  })
})
