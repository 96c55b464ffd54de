/** From a post to its record, end to end, against the real PDS. */

import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { FEDERATE_ALL } from '../../src/domain/policy.ts'
import { desiredRecord } from '../../src/domain/record.ts'
import { initial } from '../../src/domain/sync.ts'
import { startApp, temporaryFolder, Visitor } from '../support/installation.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'
import { commitsOf, eventually, listRecords, makeForeignAccount } from '../support/repo.ts'

async function didOf(app: App, handle: string): Promise<string> {
  const user = await app.accounts.userOf(handle)
  const did = user && (await app.store.accounts.byUser(user))?.did
  if (!did) throw new Error(`@${handle} has no account`)
  return did
}

describe('publishing', () => {
  it('a posted mood becomes a record in the user’s own repo, with the CID computed before sending', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const alice = await new Visitor(app.address).as('alice')
    await app.engine.drain()
    const posted = await alice.post('  fine, thanks 🌊 ', { intensity: 7, context: 'by the sea' })
    expect(posted).toMatchObject({
      mood: 'fine, thanks 🌊',
      handle: 'alice',
      atproto: { synced: false, state: 'pending' },
    })

    const user = (await app.accounts.userOf('alice'))!
    const desired = desiredRecord(
      (await app.store.moods.byId(posted.id))!,
      await app.store.accounts.byUser(user),
      FEDERATE_ALL,
    )
    await app.engine.drain()

    const records = await listRecords(app.pdsUrl, await didOf(app, 'alice'))
    expect(records).toEqual([
      {
        uri: expect.stringMatching(/^at:\/\/did:plc:.*\/computer\.aesthetic\.mood\//),
        cid: desired.kind === 'record' && desired.cid,
        value: {
          $type: 'computer.aesthetic.mood',
          text: 'fine, thanks 🌊',
          createdAt: posted.when,
          intensity: 7,
          context: 'by the sea',
          mongoId: posted.id,
        },
      },
    ])
    const { uri, cid } = records[0]!
    expect((await alice.mood(posted.id)).atproto).toEqual({
      synced: true,
      state: 'published',
      uri,
      cid,
      reason: expect.any(String),
    })
    expect((await alice.send(`/api/mood/${posted.id}/record`)).body).toEqual(records[0])
  })

  it('fifty racing posts of one text are one mood', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path)
    const alice = await new Visitor(app.address).as('alice')
    const posted = await Promise.all(Array.from({ length: 50 }, () => alice.post('again')))
    expect(new Set(posted.map((mood) => mood.id)).size).toBe(1)
    const id = posted[0]!.id
    await eventually('published', async () => (await alice.mood(id)).atproto.synced)
    expect(await listRecords(app.pdsUrl, await didOf(app, 'alice'))).toHaveLength(1)
    expect((await alice.post('again')).id).toBe(id)
    expect((await alice.post('again', { isPrivate: true })).id).not.toBe(id)
    const other = await alice.post('else')
    expect((await alice.post('again')).id).not.toBe(id)
    expect(other.id).not.toBe(id)
  })

  it('fifty racing posts of different texts are fifty moods', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path)
    const alice = await new Visitor(app.address).as('alice')
    const posted = await Promise.all(Array.from({ length: 50 }, (_, i) => alice.post(`mood ${i}`)))
    expect(new Set(posted.map((mood) => mood.id)).size).toBe(50)
    await eventually('published', async () => (await app.store.work.count()).states.published === 50)
    const records = await listRecords(app.pdsUrl, await didOf(app, 'alice'))
    expect(new Set(records.map((record) => record.value['mongoId']))).toEqual(new Set(posted.map((mood) => mood.id)))
  })

  it('moods that wait together are published in one commit, once', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const alice = await new Visitor(app.address).as('alice')
    await app.engine.drain()
    const before = commitsOf(folder.path, await didOf(app, 'alice'))
    for (let i = 0; i < 5; i++) await alice.post(`mood ${i}`)
    await app.engine.drain()
    expect((await app.store.work.count()).states.published).toBe(5)
    await app.engine.drain()
    expect(commitsOf(folder.path, await didOf(app, 'alice'))).toBe(before + 1)
  })

  it('a private mood is never sent anywhere', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const alice = await new Visitor(app.address).as('alice')
    const secret = await alice.post('between us', { isPrivate: true })
    await alice.post('for all')
    await app.engine.drain()
    expect(secret.atproto).toMatchObject({ synced: false, state: 'local' })
    const records = await listRecords(app.pdsUrl, await didOf(app, 'alice'))
    expect(records.map((record) => record.value['text'])).toEqual(['for all'])
    expect((await alice.mood(secret.id)).atproto.state).toBe('local')
  })

  it('a user without an account can post, and the mood is published once there is one', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const alice = await new Visitor(app.address).as('alice', { signUp: false })
    const posted = await alice.post('no account yet')
    await app.engine.drain()
    expect((await alice.mood(posted.id)).atproto).toMatchObject({ synced: false, state: 'local' })
    const signedUp = await alice.send('/api/signup', { handle: 'alice' })
    expect(signedUp.body).toMatchObject({ handle: 'alice', account: { state: 'pending' } })
    await app.engine.drain()
    expect((await alice.mood(posted.id)).atproto.synced).toBe(true)
    expect((await alice.send('/api/me')).body).toMatchObject({ account: { state: 'ready', handle: 'alice.test' } })
  })

  it('a record key that another mood of the user has is salted', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const { store } = app
    // Another mood takes the key just before this one is saved.
    const add = store.moods.add.bind(store.moods)
    let wanted = ''
    store.moods.add = async (mood) => {
      store.moods.add = add
      wanted = mood.numbered(1, 0).sync.rkey
      await add(unrepeated(aMood({ user: mood.user, text: 'first', sync: initial(wanted, false, NOW) })))
      return add(mood)
    }
    const alice = await new Visitor(app.address).as('alice')
    const posted = await alice.post('second')
    const { rkey } = (await store.moods.byId(posted.id))!.sync
    expect(rkey).not.toBe(wanted)
    expect(rkey.slice(0, 8)).toBe(wanted.slice(0, 8))
    await app.engine.drain()
    const texts = (await listRecords(app.pdsUrl, await didOf(app, 'alice'))).map((record) => record.value['text'])
    expect(texts.toSorted()).toEqual(['first', 'second'])
  })
})

describe('accounts', () => {
  it('an account made just before a crash is found again by logging in', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await new Visitor(app.address).as('alice')
    await app.engine.drain()
    const user = (await app.accounts.userOf('alice'))!
    const made = (await app.store.accounts.byUser(user))!
    // As if the answer of createAccount had never been kept: name and password are there, the DID is not.
    await app.store.accounts.save({ ...made, state: 'pending', did: null, pds: null, sealedSession: null })
    await app.engine.drain()
    const found = (await app.store.accounts.byUser(user))!
    expect(found).toMatchObject({ state: 'ready', did: made.did, pdsHandle: 'alice.test' })
  })

  it('an account gets another name where the PDS reserves the handle or another account has it', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const { pdsAdminPassword } = new DataFolder(folder.path).secrets()
    await makeForeignAccount(app.pdsUrl, pdsAdminPassword, 'bob.test')
    for (const handle of ['admin', 'bob']) await new Visitor(app.address).as(handle)
    await app.engine.drain()
    for (const handle of ['admin', 'bob']) {
      const account = await app.store.accounts.byUser((await app.accounts.userOf(handle))!)
      expect(account?.state).toBe('ready')
      expect(account?.pdsHandle).toMatch(new RegExp(`^${handle}-[0-9a-f]{4}\\.test$`))
    }
  })

  it('passwords and tokens of accounts are stored sealed', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await new Visitor(app.address).as('alice')
    await app.engine.drain()
    const account = (await app.store.accounts.byUser((await app.accounts.userOf('alice'))!))!
    expect(account.credentials).toMatchObject({ kind: 'sealed', sealed: expect.stringMatching(/^eyJ[\w-]+\.\./) })
    expect(account.sealedSession).toMatch(/^eyJ[\w-]+\.\./)
    expect(account.sealedSession).not.toContain('accessJwt')
  })
})

describe('restart', () => {
  it('a restart keeps accounts, DIDs, moods and records, and needs no login', async () => {
    await using folder = await temporaryFolder()
    let did: string
    let id: string
    let address: string
    let session: string | null
    {
      await using app = await startApp(folder.path)
      const alice = await new Visitor(app.address).as('alice')
      id = (await alice.post('before')).id
      await eventually('published', async () => (await alice.mood(id)).atproto.synced)
      did = await didOf(app, 'alice')
      address = app.pdsUrl
      session = (await app.store.accounts.byDid(did))!.sealedSession
    }
    await using app = await startApp(folder.path)
    expect(app.pdsUrl).toBe(address)
    const alice = await new Visitor(app.address).as('alice')
    expect((await alice.mood(id)).atproto.synced).toBe(true)
    const second = await alice.post('after')
    await eventually('published', async () => (await alice.mood(second.id)).atproto.synced)
    expect(await didOf(app, 'alice')).toBe(did)
    expect((await listRecords(app.pdsUrl, did)).map((record) => record.value['text'])).toEqual(['after', 'before'])
    expect((await app.store.accounts.byDid(did))!.sealedSession).toBe(session)
  })
})

describe('two workers on one database', () => {
  it('two workers on one database publish everything once', async () => {
    await using folder = await temporaryFolder()
    await using server = await startApp(folder.path, { role: 'serve' })
    const users = await Promise.all(Array.from({ length: 6 }, (_, i) => new Visitor(server.address).as(`user-${i}`)))
    await using first = await startApp(folder.path, { role: 'worker' })
    await using second = await startApp(folder.path, { role: 'worker' })
    expect(first.store).not.toBe(second.store)
    await Promise.all(users.flatMap((user, i) => Array.from({ length: 10 }, (_, j) => user.post(`mood ${i} ${j}`))))
    await eventually('all published', async () => (await server.store.work.count()).states.published === 60)
    for (let i = 0; i < 6; i++) {
      const texts = (await listRecords(server.pdsUrl, await didOf(server, `user-${i}`))).map(
        (record) => record.value['text'],
      )
      expect(texts.toSorted()).toEqual(Array.from({ length: 10 }, (_, j) => `mood ${i} ${j}`))
    }
  })
})
