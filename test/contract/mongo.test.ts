import { MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { newAccount, opened } from '../../src/domain/account.ts'
import { newErasure } from '../../src/domain/erasure.ts'
import { objectId } from '../../src/domain/mood.ts'
import { forgotten, held, published } from '../../src/domain/sync.ts'
import type { Store } from '../../src/ports/store.ts'
import { type MoodDocument, toDocument } from '../../src/store/mongo/documents.ts'
import type { RemovalsDocument } from '../../src/store/mongo/removals.ts'
import type { RepoDocument } from '../../src/store/mongo/repo-documents.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { temporaryFolder } from '../support/installation.ts'
import { anyDatabase, dropDatabase, type Mongod, startMongod } from '../../scripts/support/mongod.ts'
import { OLD_AUDITS, OLD_AUDITS_READ } from '../support/audits.ts'
import { aMood, FIRST, NOW, unrepeated } from '../support/moods.ts'
import { describeStore, type TestDatabase } from './store.ts'
import { aWorker } from './workers.ts'

const { uri, program } = inject('mongo')!

async function openEmpty(at: string): Promise<Store> {
  const database = anyDatabase()
  const store = await openMongo({ uri: at, database }, 'http://pds.test')
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await dropDatabase(at, database)
    },
  }
}

async function openDatabase(at: string, tellsOfMarks: boolean): Promise<TestDatabase> {
  const database = anyDatabase()
  const client = await new MongoClient(at).connect()
  return {
    tellsOfMarks,
    connect: () => openMongo({ uri: at, database }, 'http://pds.test'),
    async clear() {
      const collections = await client.db(database).collections()
      await Promise.all(collections.map((collection) => collection.deleteMany({})))
    },
    async spoil(id) {
      const moods = client.db(database).collection('moods')
      await moods.updateOne({ _id: new ObjectId(id) }, { $set: { isPrivate: [7] } })
    },
    async [Symbol.asyncDispose]() {
      await client.db(database).dropDatabase()
      await client.close()
    },
  }
}

describeStore('mongodb, a replica set', () => openDatabase(uri, true))

describe.skipIf(program === null)(
  'a server of its own (skipped where MONGODB_URI names one that cannot be stopped)',
  () => {
    let server: Mongod
    const cleanup = new AsyncDisposableStack()

    beforeAll(async () => {
      const folder = cleanup.use(await temporaryFolder())
      server = cleanup.use(await startMongod(program!, { dbPath: `${folder.path}/standalone` }))
    })
    afterAll(() => cleanup.disposeAsync())

    describeStore('mongodb, standalone', () => openDatabase(server.uri, false))

    it('that does not say which key was taken, as Azure Cosmos DB does not, has posts and edits tried with other ones', async () => {
      await using folder = await temporaryFolder()
      const args = ['--setParameter', 'enableTestCommands=1']
      await using vague = await startMongod(program!, { dbPath: `${folder.path}/vague`, args })
      await using store = await openEmpty(vague.uri)
      await using client = await new MongoClient(vague.uri).connect()
      const refuse = (command: string, times: number) => {
        const errorExtraInfo = { keyPattern: {}, keyValue: {} }
        const data = { failCommands: [command], errorCode: 11000, errorExtraInfo }
        return client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times }, data })
      }
      await refuse('insert', 2)
      const { mood, added } = await store.moods.add(unrepeated(aMood()))
      // The number may have been what was taken, so another is tried as well.
      expect([added, mood.ordinal]).toEqual([true, 2])
      await refuse('update', 1)
      expect(await store.moods.save([mood], NOW)).toEqual(new Set())
      expect(await store.moods.save([mood], NOW)).toEqual(new Set([mood.id]))
      await refuse('insert', 1000)
      await expect(store.moods.add(unrepeated(aMood()))).rejects.toMatchObject({ code: 11000 })
      await expect(store.erasures.begin(newErasure('receipt', 'u1', 'tombstone', NOW))).rejects.toMatchObject({
        code: 11000,
      })
    })

    it('says “unavailable” when it is gone, and goes on when it is back', async () => {
      await using folder = await temporaryFolder()
      const dbPath = `${folder.path}/mongo`
      const first = await startMongod(program!, { dbPath })
      const options = { serverSelectionTimeoutMS: 300 }
      const database = anyDatabase()
      await using store = await openMongo({ uri: first.uri, database }, 'http://pds.test', options)
      const { mood } = await store.moods.add(unrepeated(aMood()))
      await first[Symbol.asyncDispose]()
      const gone = expect.objectContaining({ code: 'unavailable' })
      await expect(store.moods.byId(mood.id)).rejects.toEqual(gone)
      await expect(store.moods.add(unrepeated(aMood()))).rejects.toEqual(gone)
      await expect(store.repos.claim('w', NOW, NOW + 1, 0)).rejects.toEqual(gone)
      await expect(store.check()).rejects.toEqual(gone)
      await using again = await startMongod(program!, { dbPath, port: first.port })
      expect(again.port).toBe(first.port)
      expect((await store.moods.byId(mood.id))?.id).toBe(mood.id)
      await expect(openMongo({ uri: 'mongodb://127.0.0.1:1/', database }, 'http://pds.test', options)).rejects.toEqual(
        gone,
      )
    })

    it('has no change streams, and nothing comes of listening', async () => {
      await using store = await openEmpty(server.uri)
      let woken = 0
      using listening = store.repos.listen(() => woken++)
      expect(listening).toBeDefined()
      await store.repos.mark('u1', NOW)
      expect(woken).toBe(0)
    })
  },
)

describe('mongodb', () => {
  it('a document whose removals are all finished is no work, and no item', async () => {
    await using database = await openDatabase(uri, true)
    await using store = await database.connect()
    const { name } = store
    await using client = await new MongoClient(uri).connect()
    // As a crash leaves it, between taking out the last one and deleting the document.
    const removals = client.db(name.replace('mongodb:', '')).collection<RemovalsDocument>('mood-removals')
    await removals.insertOne({ _id: 'u1', removals: [] })
    expect(await store.repos.sweep('', 9, NOW)).toBeNull()
    expect(await store.repos.claim('w', NOW, NOW + 1, 0)).toBeNull()
    expect(await store.archive.page('removals', '', 9)).toEqual([])
    expect(await store.archive.count('removals')).toBe(0)
  })

  it('takes the last change of a published mood for its first publication where an earlier version has not noted that', async () => {
    const database = anyDatabase()
    await using store = await openMongo({ uri, database }, 'http://pds.test')
    await using client = await new MongoClient(uri).connect()
    const { mood } = await store.moods.add(unrepeated(aMood()))
    await store.work.settle([{ id: mood.id, version: 1, next: published(mood.sync, 'at://x', 'cid', FIRST) }], NOW + 7)
    const moods = client.db(database).collection('moods')
    await moods.updateOne({}, { $unset: { 'atproto.firstPublished': '' } })
    const older = (await store.moods.byId(mood.id))!
    expect(older.sync.firstPublished).toEqual({ at: NOW + 7, direct: true })
    await store.moods.save([{ ...older, sync: forgotten(older.sync) }], NOW + 9)
    expect((await store.moods.byId(mood.id))!.sync).toMatchObject({ state: 'local', firstPublished: { at: NOW + 7 } })
    await client.db(database).dropDatabase()
  })

  it('reads audits as earlier versions stored them, and adds to them', async () => {
    const database = anyDatabase()
    await using store = await openMongo({ uri, database }, 'http://pds.test')
    await using client = await new MongoClient(uri).connect()
    const audits = client.db(database).collection('mood-audits')
    for (const { user, ...audit } of OLD_AUDITS) await audits.insertOne({ _id: user as never, ...audit })
    expect(await store.audits.page('', 9)).toEqual(OLD_AUDITS_READ)
    await store.audits.note('u1', { kind: 'failed', at: NOW + 1, code: 'X' })
    expect(await store.audits.page('', 1)).toMatchObject([
      { good: OLD_AUDITS_READ[0]!.good, failed: { since: NOW + 1 } },
    ])
    await client.db(database).dropDatabase()
  })

  it('refuses an address that is none, without repeating it', async () => {
    const address = { uri: 'mongodb://user:secret@', database: 'x' }
    const error: unknown = await openMongo(address, '').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'config' })
    expect((error as Error).message).not.toContain('secret')
  })
})

const MOODS = 100_000
const USERS = 500
/** Of one user alone, all due. */
const BACKLOG = 30_000
const WAITING_REPOS = 20_000

interface Profiled {
  readonly ns: string
  readonly op: string
  readonly planSummary?: string
  readonly docsExamined?: number
  readonly keysExamined?: number
  readonly command: Record<string, unknown>
}

describe('with 100,000 moods', () => {
  const database = anyDatabase()
  const cleanup = new AsyncDisposableStack()
  let client: MongoClient
  let store: Store

  beforeAll(async () => {
    client = await new MongoClient(uri).connect()
    cleanup.defer(() => client.close())
    cleanup.defer(() => dropDatabase(uri, database))
    store = cleanup.use(await openMongo({ uri, database }, 'http://pds.test'))
    const documents = Array.from({ length: MOODS }, (_, i) => {
      const user = i < BACKLOG ? 'backlog' : `user-${i % USERS}`
      const id = objectId(NOW + i, 'cccccccccc', i)
      const mood = aMood({ id, user, ordinal: i + 1, when: NOW + i, text: `mood ${i}` })
      if (i < BACKLOG) return toDocument(mood)
      const sync = i % 10 === 0 ? held(mood.sync, 'no_account') : published(mood.sync, 'at://x', 'cid', FIRST)
      return toDocument({ ...mood, sync })
    })
    const db = client.db(database)
    for (let i = 0; i < MOODS; i += 10_000)
      await db.collection<MoodDocument>('moods').insertMany(documents.slice(i, i + 10_000))
    const later = new Date(NOW + 3_600_000)
    const epoch = new Date(0)
    await db.collection<RepoDocument>('mood-repos').insertMany(
      Array.from({ length: WAITING_REPOS }, (_, i) => {
        const rest = {
          uncertain: false,
          quarantineUntil: epoch,
          destructive: false,
          leaseToken: null,
          leaseOwner: null,
        }
        return { _id: `waiting-${i}`, dueAt: later, dueSetAt: epoch, marks: 1, failures: 3, leaseUntil: epoch, ...rest }
      }),
    )
  }, 120_000)
  afterAll(() => cleanup.disposeAsync())

  async function everyQuery(): Promise<void> {
    const { moods, work, accounts, repos, intents, erasures, ledger, workers } = store
    const user = 'user-7'
    const { mood } = await moods.add(unrepeated(aMood({ user, when: NOW + MOODS })))
    await moods.add({ ...unrepeated(aMood({ user })), repeats: () => true })
    await moods.lastOrdinal(user)
    await moods.byId(mood.id)
    for (const users of [null, [user, 'backlog']]) {
      const page = await moods.feed({ users, viewer: user, limit: 50, after: null })
      const last = page.at(-1)!
      await moods.feed({ users, viewer: user, limit: 50, after: { when: last.when, id: last.id } })
    }
    await moods.changes({ changedAt: NOW + MOODS - 10, id: mood.id }, 100)
    await moods.save([{ ...mood, isPrivate: true }], NOW)
    await moods.ofUser(user, 'undeleted', 1e9, null, 100)
    await moods.ofUser(user, 'nuked', 1e9, null, 100)
    await work.due('backlog', NOW + MOODS, 200)
    await work.nextDue('backlog')
    const stored = (await moods.byId(mood.id))!
    await work.settle([{ id: mood.id, version: stored.version, next: held(stored.sync, 'private') }], NOW)
    await work.settle([{ id: mood.id, version: 99, next: held(stored.sync, 'private') }], NOW)
    for (const after of ['', mood.id]) {
      await work.held(user, 'no_account', after, 50)
      await work.rejected('InvalidRequest', after, 50)
      await work.rejected(null, after, 50)
    }
    await work.oldestPending(200)
    await work.count()
    await accounts.claimHandle(user, 'seven')
    await accounts.handlesOf([user])
    await accounts.usersOf(['seven'])
    const account = await accounts.add(newAccount(user, 'seven'))
    await accounts.save({
      ...opened(account, 'did:plc:seven', 'http://pds', 'session'),
      credentials: { kind: 'sealed', sealed: 's' },
    })
    await accounts.byDid('did:plc:seven')
    await accounts.sealed(50)
    await accounts.needingAttention('X', '', 50)
    await accounts.needingAttention(null, user, 50)
    await accounts.count()
    await repos.mark('backlog', NOW)
    const lease = (await repos.claim('w', NOW, NOW + 100, 1000))!
    await repos.get('backlog')
    await repos.noteDestructive(lease)
    await repos.renew(lease, NOW + 200)
    await repos.release(lease, { dueAt: null, uncertain: false, quarantine: lease.quarantine, failures: 0 }, NOW)
    await repos.sweep('', 100, NOW)
    await repos.held('no_account', '', 100)
    await intents.begin({ user, kind: 'nuke', records: 'keep', through: 1 })
    await intents.begin({ user, kind: 'nuke', records: 'keep', through: 2 })
    await intents.finish(user)
    const job = await erasures.begin(newErasure('receipt', user, 'tombstone', NOW))
    await erasures.byUser(user)
    for (const after of [null, { requestedAt: NOW - 1, receipt: '' }]) {
      expect(await erasures.open(after, 50)).toEqual([job])
    }
    await erasures.save({ ...job, user: null })
    expect(await erasures.open({ requestedAt: NOW - 1, receipt: '' }, 50)).toEqual([])
    await ledger.block('key', NOW)
    await ledger.get('key')
    await ledger.failing(50)
    await workers.beat(aWorker('w'))
    await workers.forget('w')
    await ledger.forget('key')
    await moods.purge('user-8', 50)
    await moods.purgeMoods([mood])
    await accounts.forget(user)
    await repos.forget(user)
  }

  it('every query goes along an index, and looks at no more than it gives', async () => {
    const db = client.db(database)
    await db.command({ profile: 2 })
    await everyQuery()
    await db.command({ profile: 0 })
    const profiled = await db.collection<Profiled>('system.profile').find({ 'command.explain': null }).toArray()
    const ours = profiled.filter(({ ns }) => !ns.endsWith('system.profile'))
    expect(ours.length).toBeGreaterThan(50)
    const scans = ours.filter(({ planSummary }) => planSummary?.includes('COLLSCAN'))
    expect(scans.map(({ command }) => JSON.stringify(command))).toEqual([])
    // Counting looks at every key of an index; nothing else looks at more than a few pages.
    const wasteful = ours.filter(({ op, command, docsExamined = 0, keysExamined = 0 }) => {
      const counts = op === 'command' && 'aggregate' in command
      return docsExamined > 1_000 || (!counts && keysExamined > 1_000)
    })
    expect(wasteful.map(({ command, docsExamined }) => `${docsExamined} ${JSON.stringify(command)}`)).toEqual([])
  })
})
