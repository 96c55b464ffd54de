/** Odd documents in the collections of our own: each stops what it is about, is named, and costs nobody else anything. */

import { type Db, type Document, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { FEDERATE_ALL, FEDERATE_NONE } from '../../src/domain/policy.ts'
import { NO_COUNTS } from '../../src/domain/audit-counts.ts'
import { newErasure } from '../../src/domain/erasure.ts'
import { isOdd } from '../../src/domain/odd.ts'
import { QUARANTINE_MS } from '../../src/domain/doubt.ts'
import type { Lease } from '../../src/domain/queue.ts'
import type { Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'
import { isDate, isNone, isObject, isText, isWhole, NASTY, variants, withField } from '../support/odd.ts'

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

/** Each variant by itself, as the driver reads it. */
async function* each(name: string, good: Document): AsyncGenerator<Document> {
  const collection = db.collection(name)
  for (const document of variants(good)) {
    await collection.deleteMany({})
    await collection.insertOne(document)
    yield (await collection.findOne({ _id: good['_id'] as never }))!
  }
  await collection.deleteMany({})
}

it('an intent that cannot be read is not applied, and the user’s next one takes its place', async () => {
  let odd = 0
  for await (const read of each('mood-intents', { _id: 'u1', kind: 'nuke', records: 'keep', through: 5 })) {
    const { kind, records, through } = read
    const isGood = ['nuke', 'restore'].includes(kind) && ['keep', 'withdraw'].includes(records) && isWhole(through, 0)
    const stored = (await store.intents.get('u1'))!
    expect([read, isOdd(stored)]).toEqual([read, !isGood])
    const wanted = { user: 'u1', kind: 'restore', records: 'withdraw', through: 9 } as const
    expect(await store.repos.sweep('', 10, NOW)).toBeNull()
    expect(await store.intents.begin(wanted)).toEqual(isGood ? stored : wanted)
    await store.intents.finish('u1')
    if (!isGood) odd++
  }
  expect(odd).toBeGreaterThan(80)
})

it('an erasure that cannot be read is named, blocks its user’s next one, and no other', async () => {
  const done = { stopped: { at: NOW, needed: true } }
  const good = { _id: 'r1', user: 'u1', tombstone: 't', requestedAt: new Date(NOW), done, version: 1 }
  const isGood = ({ user, tombstone, requestedAt, done: steps, version }: Document): boolean =>
    isText(user) &&
    user !== '' &&
    isText(tombstone) &&
    tombstone !== '' &&
    isDate(requestedAt) &&
    isObject(steps) &&
    Object.keys(steps).join() === 'stopped' &&
    isWhole(version, 1)
  const erasures = db.collection('mood-erasures')
  let odd = 0
  for await (const read of each('mood-erasures', good)) {
    const stored = (await store.erasures.byReceipt('r1'))!
    expect([read, isOdd(stored)]).toEqual([read, !isGood(read)])
    const other = newErasure('r2', 'u2', 't2', NOW + 1)
    expect(await store.erasures.begin(other)).toEqual(other)
    expect((await store.erasures.open(null, 1)).map(({ receipt }) => receipt)).toEqual([isGood(read) ? 'r1' : 'r2'])
    const named = (await store.erasures.odd(5)).map(({ id }) => id)
    expect(named).toEqual(isGood(read) || !('user' in read) ? [] : ['r1'])
    expect(await store.repos.sweep('', 10, NOW)).toBeNull()
    const again = store.erasures.begin(newErasure('r3', 'u1', 't3', NOW))
    if (read['user'] !== 'u1') expect((await again).receipt).toBe('r3')
    else if (isGood(read)) expect((await again).receipt).toBe('r1')
    else
      await expect(again).rejects.toMatchObject({
        code: 'being_erased',
        message: expect.stringMatching(/cannot be read/),
      })
    expect(await erasures.findOne({ _id: 'r1' as never })).toEqual(read)
    if (!isGood(read)) odd++
  }
  expect(odd).toBeGreaterThan(150)
})

it('removals that cannot be read are none, and the next orders take their place', async () => {
  const removal = { rkey: 'a', cid: 'b' }
  const removals = db.collection('mood-removals')
  for (const value of [...NASTY, ...variants(removal).map((one) => [removal, one])]) {
    await removals.deleteMany({})
    await removals.insertOne({ _id: 'u1' as never, removals: value })
    const found = await store.removals.of('u1')
    const isGood =
      Array.isArray(value) &&
      value.every(
        (one) =>
          isObject(one) &&
          isText(one['rkey']) &&
          /^[\w:.~-]+$/.test(one['rkey'] as string) &&
          isText(one['cid']) &&
          one['cid'] !== '',
      )
    expect([value, found.length]).toEqual([value, isGood ? value.length : 0])
    expect(await store.repos.sweep('', 10, NOW)).toBeNull()
    await store.removals.finish('u1', [])
    await store.removals.add('u1', [{ rkey: 'new', cid: 'c' }])
    expect(await store.removals.of('u1')).toContainEqual({ rkey: 'new', cid: 'c' })
    await removals.updateOne({ _id: 'u1' as never }, { $set: { removals: value } })
    await store.removals.forget('u1')
    expect(await removals.countDocuments()).toBe(0)
  }
})

it('an audit that cannot be read is as none, and the next one takes its place', async () => {
  const counts = { moods: 1, records: 1, synced: 1 }
  const good = { at: NOW, rev: 'r', counts, findings: {} }
  const looked = { at: NOW + 5, rev: 'r2', counts: NO_COUNTS, findings: { stray: 1 }, proof: null } as const
  const look = { kind: 'good', ...looked } as const
  let odd = 0
  const whole = { _id: 'u1', good, failed: null, revision: 3 }
  const shapes = [...variants(whole), ...variants(good).map((one) => withField(whole, 'good', one))]
  for (const document of shapes) {
    await db.collection('mood-audits').deleteMany({})
    await db.collection('mood-audits').insertMany([document, { ...whole, _id: 'u2' as never }] as Document[])
    const known = (await store.audits.of(['u1', 'u2'])).has('u1')
    if (!known) odd++
    expect((await store.audits.page('', 1)).map(({ user }) => user)).toEqual([known ? 'u1' : 'u2'])
    expect((await store.audits.page('', 9)).map(({ user }) => user)).toEqual(known ? ['u1', 'u2'] : ['u2'])
    await store.audits.note('u1', look)
    expect((await store.audits.of(['u1'])).get('u1')?.good).toMatchObject({ at: NOW + 5, findings: { stray: 1 } })
  }
  expect(odd).toBeGreaterThan(150)
})

it('what a relay said that cannot be read is as if it had never been asked', async () => {
  const at = new Date(NOW)
  const whole = { user: 'u1', relay: 'https://r.test', did: 'did:plc:u1', at, standing: 'visible', rev: 'r', dueAt: at }
  const next = { ...whole, at: NOW + 5, standing: 'unknown', rev: null, pdsRev: null, dueAt: NOW + 9 } as const
  let odd = 0
  for (const { _id, ...fields } of variants({ _id: 'https://r.test u1', ...whole })) {
    await db.collection('mood-sightings').deleteMany({})
    await db.collection('mood-sightings').insertOne({ _id: 'https://r.test u1' as never, ...fields })
    if (!(await store.sightings.of(['u1'])).has('u1')) odd++
    await store.sightings.due('https://r.test', NOW, 9)
    await store.sightings.count()
    await store.sightings.note(next)
    expect((await store.sightings.of(['u1'])).get('u1')).toEqual([next])
  }
  expect(odd).toBeGreaterThan(40)
})

it('a budget that cannot be read is unused', async () => {
  const entry = {
    windows: [{ used: 3, endsAt: NOW + 60_000 }],
    blockedUntil: 0,
    failures: 3,
    silentSince: NOW - 5,
    probeAt: NOW + 5,
  }
  const whole = { _id: 'requests http://a.test', entry, revision: 4 }
  const reservation = { limits: [{ max: 10, windowMs: 60_000 }], cost: 2, share: 1, probeMs: 5 }
  const shapes = [...variants(whole), ...variants(entry).map((one) => withField(whole, 'entry', one))]
  for (const document of shapes) {
    const key = whole._id
    await db.collection('mood-ledger').deleteMany({})
    await db.collection('mood-ledger').insertOne(document)
    const failing = await store.ledger.failing(5)
    const known = await store.ledger.get(key)
    if (known === null) expect(failing).toEqual([])
    // Neither forever, nor longer than what is known allows.
    const { waitUntil } = await store.ledger.reserve(key, reservation, NOW)
    expect(waitUntil === null || (known !== null && waitUntil < NOW + 86_400_000 * 2)).toBe(true)
    await store.ledger.block(key, NOW + 9)
    expect(await store.ledger.reserve(key, reservation, NOW)).toMatchObject({ waitUntil: expect.any(Number) })
    await store.ledger.unreachable(key, true, () => 7, NOW)
    await store.ledger.reachable(key)
    expect(await store.ledger.get(key)).toMatchObject({ failures: 0 })
  }
})

it('a worker whose beat cannot be read is none, and the others are seen', async () => {
  const at = new Date(NOW)
  const good = { _id: 'w1', host: 'h', pid: 5, role: 'worker', version: '1', since: at, at, policyVersion: 2 }
  const workers = db.collection('mood-workers')
  let odd = 0
  for (const document of variants(good)) {
    await workers.deleteMany({})
    await workers.insertMany([document, { ...good, _id: 'w2' as never }, { ...good, _id: 7 as never }] as Document[])
    const seen = (await store.workers.all()).map(({ id }) => id)
    expect(seen.at(-1)).toBe('w2')
    if (seen.length === 1) odd++
    await store.workers.beat({
      id: 'w1',
      host: 'h',
      pid: 5,
      role: 'all',
      version: '1',
      since: NOW,
      at: NOW,
      policyVersion: null,
    })
    expect((await store.workers.all()).map(({ id }) => id)).toEqual(['w1', 'w2'])
  }
  expect(odd).toBeGreaterThan(200)
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
      // Each way is tried with every second one.
      for (const document of odd.filter((_odd, i) => (i % 2 === 0) === (by === 'a mark'))) {
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
    180_000,
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
