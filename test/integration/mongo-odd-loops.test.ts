/** Documents that refuse to be changed: all that writes to many moods comes to an end, in few commands, and says which. */

import { BSON, type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { backfillUser } from '../../src/operate/backfill.ts'
import { eraseUser } from '../../src/operate/erase.ts'
import { repair } from '../../src/operate/repair.ts'
import { retry } from '../../src/operate/retry.ts'
import { rollback } from '../../src/operate/rollback.ts'
import { federate } from '../support/policy.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const never = new AbortController().signal
const quiet = (): void => {}

describe('documents that refuse to be changed', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let site: Site
  let db: Db
  let users = 0

  /** Has the server refuse every change of a mood with this text, as a rule of an operator may. */
  const refuse = (text: string | null) =>
    db.command({ collMod: 'moods', validator: text === null ? {} : { mood: { $ne: text } } })

  /** How many commands mongod has got of this database meanwhile, by its own profile. */
  async function commandsOf(work: () => Promise<unknown>): Promise<number> {
    const before = await db.collection('system.profile').countDocuments()
    await work()
    const count = (await db.collection('system.profile').countDocuments()) - before
    expect(count).toBeGreaterThan(2)
    return count
  }

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    site = cleanup.use(await createSite({ MONGODB_URI: uri, MONGODB_NAME: database }))
    await site.pds.up()
    await db.createCollection('system.profile', { capped: true, size: 64_000_000 })
    await db.command({ profile: 2 })
    cleanup.defer(async () => void (await db.command({ profile: 0 })))
  }, 60_000)
  beforeEach(async () => void (await refuse(null)))
  afterAll(() => cleanup.disposeAsync())

  /** A user with published moods, one of which is to refuse. */
  async function published(): Promise<{ readonly user: string; readonly id: string; readonly text: string }> {
    const user = `u${++users}`
    const text = `refuses ${users}`
    await site.app.accounts.signUp(user, `refusing-${users}`)
    for (const mood of ['one', text, 'two', 'three']) await site.app.moods.post(user, { mood })
    await site.app.engine.drain()
    const { id } = (await site.app.store.moods.history(user, null, 9)).find((mood) => mood.text === text)!
    return { user, id, text }
  }
  const stateOf = async (id: string) => (await site.app.store.moods.byId(id))!.sync.state
  async function didOf(user: string): Promise<string> {
    return (await site.app.store.accounts.byUser(user))!.did!
  }

  it('a nuke and its restoring change all others and end; the nuke is carried out once the document lets it', async () => {
    const { user, id, text } = await published()
    await refuse(text)
    expect(
      await commandsOf(async () => {
        expect(await site.app.moods.nuke(user, 'nuke', 'withdraw')).toBe(3)
        await site.app.engine.drain()
      }),
    ).toBeLessThan(150)
    expect(await site.app.store.intents.get(user)).toMatchObject({ kind: 'nuke' })
    expect(await listRecords(site.app.pdsUrl, await didOf(user))).toHaveLength(1)
    expect(
      await commandsOf(async () => {
        expect(await site.app.moods.nuke(user, 'restore')).toBe(3)
        await site.app.engine.drain()
      }),
    ).toBeLessThan(150)
    expect(await site.app.store.intents.get(user)).toBeNull()
    expect(await site.app.moods.nuke(user, 'nuke', 'withdraw')).toBe(3)
    await refuse(null)
    site.forward(60_000)
    await site.app.engine.drain()
    site.forward(60_000)
    await site.app.engine.drain()
    expect(await stateOf(id)).toBe('withdrawn')
    expect(await listRecords(site.app.pdsUrl, await didOf(user))).toEqual([])
  })

  it('an author is told that a document takes no change, and that a rule refuses a new mood, and nothing goes round', async () => {
    const { user, id, text } = await published()
    await refuse(text)
    const { moods } = site.app
    expect(
      await commandsOf(async () => {
        await expect(moods.edit(user, id, { intensity: 4 })).rejects.toMatchObject({ code: 'unchangeable' })
        await expect(moods.delete(user, id)).rejects.toMatchObject({ code: 'unchangeable' })
        const refused = { code: 'unavailable', message: expect.stringContaining('refuses this mood') }
        await expect(moods.post(user, { mood: text })).rejects.toMatchObject(refused)
      }),
    ).toBeLessThan(40)
    expect(await stateOf(id)).toBe('published')
  })

  it('a result that cannot be noted is tried again after a growing wait, and its record is written once', async () => {
    const { user, id, text } = await published()
    await site.app.moods.edit(user, id, { intensity: 4 })
    await refuse(text)
    for (let i = 0; i < 3; i++) {
      expect(await commandsOf(() => site.app.engine.drain())).toBeLessThan(80)
      expect(await stateOf(id)).toBe('pending')
      site.forward(30_000)
    }
    const did = await didOf(user)
    const before = (await listRecords(site.app.pdsUrl, did)).find(({ value }) => value['text'] === text)
    expect(before!.value).toMatchObject({ intensity: 4 })
    await refuse(null)
    await site.app.engine.drain()
    expect(await stateOf(id)).toBe('published')
    expect(await listRecords(site.app.pdsUrl, did)).toHaveLength(4)
  })

  it('a retry, the forgetting of references and a backfill go on to the end, and an erasure takes it all', async () => {
    const { user, id, text } = await published()
    const error = { code: 'Refused', message: 'no', at: site.now() }
    const rejected = { 'atproto.state': 'rejected', 'atproto.error': error }
    await db.collection('moods').updateMany({ user }, { $set: rejected })
    await refuse(text)
    expect(await commandsOf(() => retry(site.app, { code: 'Refused', execute: true }, quiet, never))).toBeLessThan(60)
    expect(await stateOf(id)).toBe('rejected')
    await site.app.engine.drain()
    await federate(site.app.store, { mode: 'off' })
    const step = { step: 'strip-references', undo: false, execute: true } as const
    let left = -1
    expect(
      await commandsOf(async () => {
        const result = await rollback(site.app, step, quiet, quiet, never)
        left = result.left
        expect(result.refused).toEqual([id])
      }),
    ).toBeLessThan(60 * users)
    expect(left).toBe(1)
    await federate(site.app.store, { mode: 'on' })
    expect(
      await commandsOf(() => backfillUser(site.app, user, { delayMs: 0, execute: true }, quiet, never)),
    ).toBeLessThan(200)
    const erased = await eraseUser(
      site.app,
      user,
      true,
      { onExtent: quiet, onReceipt: quiet, onStep: quiet, onWaiting: quiet },
      never,
    )
    expect(erased.erasure).toMatchObject({ state: 'done' })
    expect(await db.collection('moods').countDocuments({ user })).toBe(0)
  })

  it('a backfill and a repair wait for no mood whose document refuses its result, and name it', async () => {
    const { user, id, text } = await published()
    const deps = { ...site.app, timer: site.timer }
    const other = (await site.app.store.moods.history(user, null, 9)).find((mood) => mood.text === 'one')!
    await site.app.moods.edit(user, id, { intensity: 5 })
    await site.app.moods.post(user, { mood: `${text} as a new one` })
    // One refuses to be called published; the other one is so large that the place of its record does not fit.
    await db.command({
      collMod: 'moods',
      validator: { $or: [{ mood: { $ne: text } }, { 'atproto.state': 'pending' }] },
    })
    const [large] = await db
      .collection('moods')
      .find({ user, mood: `${text} as a new one` })
      .toArray()
    const filler = 'x'.repeat(16 * 1024 * 1024 - BSON.calculateObjectSize(large!) - 40)
    await db.collection('moods').updateOne({ _id: large!._id }, { $set: { filler } })
    const refused = [id, large!._id.toHexString()]
    const done = await backfillUser(deps, user, { delayMs: 0, execute: true }, quiet, never)
    expect(done).toMatchObject({ migrated: 0, failed: 1, notReached: 0, reason: { code: 'row_refused' } })
    for (const each of refused) expect(done.reason!.text).toContain(each)
    // What is lost is brought back, whatever refuses beside it.
    const lost = { user, rkey: other.sync.rkey, cid: other.sync.cid! }
    await site.app.store.removals.add(user, [lost])
    await site.app.store.repos.mark(user, site.now())
    site.forward(600_000)
    await site.app.engine.drain()
    const events = { onLeftOut: quiet, onDeletions: quiet }
    const repaired = await repair(deps, [user], { execute: true }, events, quiet, never)
    expect(repaired).toMatchObject({ complete: false, refused: expect.arrayContaining(refused) as unknown })
    expect(repaired.refused).toHaveLength(2)
    const records = await listRecords(site.app.pdsUrl, await didOf(user))
    expect(records.map(({ value }) => value['mongoId'])).toContain(other.id)
    await refuse(null)
    await db.collection('moods').updateOne({ _id: large!._id }, { $unset: { filler: '' } })
    site.forward(600_000)
    await site.app.engine.drain()
    for (const each of refused) expect(await stateOf(each)).toBe('published')
  })

  it('two documents that cannot both have a record key end with one key each', async () => {
    const { user } = await published()
    const [first] = await site.app.store.moods.history(user, null, 1)
    const _id = new ObjectId()
    // What stands where the key should be is none, and the URI names the record of the other.
    const atproto: Document = {
      state: 'local',
      hold: 'no_account',
      version: 3,
      changedAt: new Date(),
      rkey: 'a/b',
      uri: first!.sync.uri,
    }
    await db.collection('moods').insertOne({ _id, user, mood: 'no key', when: new Date(site.now()), atproto })
    expect(await commandsOf(() => site.app.moods.nuke(user, 'nuke', 'withdraw'))).toBeLessThan(60)
    expect(await site.app.store.intents.get(user)).toBeNull()
    const { rkey } = (await site.app.store.moods.byId(_id.toHexString()))!.sync
    expect(rkey).not.toBe(first!.sync.rkey)
  })
})
