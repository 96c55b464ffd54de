/**
 * Bytes that are no UTF-8, in every collection but that of the moods: every command comes to its end, what others wrote stays as
 * it is byte for byte, what is read of it is named, and good moods are published as if it were not there.
 */

import { BSON, type Db, type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { breakingUtf8 } from '../support/odd.ts'
import { runMoods } from '../support/process.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const database = anyDatabase()
const cleanup = new AsyncDisposableStack()
let db: Db
/** The same, where `@@@` becomes bytes that are no UTF-8. */
let broken: Db
let site: Site

const at = new Date('2026-01-02T03:04:05Z')
const did = (n: number): string => `did:plc:${String(n).padStart(24, 'a')}`
const error = { code: 'X', message: 'why', at: at.getTime() }
const repo = {
  dueAt: at,
  marks: 1,
  failures: 0,
  uncertain: false,
  quarantineUntil: at,
  destructive: false,
  leaseUntil: at,
}
const erasure = { tombstone: 't', requestedAt: at, done: {}, version: 1 }
const good = { at: at.getTime(), counts: {}, findings: {} }
const entry = { windows: [], blockedUntil: 0, failures: 2 }
const sighting = { relay: 'https://relay.example', did: did(1), at, standing: 'visible', dueAt: at }
const worker = { role: 'worker', host: 'h', pid: 1, version: '1', since: at, at }

/** What is inserted, by collection, and the field that is named as odd; null where nothing of it is read, or only shown. */
const DOCUMENTS: Readonly<Record<string, readonly (readonly [string | null, Document])[]>> = {
  users: [
    ['_id', { _id: 'user @@@', atproto: { did: did(1) } }],
    ['atproto.did', { _id: 'did', atproto: { did: 'did:plc:@@@' } }],
    ['atproto.pds', { _id: 'pds', atproto: { did: did(2), pds: 'http://127.0.0.1/@@@' } }],
    ['atproto.handle', { _id: 'pds handle', atproto: { did: did(3), handle: '@@@.test' } }],
    ['atproto.password', { _id: 'password', atproto: { did: did(4), handle: 'p.test', password: 'p@@@' } }],
    ['atproto.sealed', { _id: 'sealed', atproto: { did: did(5), sealed: '@@@' } }],
    ['atproto.state', { _id: 'state', atproto: { did: did(6), state: '@@@' } }],
    ['atproto.error.code', { _id: 'code', atproto: { state: 'needs_attention', error: { ...error, code: '@@@' } } }],
    [null, { _id: 'message', atproto: { state: 'needs_attention', error: { ...error, message: '@@@' }, version: 3 } }],
    [null, { _id: 'other', name: '@@@', more: { deep: ['@@@'] } }],
  ],
  '@handles': [
    ['_id', { _id: 'handle of @@@', handle: 'x' }],
    ['handle', { _id: 'did', handle: 'a@@@' }],
    [null, { _id: 'other', handle: 'other', note: '@@@' }],
  ],
  'mood-repos': [
    ['_id', { _id: 'repo @@@', ...repo }],
    [null, { _id: 'did', ...repo, leaseToken: 't', leaseOwner: '@@@' }],
  ],
  'mood-intents': [
    ['_id', { _id: 'intent @@@', kind: 'nuke', records: 'keep', through: 1 }],
    ['kind', { _id: 'did', kind: '@@@', records: 'keep', through: 1 }],
  ],
  'mood-erasures': [
    ['_id', { _id: 'receipt @@@', user: 'nobody', ...erasure }],
    ['user', { _id: 'receipt', user: 'u@@@', ...erasure }],
    ['tombstone', { _id: 'receipt 2', user: 'nobody 2', ...erasure, tombstone: '@@@' }],
  ],
  'mood-removals': [
    ['_id', { _id: 'removals @@@', removals: [{ rkey: '3laaaaaaaaaaa', cid: 'c' }] }],
    ['removals.0.rkey', { _id: 'did', removals: [{ rkey: '@@@', cid: 'c' }] }],
  ],
  'mood-audits': [['_id', { _id: 'audit @@@', good, failed: null, revision: 1 }]],
  'mood-sightings': [
    ['_id', { _id: 'https://relay.example @@@', ...sighting, user: 'u' }],
    ['user', { _id: 'https://relay.example did', ...sighting, user: '@@@' }],
  ],
  'mood-ledger': [['_id', { _id: 'requests http://@@@', entry, revision: 1 }]],
  'mood-workers': [
    ['_id', { _id: 'worker @@@', ...worker }],
    [null, { _id: 'worker', ...worker, host: '@@@' }],
  ],
  'mood-mends': [[null, { _id: 'mend @@@', collection: 'm@@@', id: '@@@', user: '@@@', fields: '@@@', at: '@@@' }]],
  'mood-checks': [[null, { _id: 'check @@@', last: '@@@', claim: { owner: '@@@' } }]],
}

/** What others write, and what operators order, and no command may change. */
const KEPT = ['users', '@handles', 'mood-intents', 'mood-erasures', 'mood-removals', 'mood-mends'] as const

/** Users and handles that can be read: they may be changed, and what is not ours in them stays. */
const READABLE = new Set(['alice', 'other'])
/** The words of an error are the engine's own. */
const OURS = 'message'

/** The bytes of all documents that hold some that are no UTF-8; of those that may be changed, how many such there are. */
async function bytes(): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of KEPT) {
    const raw = (await db.collection(name).find({}, { raw: true }).toArray()) as unknown as Buffer[]
    for (const each of raw) {
      const id = String(BSON.deserialize(each, { validation: { utf8: false } })['_id'])
      const many = each.toString('hex').split('eda0bd').length - 1
      if (many > 0 && id !== OURS) found.push(`${name} ${id} ${READABLE.has(id) ? many : each.toString('hex')}`)
    }
  }
  return found.toSorted()
}

beforeAll(async () => {
  const { hostname, port } = new URL(uri)
  const way = cleanup.use(await breakingUtf8({ host: hostname, port: Number(port) }))
  const client = cleanup.use(await new MongoClient(uri).connect())
  const breaking = cleanup.use(
    await new MongoClient(`mongodb://127.0.0.1:${way.port}/?directConnection=true`).connect(),
  )
  db = client.db(database)
  broken = breaking.db(database)
  cleanup.defer(async () => void (await db.dropDatabase()))
  site = cleanup.use(await createSite({ MONGODB_URI: uri, MONGODB_NAME: database }))
  await site.pds.up()
  await site.app.accounts.signUp('alice', 'alice')
  for (const mood of ['one', 'two']) await site.app.moods.post('alice', { mood })
  await site.app.engine.drain()
  for (const [name, documents] of Object.entries(DOCUMENTS)) {
    await broken.collection(name).insertMany(documents.map(([, document]) => document))
  }
  for (const name of ['users', '@handles']) {
    await broken.collection(name).updateOne({ _id: 'alice' as never }, { $set: { note: '@@@' } })
  }
  await broken.collection('mood-switches').updateOne({}, { $set: { reason: 'because @@@' } })
  const users = ['did', 'password', 'state', 'sealed', 'other']
  await db.collection('moods').insertMany(users.map((user) => ({ user, mood: `of ${user}`, when: at })))
}, 60_000)
afterAll(() => cleanup.disposeAsync())

const COMMANDS = [
  'doctor',
  'status',
  'federation',
  'accounts list',
  'accounts list --without',
  'accounts check',
  'report',
  'show @alice',
  'show password',
  'audit --all',
  'repair --execute',
  'accounts seal --execute',
  'accounts provision --execute',
  'backfill --execute',
  'retry --execute',
  'data mend --execute',
  'data mend --undo --execute',
  'erase --open',
  'erase --tombstones',
]

it('every command comes to its end, and changes nothing of it', async () => {
  const before = await bytes()
  expect(before.length).toBeGreaterThan(15)
  for (const line of COMMANDS) {
    const { code, stdout, stderr } = await runMoods(line.split(' '), site.env)
    expect([line, code, stdout, stderr]).toEqual([
      line,
      expect.toBeOneOf([0, 1, 3]),
      expect.any(String),
      expect.not.stringMatching(/Error\b/),
    ])
    expect([line, await bytes()]).toEqual([line, before])
  }
}, 240_000)

it('posts are published beside it, and its bytes stay in the documents that are changed', async () => {
  await site.app.moods.post('alice', { mood: 'three' })
  await site.app.engine.drain()
  const { did: repoOf } = (await site.app.store.accounts.byUser('alice'))!
  const records = await listRecords(site.app.pdsUrl, repoOf!)
  expect(records.map(({ value }) => value['text']).toSorted()).toEqual(['one', 'three', 'two'])
  const raw = (await db.collection('users').findOne({ _id: 'alice' as never }, { raw: true })) as unknown as Buffer
  expect(raw.includes(Buffer.from([0xed, 0xa0, 0xbd]))).toBe(true)
})

it('a check names each document of which such bytes are read', async () => {
  for (const name of ['mood-repos', 'mood-audits', 'mood-ledger', 'mood-workers']) {
    await db.collection(name).deleteMany({})
    await broken.collection(name).insertMany(DOCUMENTS[name]!.map(([, document]) => document))
  }
  const { stdout } = await runMoods(['data', 'check', '--list', '--json'], site.env)
  const { oddities } = JSON.parse(stdout) as { oddities: readonly { collection: string; id: string; field: string }[] }
  const expected = Object.entries(DOCUMENTS).flatMap(([collection, documents]) =>
    documents.flatMap(([field, { _id }]) => {
      const read = BSON.deserialize(BSON.serialize({ _id: String(_id).replace('@@@', '\uFFFD\uFFFD\uFFFD') }))[
        '_id'
      ] as string
      return field === null ? [] : [`${collection} ${read} ${field}`]
    }),
  )
  expect(oddities.map(({ collection, id, field }) => `${collection} ${id} ${field}`).toSorted()).toEqual(
    expected.toSorted(),
  )
})
