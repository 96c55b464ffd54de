/** Documents that refuse to be changed: all that writes to many moods comes to an end, in few commands, and says which. */

import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { backfillUser } from '../../src/operate/backfill.ts'
import { eraseUser } from '../../src/operate/erase.ts'
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
    const { id } = (await site.app.store.moods.history(user, '', 9)).find((mood) => mood.text === text)!
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
        left = (await rollback(site.app, step, quiet, quiet, never)).left
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

  it('two documents that cannot both have a record key end with one key each', async () => {
    const { user } = await published()
    const [first] = await site.app.store.moods.history(user, '', 1)
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
