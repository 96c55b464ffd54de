/** The engine under failures, against the real PDS. */

import { describe, expect, it } from 'vitest'
import type { Account } from '../../src/domain/account.ts'
import { guardsAll } from '../../src/domain/host-facts.ts'
import { published } from '../../src/domain/sync.ts'
import { Gateway, pass } from '../support/gateway.ts'
import { aMood, unrepeated } from '../support/moods.ts'
import { type Damage, primaryOf } from '../support/primary.ts'
import { hasTextErrors, testedProfile, traitsOf } from '../support/profiles.ts'
import { commitsOf, listRecords } from '../support/repo.ts'
import { chosenFront, createSite, type Front, type Site } from '../support/site.ts'
import { postMany, signedUpSite } from '../support/signed-up.ts'

const HOUR = 3_600_000

/** What holds on the PDS that the tests run on. */
const host = traitsOf(testedProfile())
/** Where the host does not compare, the repo is read before every write. */
const readsFirst = !guardsAll({ ...host, at: 0 })

/** What a PDS does not take that is particular about records. */
const UNWANTED = 'something unwanted'

/** A PDS, of the kind that the tests run on, that refuses every write in which {@link UNWANTED} stands. */
async function pickyPds(pdsUrl: string): Promise<Front> {
  await using stack = new AsyncDisposableStack()
  const kind = await chosenFront(pdsUrl)
  if (kind) stack.use(kind)
  const gateway = stack.use(
    await Gateway.start(kind?.url ?? pdsUrl, (asked, outgoing): unknown => {
      if (!asked.body.includes(UNWANTED)) return gateway.forward(asked, (answer) => pass(answer, outgoing))
      const refusal = { error: 'InvalidRequest', message: 'such a record is not taken' }
      if (hasTextErrors(testedProfile())) return outgoing.writeHead(400).end(refusal.message)
      return outgoing.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(refusal))
    }),
  )
  const owned = stack.move()
  return { url: gateway.url, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function account(site: Site): Promise<Account> {
  return (await site.app.store.accounts.byUser('u1'))!
}

async function damage(site: Site, id: string, how: Damage): Promise<void> {
  await primaryOf(site.dataFolder).damage(id, how)
  await site.app.store.repos.mark('u1', site.now())
}

async function recordsOf(site: Site) {
  return listRecords(site.app.pdsUrl, (await account(site)).did!)
}

describe('while the PDS is down', () => {
  it('users sign up and post while the PDS is down, and everything is published when it is back', async () => {
    await using site = await createSite()
    const { app } = site
    const profile = await app.accounts.signUp('u1', 'alice')
    expect(profile.account?.state).toBe('pending')
    const { mood } = await app.moods.post('u1', { mood: 'hello from the dark' })
    await app.engine.drain()
    expect(await app.store.moods.byId(mood.id)).toMatchObject({ sync: { state: 'pending', attempts: 0 } })
    expect(await account(site)).toMatchObject({ state: 'pending', credentials: null })

    await site.pds.up()
    await app.engine.drain()
    expect((await app.store.work.count()).states.published).toBe(0)
    site.forward(60_000)
    await app.engine.drain()
    expect((await app.store.work.count()).states.published).toBe(1)
    expect((await recordsOf(site)).map((record) => record.value['mongoId'])).toEqual([mood.id])
  })

  it('while the PDS is down, each failure is followed by a longer wait, and none counts against the mood', async () => {
    await using site = await signedUpSite()
    await site.pds.down()
    const { mood } = await site.app.moods.post('u1', { mood: 'hello?' })
    for (let i = 0; i < 12; i++) {
      await site.app.engine.drain()
      site.forward(31_000)
    }
    expect(await site.app.store.moods.byId(mood.id)).toMatchObject({
      version: 1,
      sync: { state: 'pending', attempts: 0 },
    })
    expect(await account(site)).toMatchObject({ state: 'ready' })
    await site.pds.up()
    await site.app.engine.drain()
    expect(await recordsOf(site)).toHaveLength(1)
  })
})

describe('sessions', () => {
  it('an expired session is refreshed without a login', async () => {
    await using site = await signedUpSite()
    const before = await account(site)
    // A login with this would fail, and the account would then need attention.
    await site.app.store.accounts.save({ ...before, credentials: null })
    site.forward(3 * HOUR)
    await site.app.moods.post('u1', { mood: 'three hours later' })
    await site.app.engine.drain()
    expect(await recordsOf(site)).toHaveLength(1)
    const after = await account(site)
    expect(after.state).toBe('ready')
    expect(after.sealedSession).not.toBe(before.sealedSession)
  })

  it('a lost session is replaced by a login', async () => {
    await using site = await signedUpSite()
    await site.app.store.accounts.save({ ...(await account(site)), sealedSession: null })
    // Nor does any process remember it for so long.
    site.forward(3 * HOUR)
    await site.app.moods.post('u1', { mood: 'who am I?' })
    await site.app.engine.drain()
    expect(await recordsOf(site)).toHaveLength(1)
    expect((await account(site)).sealedSession).not.toBeNull()
  })

  it('an account without session and password waits for an operator, and its moods stay pending', async () => {
    await using site = await signedUpSite()
    await site.app.store.accounts.save({ ...(await account(site)), sealedSession: null, credentials: null })
    site.forward(3 * HOUR)
    await site.app.moods.post('u1', { mood: 'locked out' })
    await site.app.engine.drain()
    expect(await account(site)).toMatchObject({ state: 'needs_attention', error: { code: 'NoPassword' } })
    expect(await site.app.store.work.count()).toMatchObject({ states: { pending: 1, published: 0 } })
    expect(await site.app.store.repos.claim('w', site.now() + 10 * HOUR, site.now(), 0)).toBeNull()
  })
})

describe('records that are in the repo already', () => {
  it('a record written before a crash is adopted, without another commit', async () => {
    await using site = await signedUpSite()
    const { store, engine } = site.app
    const ids = await postMany(site, 3)
    const did = (await account(site)).did!
    const commits = commitsOf(site.pdsFolder, did)
    // As if the process had died between the write and the note of it: rows pending, lease never given back.
    for (const id of ids) await damage(site, id, { unlinked: true })
    await store.repos.claim('a worker that died', site.now(), site.now(), 0)
    await engine.drain()
    expect(await store.work.count()).toMatchObject({ states: { published: 3, pending: 0 } })
    expect(commitsOf(site.pdsFolder, did)).toBe(commits)
    expect(await recordsOf(site)).toHaveLength(3)
  })

  it('a record that the rows do not know of is adopted after a batch was refused because of it', async () => {
    await using site = await signedUpSite()
    const { store, engine, moods } = site.app
    const ids = await postMany(site, 3)
    for (const id of ids) await damage(site, id, { unlinked: true })
    await moods.post('u1', { mood: 'a new one among them' })
    await engine.drain()
    site.forward(2_000)
    await engine.drain()
    expect(await store.work.count()).toMatchObject({ states: { published: 4, pending: 0 } })
    expect(await recordsOf(site)).toHaveLength(4)
  })

  it('a record that differs from its mood is replaced, even if the row took it for absent', async () => {
    await using site = await signedUpSite()
    const { store, engine, moods } = site.app
    const { mood } = await moods.post('u1', { mood: 'wrong' })
    await engine.drain()
    await damage(site, mood.id, { text: 'right', unlinked: true })
    await engine.drain()
    // A host that compares refuses the creation, and the repo is read only then.
    expect((await recordsOf(site)).map((record) => record.value['text'])).toEqual([readsFirst ? 'right' : 'wrong'])
    site.forward(2_000)
    await engine.drain()
    const [record] = await recordsOf(site)
    expect(record?.value['text']).toBe('right')
    expect(await store.moods.byId(mood.id)).toMatchObject({ sync: { state: 'published', cid: record?.cid } })
  })

  it('a record whose CID is known is replaced at once', async () => {
    await using site = await signedUpSite()
    const { engine, moods } = site.app
    const { mood } = await moods.post('u1', { mood: 'wrong' })
    await engine.drain()
    await damage(site, mood.id, { text: 'right' })
    await engine.drain()
    expect((await recordsOf(site)).map((record) => record.value['text'])).toEqual(['right'])
  })

  it.each([
    ['the row still names it', false],
    ['the row has forgotten it', true],
  ])('a record is deleted when its mood became private and %s', async (_what, unlinked) => {
    await using site = await signedUpSite()
    const { store, engine } = site.app
    const ids = await postMany(site, 3)
    const did = (await account(site)).did!
    const commits = commitsOf(site.pdsFolder, did)
    for (const id of ids.slice(0, 2)) await damage(site, id, { isPrivate: true, unlinked })
    await engine.drain()
    expect((await recordsOf(site)).map((record) => record.value['mongoId'])).toEqual([ids[2]])
    expect(await store.moods.byId(ids[0]!)).toMatchObject({ sync: { state: 'withdrawn', uri: null, cid: null } })
    expect(await store.work.count()).toMatchObject({ states: { withdrawn: 2, published: 1 } })
    expect(commitsOf(site.pdsFolder, did)).toBe(commits + (host.batches === 'none' ? 2 : 1))
  })
})

describe('refused moods', () => {
  it('a batch with one bad write lets the others through and rejects that one with its reason, where the host gives one', async () => {
    await using site = await signedUpSite(['alice'], { front: pickyPds })
    const { store, engine, moods } = site.app
    for (let i = 0; i < 4; i++) await moods.post('u1', { mood: `mood ${i}` })
    const { mood: bad } = await moods.post('u1', { mood: UNWANTED })
    for (let i = 4; i < 6; i++) await moods.post('u1', { mood: `mood ${i}` })
    await engine.drain()
    // Where a line of text is all that the host says, smaller and smaller commits are tried, each after a longer wait.
    for (let i = 0; i < 9 && hasTextErrors(testedProfile()); i++) {
      site.forward(31_000)
      await engine.drain()
    }
    expect(await recordsOf(site)).toHaveLength(6)
    const { sync } = (await store.moods.byId(bad.id))!
    if (hasTextErrors(testedProfile())) {
      // It may be a gateway's: no mood is given up for it.
      expect(await store.work.count()).toMatchObject({ states: { published: 6, rejected: 0, pending: 1 } })
      expect(sync).toMatchObject({ state: 'pending', error: null })
    } else {
      expect(await store.work.count()).toMatchObject({ states: { published: 6, rejected: 1, pending: 0 } })
      expect(sync).toMatchObject({ state: 'rejected', attempts: 1, dueAt: null, error: { code: 'InvalidRequest' } })
    }
  })

  it('a mood that no record can hold is rejected before anything is sent', async () => {
    await using site = await signedUpSite()
    const { store, engine } = site.app
    const long = aMood({ user: 'u1', text: 'x'.repeat(300) })
    await store.moods.add(unrepeated(long))
    await engine.drain()
    expect((await store.moods.byId(long.id))!.sync).toMatchObject({
      state: 'rejected',
      error: { code: 'InvalidRecord' },
    })
    expect(await recordsOf(site)).toEqual([])
  })
})

describe('late results', () => {
  it('a result for a changed mood is dropped, and the mood is looked at again', async () => {
    await using site = await signedUpSite()
    const { store, engine, moods } = site.app
    const { mood } = await moods.post('u1', { mood: 'in flight' })
    const settle = store.work.settle.bind(store.work)
    const answers: number[] = []
    store.work.settle = async (settlements, now) => {
      if (answers.length === 0) {
        // The mood changes between the write and the note of it.
        const row = (await store.moods.byId(mood.id))!
        await settle([{ id: row.id, version: row.version, next: { ...row.sync, dueAt: now } }], now)
      }
      const kept = await settle(settlements, now)
      answers.push(kept.size)
      return kept
    }
    await engine.drain()
    expect(answers).toEqual([0, 1])
    expect(await store.moods.byId(mood.id)).toMatchObject({
      // Not directly: it was noted at the second try.
      sync: published(mood.sync, expect.any(String), expect.any(String), { at: site.now(), direct: false }),
    })
    expect(await recordsOf(site)).toHaveLength(1)
  })
})
