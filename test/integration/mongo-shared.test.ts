/** Values that several users have: handles, handles that differ by case alone, DIDs. Judged by counting them in the test. */

import fc from 'fast-check'
import { type Db, type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { checkData } from '../../src/operate/data-check.ts'
import type { Store } from '../../src/ports/store.ts'
import { openMongo } from '../../src/store/mongo/index.ts'
import { NOW } from '../support/moods.ts'

const { uri } = inject('mongo')!
const database = anyDatabase()
const cleanup = new AsyncDisposableStack()
let store: Store
let db: Db

async function fill(users: readonly Document[], handles: readonly Document[]): Promise<void> {
  for (const [name, documents] of Object.entries({ users, '@handles': handles })) {
    await db.collection(name).deleteMany({})
    if (documents.length > 0) await db.collection(name).insertMany([...documents])
  }
}

beforeAll(async () => {
  const client = await new MongoClient(uri).connect()
  cleanup.defer(() => client.close())
  db = client.db(database)
  cleanup.defer(async () => void (await db.dropDatabase()))
  // Where two users have a handle, it cannot be unique from then on.
  await fill([], [twin('u1'), twin('u2')])
  store = cleanup.use(await openMongo({ uri, database }, 'http://pds.test'))
})
afterAll(() => cleanup.disposeAsync())

const twin = (_id: string): Document => ({ _id, handle: 'twin' })

async function check(): Promise<readonly string[]> {
  const { listed } = await checkData(
    { store, clock: { now: () => NOW } },
    { most: Infinity },
    () => {},
    new AbortController().signal,
  )
  return listed.map(({ collection, id, field, kind }) => [collection, id, field, kind].join(' ')).toSorted()
}

const HANDLES: readonly unknown[] = [
  'anna',
  'Anna',
  'ANNA',
  'bob',
  'Bob',
  'carol',
  'é',
  'É',
  '',
  7,
  null,
  ['anna'],
  'x'.repeat(300),
]
const DIDS: readonly unknown[] = [
  'did:plc:one',
  'did:plc:two',
  'did:plc:TWO',
  'did:web:a.test',
  'no DID',
  7,
  null,
  ['did:plc:one'],
]

/** What is odd by itself, by the field alone. */
const ALONE: Readonly<Record<string, (value: unknown) => string | null>> = {
  handle: (value) => {
    if (value === null) return 'missing'
    if (typeof value !== 'string') return 'type'
    return value === '' || value.length > 100 ? 'range' : null
  },
  'atproto.did': (value) => {
    if (value === null) return null
    if (typeof value !== 'string') return 'type'
    return value.startsWith('did:') ? null : 'range'
  },
}

/** ASCII alone: handles on a PDS have nothing else. */
const lower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

function expected(collection: string, field: string, values: readonly unknown[]): string[] {
  return values.flatMap((value, i) => {
    const others = values.filter((other, j): other is string => j !== i && typeof other === 'string')
    const alike =
      typeof value === 'string' && field === 'handle' && others.some((other) => lower(other) === lower(value))
    const shared = typeof value === 'string' && others.includes(value) ? 'shared' : alike ? 'alike' : null
    const kind = ALONE[field]!(value) ?? shared
    return kind === null ? [] : [[collection, `u${i}`, field, kind].join(' ')]
  })
}

it('a check names each user who shares a handle, but for its case, or a DID, once, and nobody else', async () => {
  const some = (values: readonly unknown[]) => fc.array(fc.constantFrom(...values), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(some(HANDLES), some(DIDS), async (handles, dids) => {
      await fill(
        dids.map((did, i) => ({ _id: `u${i}`, atproto: { did } })),
        handles.map((handle, i) => ({ _id: `u${i}`, handle })),
      )
      const all = [...expected('users', 'atproto.did', dids), ...expected('@handles', 'handle', handles)]
      expect(await check()).toEqual(all.toSorted())
    }),
    { numRuns: 40 },
  )
}, 60_000)

it('thousands who share one are all named', async () => {
  const users = Array.from({ length: 5_000 }, (_, i) => ({ _id: `u${i}`, atproto: { did: 'did:plc:one' } }))
  await fill(users, [])
  const named = await check()
  expect([named.length, new Set(named).size]).toEqual([5_000, 5_000])
  await fill([], [])
  expect(await check()).toEqual([])
})

it('all are named where more values are shared than the server is told one by one', async () => {
  const shared = 5_001
  const handles = Array.from({ length: 2 * shared }, (_, i) => {
    return { _id: `u${i}`, handle: `${i % 2 === 0 ? 'Person' : 'person'}-${Math.floor(i / 2)}` }
  })
  await fill([], handles)
  expect(new Set(await check()).size).toBe(2 * shared)
})
