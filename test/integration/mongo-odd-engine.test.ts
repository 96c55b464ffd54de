/** Every field with every value, in one user's database: published, withdrawn, given back and erased on a real PDS. */

import { BSON, type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { backfillUser } from '../../src/operate/backfill.ts'
import { auditUsers } from '../../src/operate/survey.ts'
import { repairUser } from '../../src/operate/repair.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { isGood, oddDocuments } from '../support/odd.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const never = new AbortController().signal
const quiet = (): void => {}
const USER = 'auth0|odd'
const { EJSON } = BSON

describe('a user’s moods with every oddity', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let site: Site
  let db: Db
  let did: string
  let before: Document[]

  const documents = (): Promise<Document[]> => db.collection('moods').find().sort({ _id: 1 }).toArray()
  const idOf = (_id: unknown): string =>
    _id instanceof ObjectId ? _id.toHexString() : String(_id).replace(/^(?=(?:text-)*[0-9a-f]{24}$)/, 'text-')
  const isTheirs = (one: Document): boolean => isGood(one) && one['user'] === USER
  const isShown = (one: Document): boolean => one['isPrivate'] !== true && one['deleted'] !== true && one['mood'] !== ''
  /** The moods that records name, each as often as it is named. */
  const published = async () =>
    (await listRecords(site.app.pdsUrl, did)).map(({ value }) => value['mongoId']).toSorted()
  const unchangedOdd = async () => {
    const ids = new Set(before.filter((one) => !isGood(one)).map(({ _id }) => EJSON.stringify(_id)))
    return (await documents()).filter(({ _id }) => ids.has(EJSON.stringify(_id)))
  }
  async function work(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await site.app.engine.drain()
      site.forward(60_000)
    }
  }

  beforeAll(async () => {
    const client = await new MongoClient(uri).connect()
    db = client.db(database)
    cleanup.defer(() => client.close())
    cleanup.defer(async () => void (await db.dropDatabase()))
    site = cleanup.use(await createSite({ MONGODB_URI: uri, MONGODB_NAME: database, PDS_RATE_LIMITS: 'off' }))
    await site.pds.up()
    await site.app.accounts.signUp(USER, 'odd')
    await work()
    did = (await site.app.store.accounts.byUser(USER))!.did!
    for (const document of oddDocuments([USER])) {
      // The unique indexes refuse a few: two documents of one number, or a list beside another.
      await db
        .collection('moods')
        .insertOne(document)
        .catch(() => null)
    }
    before = await documents()
  }, 60_000)
  afterAll(() => cleanup.disposeAsync())

  it('has every good one published exactly once, and nothing else', async () => {
    await work()
    const backfilled = await backfillUser(site.app, USER, { delayMs: 0, execute: true }, quiet, never)
    expect(backfilled.notReached).toBe(0)
    await work()
    await repairUser(site.app, USER)
    await work()
    const wanted = before.filter((one) => isTheirs(one) && isShown(one)).map(({ _id }) => idOf(_id))
    expect(wanted.length).toBeGreaterThan(250)
    expect(await published()).toEqual(wanted.toSorted())
    const odd = before.filter((one) => !isGood(one))
    expect(await unchangedOdd()).toEqual(odd)
    const { summary } = await auditUsers(site.app, [USER], {}, quiet, never)
    expect(Object.keys(summary.findings)).toEqual(['odd'])
  }, 60_000)

  it('has them withdrawn and given back by its author, and no odd one changed', async () => {
    const odd = before.filter((one) => !isGood(one))
    await site.app.moods.nuke(USER, 'nuke', 'withdraw')
    await work()
    expect(await published()).toEqual([])
    await site.app.moods.nuke(USER, 'restore')
    await work()
    expect((await published()).length).toBeGreaterThan(250)
    expect(await unchangedOdd()).toEqual(odd)
  }, 60_000)

  it('is erased whole', async () => {
    await site.app.erasures.request(USER)
    await work()
    expect(await published()).toEqual([])
    const left = await db.collection('moods').distinct('user', { user: USER })
    expect(left.filter((user) => user === USER)).toEqual([])
    expect(await db.collection('moods').countDocuments({ $expr: { $eq: ['$user', USER] } })).toBe(0)
  }, 60_000)
})
