/** The indexes on databases that others have filled, and that have indexes already. */

import { MongoClient } from 'mongodb'
import { expect, inject, it } from 'vitest'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { openMongo } from '../../src/store/mongo/index.ts'

const { uri } = inject('mongo')!

it('opens a database whose documents hold nothing where its indexes look, or what is of no such type, or lists', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const db = client.db(database)
  const engine = { state: 'local', rkey: null, ordinal: null }
  await db.collection('@handles').insertMany([{ handle: null }, { handle: null }, {}, { handle: 7 }, { handle: 7 }])
  await db.collection('moods').insertMany([
    { user: 'u', atproto: engine },
    { user: 'u', atproto: engine },
    { user: 'u', atproto: [{ state: 'local' }] },
    { user: 'u', atproto: [{ state: 'local' }] },
    { user: 'u', atproto: { state: 'local', rkey: 7, ordinal: 'first' } },
    { user: 'u', atproto: { state: 'local', rkey: 7, ordinal: 'first' } },
    // No index can hold two lists of one document.
    {
      user: ['u'],
      deleted: [1],
      isPrivate: [2],
      when: [3],
      atproto: { state: ['pending', 'local'], hold: [1], dueAt: [4] },
    },
  ])
  await (await openMongo({ uri, database }, ''))[Symbol.asyncDispose]()
  await using store = await openMongo({ uri, database }, '')
  expect((await store.work.count()).states.local).toBeGreaterThan(0)
  expect([await store.accounts.claimHandle('u1', 'same'), await store.accounts.claimHandle('u2', 'same')]).toEqual([
    'claimed',
    'taken',
  ])
  await db.dropDatabase()
})

it('a start that finds all indexes there only lists them', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const db = client.db(database)
  const made = async (): Promise<readonly string[]> => {
    const profiled = await db.collection('system.profile').find({ op: 'command' }).toArray()
    const names = profiled.map(({ command }) => Object.keys(command as object)[0]!)
    return names.filter((name) => /Index/.test(name))
  }
  await db.createCollection('system.profile', { capped: true, size: 16_000_000 })
  await db.command({ profile: 2 })
  await (await openMongo({ uri, database }, ''))[Symbol.asyncDispose]()
  expect(await made()).toContain('createIndexes')
  const before = (await made()).length
  await (await openMongo({ uri, database }, ''))[Symbol.asyncDispose]()
  const after = (await made()).slice(before)
  expect([...new Set(after)]).toEqual(['listIndexes'])
  await db.command({ profile: 0 })
  await db.dropDatabase()
})

it('goes along indexes that the application has made of the same fields, and refuses those that cover less', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const db = client.db(database)
  await db.collection('moods').createIndex({ user: 1, when: -1, _id: -1 })
  await db.collection('users').createIndex({ 'atproto.did': 1 })
  await db.collection('@handles').createIndex({ handle: 1 }, { unique: true })
  await (await openMongo({ uri, database }, ''))[Symbol.asyncDispose]()
  await db.collection('users').dropIndexes()
  await db.collection('users').createIndex({ 'atproto.did': 1 }, { name: 'users_by_did', sparse: true })
  await expect(openMongo({ uri, database }, '')).rejects.toMatchObject({ code: 'config' })
  await db.dropDatabase()
})

it('drops the unique indexes of earlier versions, which covered too much', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const handles = client.db(database).collection('@handles')
  await handles.createIndex({ handle: 1 }, { name: 'handles_by_handle', unique: true })
  await using _ = await openMongo({ uri, database }, '')
  const names = (await handles.indexes()).map(({ name }) => name)
  expect(names.toSorted()).toEqual(['_id_', 'handles_of_users'])
  await client.db(database).dropDatabase()
})

it('says so when existing documents do not allow an index', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const erasures = client.db(database).collection('mood-erasures')
  await erasures.insertMany([{ user: 'u' }, { user: 'u' }])
  await expect(openMongo({ uri, database }, '')).rejects.toMatchObject({ code: 'config' })
  await client.db(database).dropDatabase()
})

it('opens a database in which moods of a user share a number or a record key, and makes both unique once they are not', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const moods = client.db(database).collection<{ _id: string }>('moods')
  const atproto = { state: 'local', rkey: '3laaaaaaaaaaa', ordinal: 1, changedAt: new Date(1) }
  const twins = ['a', 'b', 'c'].map((_id) => ({ _id, user: 'u', mood: _id, when: new Date(1), atproto }))
  await moods.insertMany(twins)
  const names = async (): Promise<readonly unknown[]> => (await moods.indexes()).map(({ name }) => name)
  for (let start = 0; start < 2; start++) {
    await using store = await openMongo({ uri, database }, '')
    expect((await store.moods.history('u', null, 9)).map(({ id }) => id)).toEqual(['a'])
    const odd = (await store.odd.of('u')).map(({ id, field, kind }) => [id, field, kind].join(' '))
    expect(odd.toSorted()).toEqual(['b atproto.rkey shared', 'c atproto.rkey shared'])
    expect(await names()).toEqual(expect.arrayContaining(['moods_keyed_shared', 'moods_keyed_since']))
  }
  await moods.deleteMany({ _id: { $ne: 'a' } })
  await using store = await openMongo({ uri, database }, '')
  expect(await store.odd.of('u')).toEqual([])
  expect((await names()).filter((name) => /_(?:shared|since)$/.test(String(name)))).toEqual([])
  expect(await names()).toEqual(expect.arrayContaining(['moods_keyed', 'moods_numbered']))
  await client.db(database).dropDatabase()
})

it('opens a database in which users share a handle, which is then nobody’s, and cannot be claimed', async () => {
  const database = anyDatabase()
  await using client = await new MongoClient(uri).connect()
  const handles = client.db(database).collection<{ _id: string; handle: string }>('@handles')
  const people = [
    { _id: 'u1', handle: 'same' },
    { _id: 'u2', handle: 'same' },
    { _id: 'u3', handle: 'own' },
  ]
  await handles.insertMany(people)
  for (let start = 0; start < 2; start++) {
    await using store = await openMongo({ uri, database }, '')
    const { accounts } = store
    expect(await accounts.handlesOf(['u1', 'u2', 'u3'])).toEqual(new Map([['u3', 'own']]))
    expect(await accounts.usersOf(['same', 'own'])).toEqual(new Map([['own', 'u3']]))
    expect(await accounts.claimHandle('u4', 'same')).toBe('taken')
    expect(await accounts.claimHandle('u4', 'own')).toBe('taken')
    expect(await handles.find().sort({ _id: 1 }).toArray()).toEqual(people)
  }
  await handles.deleteOne({ _id: 'u2' })
  await using store = await openMongo({ uri, database }, '')
  expect(await store.accounts.handlesOf(['u1'])).toEqual(new Map([['u1', 'same']]))
  const names = (await handles.indexes()).map(({ name }) => name)
  expect(names.toSorted()).toEqual(['_id_', 'handles_of_users'])
  await client.db(database).dropDatabase()
})
