/** Odd documents in the collections of our own: each stops what it is about, is named, and costs nobody else anything. */

import { type Db, type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { FEDERATE_ALL, FEDERATE_NONE } from '../../src/domain/policy.ts'
import type { Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { NOW } from '../support/moods.ts'
import { isDate, isNone, isText, isWhole, NASTY, variants } from '../support/odd.ts'

const { uri } = inject('mongo')!
const database = anyDatabase()
const cleanup = new AsyncDisposableStack()
let store: Store
let db: Db

beforeAll(async () => {
  const client = await new MongoClient(uri).connect()
  db = client.db(database)
  cleanup.defer(() => client.close())
  cleanup.defer(async () => void (await db.dropDatabase()))
  store = cleanup.use(await openMongo({ uri, database }, 'http://pds.test'))
})
afterAll(() => cleanup.disposeAsync())

it('with a policy that cannot be read federation is off, says why, and another one can be set', async () => {
  const policies = db.collection('mood-switches')
  const good = { _id: 'federation', mode: 'on', percent: 50, allow: ['anna'], setBy: 'x', setAt: new Date(NOW) }
  const isGood = ({ mode, percent, allow, setBy, setAt, reason, version }: Document): boolean =>
    ['off', 'allow', 'percent', 'on'].includes(mode) &&
    typeof percent === 'number' &&
    percent >= 0 &&
    percent <= 100 &&
    Array.isArray(allow) &&
    allow.every((one) => isText(one) && one !== '') &&
    isText(setBy) &&
    isDate(setAt) &&
    (isNone(reason) || isText(reason)) &&
    isWhole(version, 1)
  let odd = 0
  for (const document of variants({ ...good, reason: 'why', version: 7 })) {
    await policies.deleteMany({})
    await policies.insertOne(document)
    const stored = (await store.policy.get())!
    const read = (await policies.findOne())!
    expect([read, stored.odd === undefined]).toEqual([read, isGood(read)])
    if (isGood(read)) continue
    odd++
    expect(stored.policy).toEqual(FEDERATE_NONE)
    expect(stored.reason).toMatch(/^the policy in the store cannot be read: the field "\w+(\.\d)?" /)
    expect(await store.policy.begin({ ...stored, policy: FEDERATE_ALL })).toEqual(stored)
    expect(await policies.findOne()).toEqual(read)
    const next = { ...stored, policy: FEDERATE_ALL, by: 'operator', at: NOW, reason: null }
    const saved = (await store.policy.save(next))!
    expect(saved.policy).toEqual(FEDERATE_ALL)
    expect(await store.policy.get()).toEqual(saved)
    expect(await store.policy.save(next)).toBeNull()
  }
  expect(odd).toBeGreaterThan(200)
})

it('publishing that an earlier version has stopped stays stopped unless it surely was not', async () => {
  const policies = db.collection('mood-switches')
  for (const isOff of [...NASTY, undefined]) {
    await policies.deleteMany({})
    await policies.insertOne({ _id: 'publishing' as never, ...(isOff === undefined ? {} : { isOff }) })
    const { policy } = await store.policy.begin({ policy: FEDERATE_ALL, by: 'x', at: NOW, reason: null })
    expect([isOff, policy]).toEqual([isOff, isNone(isOff) || isOff === false ? FEDERATE_ALL : FEDERATE_NONE])
  }
})
