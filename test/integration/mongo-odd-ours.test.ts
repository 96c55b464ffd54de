/** Odd documents in the collections of our own: each stops what it is about, is named, and costs nobody else anything. */

import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { FEDERATE_ALL, FEDERATE_NONE } from '../../src/domain/policy.ts'
import { QUARANTINE_MS } from '../../src/domain/doubt.ts'
import type { Lease } from '../../src/domain/queue.ts'
import type { Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'
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

describe('the queue', () => {
  const repos = () => db.collection('mood-repos')
  const good = {
    _id: 'u1',
    dueAt: new Date(NOW - 5),
    marks: 2,
    failures: 0,
    uncertain: false,
    quarantineUntil: new Date(0),
    destructive: false,
    leaseToken: 'lost',
    leaseOwner: 'w0',
    leaseUntil: new Date(NOW - 1),
  }
  const { leaseToken: _, leaseOwner: __, ...rest } = good
  const free = { ...rest, leaseToken: null, leaseOwner: null, leaseUntil: new Date(0) }
  const odd = [...variants(good), ...variants(free), ...variants({ ...free, failures: 2, dueAt: null })]
  const isMoment = (value: unknown): boolean => value instanceof Date && isDate(value)
  const isGood = ({
    dueAt,
    marks,
    failures,
    uncertain,
    quarantineUntil,
    destructive,
    leaseToken,
    leaseOwner,
    leaseUntil,
  }: Document) =>
    (isNone(dueAt) || isMoment(dueAt)) &&
    isWhole(marks, 0) &&
    isWhole(failures, 0) &&
    [uncertain, destructive].every((value) => typeof value === 'boolean') &&
    [quarantineUntil, leaseUntil].every(isMoment) &&
    (isNone(leaseToken) ? leaseUntil.getTime() === 0 : isText(leaseToken) && leaseToken !== '') &&
    (isNone(leaseOwner) || isText(leaseOwner))

  /** Its times, with any other time in place of each. */
  const timely = (document: Document): Document =>
    Object.fromEntries(
      Object.entries(document).flatMap(([name, value]) =>
        value instanceof Date && name !== 'leaseUntil' ? [[name, new Date(NOW)]] : [],
      ),
    )

  /** Claims until nothing is due. */
  async function claimAll(now: number): Promise<Map<string, Lease>> {
    const leases = new Map<string, Lease>()
    for (let i = 0; i < 10; i++) {
      const lease = await store.repos.claim('w1', now, now + 10_000, QUARANTINE_MS)
      if (!lease) return leases
      leases.set(lease.user, lease)
    }
    throw new Error('there is no end')
  }

  it.each(['a mark', 'the sweep'])(
    'brings back a repo whose state cannot be read, by %s, and keeps nobody else',
    async (by) => {
      await db.collection('moods').deleteMany({})
      await store.moods.add(unrepeated(aMood({ user: 'u1' })))
      const now = NOW + 60_000
      for (const document of odd) {
        await repos().deleteMany({})
        await repos().insertMany([
          { ...document, _id: 'u1' as never, theirs: 7 },
          { ...free, _id: 'u2' as never },
        ])
        const read = (await repos().findOne({ _id: 'u1' as never }))!
        if (by === 'a mark') await store.repos.mark('u1', now)
        else expect(await store.repos.sweep('', 10, now)).toBeNull()
        const leases = await claimAll(now)
        expect([read, [...leases.keys()].toSorted()]).toEqual([read, ['u1', 'u2']])
        const lease = leases.get('u1')!
        // A time that is too far away is one that has passed, and nothing else is odd then.
        if (!isGood({ ...read, ...timely(read) })) expect([read, lease.uncertain]).toEqual([read, true])
        expect(await store.repos.renew(lease, now + 20_000)).toBe(true)
        await store.repos.release(
          lease,
          { dueAt: null, uncertain: false, quarantine: { until: 0, destructive: false }, failures: 0 },
          now,
        )
        expect(await store.repos.get('u1')).toMatchObject({ user: 'u1', dueAt: null, failures: 0, lease: null })
        expect(await repos().findOne({ _id: 'u1' as never })).toMatchObject({ theirs: 7 })
      }
    },
    60_000,
  )

  it('is not held up by a repo that is nobody’s', async () => {
    await repos().deleteMany({})
    for (const _id of [7, null, '', new ObjectId(), { a: 1 }] as never[])
      await repos().insertOne({ ...free, _id, dueAt: new Date(0) })
    await repos().insertOne({ ...free, _id: 'u2' as never })
    expect([...(await claimAll(NOW)).keys()]).toEqual(['u2'])
    expect([...(await claimAll(NOW + 60_000)).keys()]).toEqual(['u2'])
  })

  it('takes a deadline that is too far away for one that has passed', async () => {
    const years = (n: number): Date => new Date(NOW + n * 365 * 86_400_000)
    for (const tooFar of [
      { dueAt: years(3) },
      { leaseToken: 't', leaseUntil: years(80) },
      { dueAt: years(100), failures: 3 },
    ]) {
      await repos().deleteMany({})
      await repos().insertOne({ ...free, ...tooFar, _id: 'u1' as never })
      await store.repos.mark('u1', NOW)
      expect([...(await claimAll(NOW)).keys()]).toEqual(['u1'])
    }
  })
})
