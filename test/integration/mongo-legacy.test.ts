/** A database that was there before us: read as it is, changed no more than needs be. */

import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { fillLegacy, legacyId, legacyUser, ODD } from '../support/legacy.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { putRecord } from '../support/damage.ts'
import { listRecords, makeForeignAccount } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const { sub, handle } = legacyUser(1)

/** No time, a time that is no date, no text, no author. */
const UNREADABLE = [ODD.numberTime, ODD.textTime, ODD.noTime, ODD.noText, ODD.nobody]

describe('an existing database', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let site: Site
  let db: Db
  let did: string

  /** Every document of a collection, as the server has it. */
  const documents = async (name: string): Promise<unknown[]> => db.collection(name).find().sort({ _id: 1 }).toArray()
  const raw = (n: number) => db.collection('moods').findOne({ _id: new ObjectId(legacyId(n)) })
  const mood = async (n: number) => (await site.app.store.moods.byId(legacyId(n)))!

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    site = cleanup.use(await createSite({ MONGODB_URI: uri, MONGODB_NAME: database }))
    await site.pds.up()
    const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
    did = await makeForeignAccount(site.app.pdsUrl, pdsAdminPassword, 'legacy-1.test', 'plain-1')
    await fillLegacy(db, { 1: { did, handle: 'legacy-1.test', password: 'plain-1' } })
  })
  afterAll(() => cleanup.disposeAsync())

  it('is read as it is, whatever is odd about it, and nothing of it is written', async () => {
    const { app } = site
    const before = [await documents('moods'), await documents('users'), await documents('@handles')]
    const seen = new Set<string>()
    let next = null
    do {
      const page = await app.moods.feed(null, null, 50, next)
      for (const entry of page.entries) seen.add(entry.mood.id)
      next = page.next
    } while (next)
    // All but the deleted one and those that cannot be read for certain.
    expect(seen.size).toBe(30 * 4 + 18 - 1 - UNREADABLE.length)
    expect(seen.has(legacyId(ODD.deleted))).toBe(false)
    for (const n of UNREADABLE) {
      expect(seen.has(legacyId(n)), String(n)).toBe(false)
      expect(await app.store.moods.byId(legacyId(n)), String(n)).toBeNull()
    }
    expect((await app.moods.latestOf(handle, null)).mood).toMatchObject({ user: sub, text: `mood 3 of ${handle}` })
    expect(await mood(ODD.plain)).toMatchObject({ text: 'odd 1', version: 0, ordinal: 0 })
    expect((await mood(ODD.plain)).sync).toMatchObject({ state: 'local', hold: 'backfill', cid: null })
    expect((await mood(ODD.long)).text).toHaveLength(5000)
    expect((await mood(ODD.deleted)).deleted).toEqual({ by: 'author', records: 'keep' })
    expect((await mood(ODD.onlyRkey)).sync.rkey).toBe('3l2onlyrkeyaa')
    expect((await mood(ODD.linked)).sync).toMatchObject({ rkey: '3l2linkedaaaa', cid: 'bafy', state: 'local' })
    expect(await app.store.moods.byId('a-name-of-its-own')).toMatchObject({ text: 'odd id' })
    expect(await app.store.accounts.byUser(sub)).toMatchObject({
      state: 'ready',
      did,
      pds: app.pdsUrl,
      handle,
      version: 0,
    })
    for (const n of [21, 26, 27, 28]) expect(await app.store.accounts.byUser(legacyUser(n).sub)).toBeNull()
    expect((await app.store.accounts.count()).states).toEqual({ pending: 0, ready: 22, needs_attention: 0 })
    const { states, held } = await app.store.work.count()
    // One is deleted, and waits for nothing.
    expect([states.local, held.backfill]).toEqual([30 * 4 + 18, 30 * 4 + 17])
    await app.engine.drain()
    expect([await documents('moods'), await documents('users'), await documents('@handles')]).toEqual(before)
  })

  it('is gone through page by page, whatever its ids are', async () => {
    const { store } = site.app
    const ids: string[] = []
    for (let after: Mood | null = null; ;) {
      const [next]: readonly Mood[] = await store.moods.history(sub, after, 1)
      if (!next) break
      after = next
      ids.push(next.id)
    }
    // All of the user's but the four that cannot be read.
    expect(ids).toHaveLength(4 + 17 - 4)
    let items = 0
    for (let after = ''; ;) {
      const [item] = await store.archive.page('moods', after, 1)
      if (!item) break
      items++
      after = item.key
    }
    expect(items).toBe(30 * 4 + 18 - UNREADABLE.length)
  })

  it('knows what was said last, before us', async () => {
    const { mood: repeated } = await site.app.moods.post(legacyUser(2).sub, { mood: 'mood 3 of legacy-2' })
    expect(repeated.id).toBe(legacyId(100 + 2 * 4 + 3))
    const { mood: added } = await site.app.moods.post(legacyUser(2).sub, { mood: 'something new' })
    expect(added.ordinal).toBe(1)
  })

  it('has only those fields changed that we know', async () => {
    const before = (await raw(ODD.unknownFields))!
    await site.app.moods.edit(sub, legacyId(ODD.unknownFields), { intensity: 3 })
    const { atproto, intensity, context, isPrivate, deleted, ...rest } = (await raw(ODD.unknownFields))!
    expect(rest).toEqual(before)
    expect([intensity, context, isPrivate, deleted]).toEqual([3, null, false, false])
    expect(atproto).toMatchObject({ state: 'pending', synced: false, version: 1 })
    await site.app.moods.edit(sub, legacyId(ODD.extraAtproto), { intensity: 3 })
    expect((await raw(ODD.extraAtproto))!['atproto']).toMatchObject({ migratedBy: 'script', rkey: '3l2extraaaaaa' })
    await site.app.moods.edit(sub, legacyId(ODD.nullAtproto), { intensity: 3 })
    expect((await raw(ODD.nullAtproto))!['atproto']).toMatchObject({ state: 'pending' })
  })

  it('that gives two moods one record key has the second one get its own', async () => {
    for (const n of [ODD.sameRkey, ODD.sameRkeyAgain]) await site.app.moods.edit(sub, legacyId(n), { intensity: 5 })
    const rkeys = [(await mood(ODD.sameRkey)).sync.rkey, (await mood(ODD.sameRkeyAgain)).sync.rkey]
    expect(rkeys[0]).toBe('3l2aaaaaaaaaa')
    expect(rkeys[1]).not.toBe(rkeys[0])
  })

  it('that has only the URI of a record has an edit rewrite that record, and writes no second one', async () => {
    const { app } = site
    const { text, when } = await mood(ODD.plain)
    const ref = { $oid: legacyId(ODD.plain).toUpperCase() }
    const rkey = await putRecord(app, sub, { mood: text, when: new Date(when).toISOString(), ref })
    const record = `at://${did}/computer.aesthetic.mood/${rkey}`
    await db
      .collection('moods')
      .updateOne({ _id: new ObjectId(legacyId(ODD.plain)) }, { $set: { atproto: { uri: record } } })
    expect((await mood(ODD.plain)).sync).toMatchObject({ rkey, uri: record, hold: 'backfill' })
    await app.moods.edit(sub, legacyId(ODD.plain), { intensity: 4 })
    await app.engine.drain()
    // What stands there already is read before the next try.
    site.forward(60_000)
    await app.engine.drain()
    const ours = (await listRecords(app.pdsUrl, did)).filter(({ value }) =>
      [value['text'], value['mood']].includes(text),
    )
    expect(ours).toMatchObject([{ uri: record, value: { text, intensity: 4, mongoId: legacyId(ODD.plain) } }])
    await app.moods.delete(sub, legacyId(ODD.plain), 'withdraw')
    await app.engine.drain()
    site.forward(60_000)
    await app.engine.drain()
  })

  it('publishes with the password it has in plain text, and leaves that where it is', async () => {
    await site.app.engine.drain()
    const records = await listRecords(site.app.pdsUrl, did)
    expect(records.map(({ value }) => value['text']).toSorted()).toEqual([
      'odd 11',
      'odd 13',
      'odd 14',
      'odd 15',
      'odd 6',
    ])
    const user = (await db.collection<{ _id: string } & Document>('users').findOne({ _id: sub }))!
    expect(user).toMatchObject({ code: 'ac1', atproto: { password: 'plain-1', did } })
    expect(user['atproto']).not.toHaveProperty('sealed')
  })

  it('has a deleted mood withdrawn, and its records kept where it did not say', async () => {
    await site.app.moods.delete(sub, legacyId(ODD.unknownFields), 'withdraw')
    await site.app.engine.drain()
    const texts = (await listRecords(site.app.pdsUrl, did)).map(({ value }) => value['text'])
    expect(texts).not.toContain('odd 6')
    expect(await raw(ODD.unknownFields)).toMatchObject({
      deleted: true,
      color: 'teal',
      atproto: { state: 'withdrawn' },
    })
  })

  it('gets accounts for those who have none, in a document that is there or a new one', async () => {
    for (const n of [21, 26, 27, 28]) await site.app.accounts.signUp(legacyUser(n).sub, legacyUser(n).handle)
    await site.app.engine.drain()
    for (const n of [21, 26, 27, 28]) {
      expect(await site.app.store.accounts.byUser(legacyUser(n).sub), String(n)).toMatchObject({ state: 'ready' })
    }
    expect(await db.collection<{ _id: string }>('users').findOne({ _id: legacyUser(27).sub })).toMatchObject({
      code: 'ac27',
    })
  })

  it('loses a user who is erased, and nobody else', async () => {
    const others = await db.collection('moods').countDocuments({ user: { $ne: sub } })
    await site.app.erasures.request(sub)
    site.forward(60_000)
    await site.app.engine.drain()
    expect(await listRecords(site.app.pdsUrl, did)).toEqual([])
    expect(await db.collection('moods').countDocuments({ user: sub })).toBe(0)
    expect(await db.collection('moods').countDocuments()).toBe(others)
    expect(await db.collection<{ _id: string }>('users').findOne({ _id: sub })).toBeNull()
  })
})
