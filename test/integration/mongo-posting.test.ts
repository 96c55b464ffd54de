/** Posts that share their round trips: whatever happens to the group, or to one of it, each is kept and counted for itself. */

import fc from 'fast-check'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { saysTheSame } from '../../src/domain/mood.ts'
import { rkeyFor } from '../../src/domain/record.ts'
import type { NewMood, Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { anyDatabase, dropDatabase, initiate, startMongod } from '../../scripts/support/mongod.ts'
import { temporaryFolder } from '../support/installation.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'

const { uri, program } = inject('mongo')!
const database = anyDatabase()
const cleanup = new AsyncDisposableStack()
let client: MongoClient
let store: Store
let other: Store

beforeAll(async () => {
  client = cleanup.use(await new MongoClient(uri).connect())
  cleanup.defer(() => dropDatabase(uri, database))
  store = cleanup.use(await openMongo({ uri, database }, 'http://pds.test'))
  other = cleanup.use(await openMongo({ uri, database }, 'http://pds.test'))
})
afterAll(() => cleanup.disposeAsync())

const documents = () => client.db(database).collection('moods')

function saying(user: string, text: string): NewMood {
  const mood = aMood({ user, text })
  return { ...unrepeated(mood), repeats: (latest) => saysTheSame(latest, mood) }
}

/** Texts of the user's moods in the order of their numbers, which have no gap. */
async function textsOf(user: string): Promise<string[]> {
  const found = await documents().find({ user }).sort({ 'atproto.ordinal': 1 }).toArray()
  expect(found.map((document) => document['atproto'].ordinal as number)).toEqual(found.map((_, i) => i + 1))
  return found.map((document) => document['mood'] as string)
}

let names = 0
function newUsers(n: number): string[] {
  const group = ++names
  return Array.from({ length: n }, (_, i) => `group-${group}-${i}`)
}

/** One mood each, so that the next one is a usual one. */
async function begun(n: number): Promise<string[]> {
  const users = newUsers(n)
  await Promise.all(users.map((user) => store.moods.add(saying(user, 'first'))))
  return users
}

it('moods of many users that are posted at the same time are read for and inserted in one go', async () => {
  const users = await begun(20)
  await using watched = await new MongoClient(uri).connect()
  const db = watched.db(database)
  // The server has been asked by now how it would look.
  await Promise.all(users.map((user) => store.moods.add(saying(user, 'second'))))
  await db.command({ profile: 2 })
  await Promise.all(users.map((user) => store.moods.add(saying(user, 'third'))))
  await db.command({ profile: 0 })
  const profiled = await db
    .collection('system.profile')
    .find({ ns: `${database}.moods` })
    .toArray()
  expect(profiled.map(({ op, planSummary, ninserted }) => [op, planSummary, ninserted])).toEqual([
    ['command', expect.stringContaining('DISTINCT_SCAN'), undefined],
    ['insert', undefined, 20],
  ])
  expect(profiled[0]!['keysExamined']).toBeLessThan(60)
  for (const user of users) expect(await textsOf(user)).toEqual(['first', 'second', 'third'])
})

it('one that the collection refuses, one that is too large and one whose id is taken fail alone', async () => {
  const users = await begun(6)
  const [odd, large, taken, ...usual] = users as [string, string, string, ...string[]]
  await client.db(database).command({ collMod: 'moods', validator: { mood: { $ne: 'forbidden' } } })
  const known = (await documents().findOne({ user: taken }))!['_id']
  const add = (user: string, text: string) => store.moods.add(saying(user, text))
  const group = [
    add(odd, 'forbidden'),
    store.moods.add(unrepeated(aMood({ user: taken, text: 'other', id: known.toHexString() }))),
    ...usual.map((user) => add(user, 'second')),
  ]
  const settled = await Promise.allSettled(group)
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  const again = await Promise.allSettled([
    add(large, 'x'.repeat(17 * 1024 * 1024)),
    ...usual.map((user) => add(user, 'third')),
  ])
  expect(again.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  await client.db(database).command({ collMod: 'moods', validator: {} })
  for (const user of usual) expect(await textsOf(user)).toEqual(['first', 'second', 'third'])
  for (const user of [odd, large, taken]) expect(await textsOf(user)).toEqual(['first'])
})

it('a record key or a number that another mood has is exchanged for that mood alone', async () => {
  const [one, two, three] = (await begun(3)) as [string, string, string]
  const rkey = (await documents().findOne({ user: one }))!['atproto'].rkey as string
  const clash = aMood({ user: one, text: 'second' })
  const answers = await Promise.all([
    store.moods.add(unrepeated({ ...clash, sync: { ...clash.sync, rkey } })),
    ...[store, other].map(({ moods }) => moods.add(saying(two, 'second'))),
    ...[store, other].map(({ moods }, i) => moods.add(saying(three, `by ${i}`))),
  ])
  expect(answers[0].mood).toMatchObject({ ordinal: 2, sync: { rkey: rkeyFor(clash.when, clash.id, 1) } })
  expect(answers.slice(1, 3).filter(({ added }) => added)).toHaveLength(1)
  expect(await textsOf(two)).toEqual(['first', 'second'])
  expect((await textsOf(three)).toSorted()).toEqual(['by 0', 'by 1', 'first'])
})

it('marks of repos that are there, new and odd are set together', async () => {
  const users = newUsers(9)
  const repos = client.db(database).collection<{ _id: string }>('mood-repos')
  for (const user of users.slice(0, 3)) await store.repos.mark(user, NOW - 1)
  await repos.updateOne({ _id: users[0]! }, { $set: { marks: 'many', leaseUntil: [7] } })
  await repos.insertOne({ _id: users[3]! })
  await Promise.all([...users, ...users].map((user, i) => (i % 2 === 0 ? store : other).repos.mark(user, NOW)))
  const claimed = new Set<string>()
  for (let lease; (lease = await store.repos.claim('w', NOW, NOW + 1000, 0, users));) claimed.add(lease.user)
  expect([...claimed].toSorted()).toEqual(users.toSorted())
})

interface Said {
  readonly id: string
  readonly text: string
  deleted: 'author' | 'nuke' | null
}

interface Post {
  readonly who: 0 | 1 | 2
  readonly text: string
  readonly isOther: boolean
}

/** What three users have said, as it should be, beside the database. */
class Model {
  readonly users = newUsers(3)
  readonly said: Said[][] = [[], [], []]

  /** Posts at the same time, by two processes: in some order, each is compared with the one before it. */
  async post(posts: readonly Post[]): Promise<void> {
    const answers = await Promise.all(
      posts.map(async ({ who, text, isOther }) => {
        const { moods } = isOther ? other : store
        return { who, text, ...(await moods.add(saying(this.users[who]!, text))) }
      }),
    )
    for (const [i, user] of this.users.entries()) {
      const before = this.said[i]!.findLast(({ deleted }) => deleted === null)
      const mine = answers.filter(({ who }) => who === i)
      const added = mine.filter((answer) => answer.added).toSorted((a, b) => a.mood.ordinal - b.mood.ordinal)
      const row = [...(before ? [before.text] : []), ...added.map(({ text }) => text)]
      expect(row.filter((text, k) => k > 0 && text === row[k - 1])).toEqual([])
      const possible = new Set([...(before ? [before.id] : []), ...added.map(({ mood }) => mood.id)])
      for (const { mood, text } of mine) expect([possible.has(mood.id), mood.text]).toEqual([true, text])
      this.said[i]!.push(...added.map(({ mood, text }) => ({ id: mood.id, text, deleted: null })))
      expect(await textsOf(user)).toEqual(this.said[i]!.map(({ text }) => text))
    }
  }

  async change(who: 0 | 1 | 2, from: Said['deleted'], to: Said['deleted'], which?: number): Promise<void> {
    const found = this.said[who]!.filter(({ deleted }) => deleted === from)
    for (const one of which === undefined ? found : found.slice(which).slice(0, 1)) {
      const mood = (await other.moods.byId(one.id))!
      const deleted = to === null ? null : ({ by: to, records: 'withdraw' } as const)
      expect((await other.moods.save([{ ...mood, deleted }], NOW)).size).toBe(1)
      one.deleted = to
    }
  }

  async purge(who: 0 | 1 | 2): Promise<void> {
    expect(await other.moods.purge(this.users[who]!, 1000)).toBe(this.said[who]!.length)
    this.said[who] = []
  }
}

const who = fc.constantFrom(0 as const, 1 as const, 2 as const)
const post = fc.record({ who, text: fc.constantFrom('a', 'b'), isOther: fc.boolean() })
const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(post, { minLength: 1, maxLength: 9 }).map((posts) => (model: Model) => model.post(posts)),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ who, back: fc.integer({ min: -3, max: -1 }) })
      .map((one) => (model: Model) => model.change(one.who, null, 'author', one.back)),
  },
  { weight: 1, arbitrary: who.map((one) => (model: Model) => model.change(one, null, 'nuke')) },
  { weight: 1, arbitrary: who.map((one) => (model: Model) => model.change(one, 'nuke', null)) },
  { weight: 1, arbitrary: who.map((one) => (model: Model) => model.purge(one)) },
)

it('whatever is posted together, deleted, restored and purged by two processes, each mood is the next, and says something new', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 12 }), async (steps) => {
      const model = new Model()
      for (const take of steps) await take(model)
      const last = await Promise.all(model.users.map((user) => store.moods.lastOrdinal(user)))
      expect(last).toEqual(model.said.map(({ length }) => length))
    }),
    { numRuns: 30 },
  )
})

const STEPS = [
  ['aggregate moods', 'asked'],
  ['aggregate moods', 'answered'],
  ['insert moods', 'asked'],
  ['insert moods', 'sent'],
  ['insert moods', 'answered'],
  ['find mood-erasures', 'asked'],
  ['find mood-erasures', 'answered'],
  ['update mood-repos', 'asked'],
  ['update mood-repos', 'sent'],
  ['update mood-repos', 'answered'],
  ['find @handles', 'answered'],
] as const

it('killed at any step, a process has lost no mood that it answered, and the sweep finds the work of all', async () => {
  const users = Array.from({ length: 8 }, (_, i) => `user-${i}`)
  for (const [round, [step, when]] of STEPS.entries()) {
    const args = ['test/support/poster.ts', uri, database, String(users.length), `round ${round}`, step, when]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    await once(child, 'close')
    expect([step, when, child.signalCode]).toEqual([step, when, 'SIGKILL'])
    const answered = printed.trim().split('\n')
    expect(answered.length).toBeGreaterThanOrEqual(users.length)
    const there = await documents().countDocuments({ _id: { $in: answered.map((id) => new ObjectId(id)) } })
    expect(there).toBe(answered.length)
    // As people do who have had no answer: what is there already is not there twice.
    await Promise.all(users.map((user) => store.moods.add(saying(user, `round ${round}`))))
    for (const user of users) {
      const said = STEPS.slice(0, round + 1).flatMap((_, i) => [`round ${i}, the first`, `round ${i}`])
      expect(await textsOf(user)).toEqual(said)
    }
  }
  await client
    .db(database)
    .collection<{ _id: string }>('mood-repos')
    .deleteMany({ _id: { $in: users } })
  for (let after: string | null = ''; after !== null;) after = await store.repos.sweep(after, 100, NOW)
  const claimed = new Set<string>()
  for (let lease; (lease = await store.repos.claim('w', NOW, NOW + 1000, 0, users));) claimed.add(lease.user)
  expect([...claimed].toSorted()).toEqual(users)
}, 120_000)

// Last, since an index that ever held a list remembers that.
it('odd last moods, lists in the place of numbers, and users who have none cost the others nothing', async () => {
  const users = await begun(5)
  const [odd, deleted, , ...usual] = users as [string, string, string, ...string[]]
  const fresh = newUsers(1)[0]!
  await documents().updateOne({ user: odd }, { $set: { when: 'once' } })
  await documents().updateOne({ user: deleted }, { $set: { deleted: true } })
  const list = new ObjectId()
  await documents().insertOne({ _id: list, user: usual[0], atproto: { ordinal: [7, 8] } })
  const before = await Promise.all(
    [odd, deleted, fresh, ...usual].map((user) => store.moods.add(saying(user, 'first'))),
  )
  expect(before.map(({ added }) => added)).toEqual([true, true, true, false, false])
  await documents().deleteOne({ _id: list })
  for (const user of [odd, deleted]) expect(await textsOf(user)).toEqual(['first', 'first'])
})

it.skipIf(program === null)(
  'where a whole group is not kept, each is told “unavailable” (skipped where MONGODB_URI names a server)',
  async () => {
    await using folder = await temporaryFolder()
    const args = ['--setParameter', 'enableTestCommands=1']
    await using server = await startMongod(program!, { dbPath: folder.path, replSet: 'failing', args })
    const address = { uri: await initiate('failing', [server]), database: 'moods' }
    await using failing = await openMongo(address, 'http://pds.test', { socketTimeoutMS: 2_000 })
    await using admin = await new MongoClient(server.uri).connect()
    const users = newUsers(5)
    const postAll = (text: string) =>
      Promise.allSettled(users.map((user) => failing.moods.add(saying(user, text)))).then((answers) =>
        answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.added : answer.reason.code)),
      )
    const fail = (data: object, times: number) =>
      admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times }, data })
    expect(await postAll('first')).toEqual(users.map(() => true))
    const unavailable = users.map(() => 'unavailable')
    const insert = { failCommands: ['insert'] }
    // No majority; the primary steps down, again when the driver tries again; the connection ends, twice; no answer.
    await fail({ ...insert, writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } }, 1)
    expect(await postAll('without a majority')).toEqual(unavailable)
    await fail({ ...insert, errorCode: 10107, errorLabels: ['RetryableWriteError'] }, 2)
    expect(await postAll('without a primary')).toEqual(unavailable)
    await fail({ ...insert, closeConnection: true }, 2)
    expect(await postAll('without a connection')).toEqual(unavailable)
    await fail({ failCommands: ['aggregate', 'find'], errorCode: 91 }, 20)
    expect(await postAll('without look-ups')).toEqual(unavailable)
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })
    // What was kept although nobody was told so is found, and is not there twice.
    expect(await postAll('without a majority')).toEqual(users.map(() => false))
    expect(await postAll('last')).toEqual(users.map(() => true))
    expect(await failing.moods.lastOrdinal(users[0]!)).toBe(3)
  },
)
