/** Deletions, edits, nukes and federation, over HTTP and against the real PDS. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { MAX_WRITES } from '../../src/domain/batches.ts'
import { type PostedMood, temporaryFolder, Visitor } from '../support/installation.ts'
import { federate } from '../support/policy.ts'
import { testedProfile } from '../support/profiles.ts'
import { commitsOf, listRecords } from '../support/repo.ts'
import { signedUpSite } from '../support/signed-up.ts'
import { startTrial } from '../support/trial.ts'

async function textsIn(app: App, handle: string): Promise<unknown[]> {
  const user = (await app.accounts.userOf(handle))!
  const { did } = (await app.store.accounts.byUser(user))!
  return (await listRecords(app.pdsUrl, did!)).map((record) => record.value['text']).toSorted()
}

async function call(user: Visitor, method: string, path: string, body?: unknown) {
  const response = await fetch(`${user.address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${user.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** An installation whose engine works when told to, and a user with three published moods. */
async function withMoods(env: Record<string, string> = {}) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const trial = stack.use(await startTrial(folder.path, env))
  const { app, pdsFolder } = trial
  const alice = await trial.visitor('alice')
  const moods: PostedMood[] = []
  for (const text of ['one', 'two', 'three']) moods.push(await alice.post(text))
  await app.engine.drain()
  const owned = stack.move()
  return { app, trial, alice, moods, pdsFolder, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** For what is refused, and so changes nothing. */
let unchanged: Awaited<ReturnType<typeof withMoods>>
beforeAll(async () => {
  unchanged = await withMoods()
})
afterAll(() => unchanged[Symbol.asyncDispose]())

describe('deleting a mood', () => {
  it('a deleted mood leaves every list at once, and the repo with the next pass', async () => {
    await using site = await withMoods()
    const { app, alice, moods } = site
    const id = moods[1]!.id
    expect(await call(alice, 'DELETE', `/api/mood/${id}`)).toMatchObject({
      status: 200,
      body: { id, atproto: { synced: false } },
    })
    expect((await alice.send(`/api/mood/${id}`)).status).toBe(404)
    expect(JSON.stringify((await alice.send('/api/mood/all')).body)).not.toContain('two')
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three', 'two'])
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three'])
    expect((await app.store.moods.byId(id))?.sync.state).toBe('withdrawn')
  })

  it('a deletion can keep the record, and a later one withdraws it', async () => {
    await using site = await withMoods()
    const { app, alice, moods } = site
    const id = moods[1]!.id
    await call(alice, 'DELETE', `/api/mood/${id}?records=keep`)
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three', 'two'])
    expect(await app.store.moods.byId(id)).toMatchObject({ deleted: { records: 'keep' }, sync: { state: 'published' } })
    expect((await alice.send(`/api/mood/${id}`)).status).toBe(404)
    await call(alice, 'DELETE', `/api/mood/${id}`)
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three'])
  })

  it('a deletion that keeps records publishes no record that was not there', async () => {
    await using site = await withMoods()
    const { app, alice } = site
    const { id } = await alice.post('never published')
    await call(alice, 'DELETE', `/api/mood/${id}?records=keep`)
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three', 'two'])
    expect((await app.store.moods.byId(id))?.sync).toMatchObject({ state: 'local', hold: 'kept' })
  })

  it('the text of a deleted mood can be posted again', async () => {
    await using site = await withMoods()
    const { app, alice, moods } = site
    await call(alice, 'DELETE', `/api/mood/${moods[2]!.id}`)
    const again = await alice.post('three')
    expect(again.id).not.toBe(moods[2]!.id)
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three', 'two'])
  })

  it('after a deletion the mood before is the latest, and repeating it adds nothing', async () => {
    await using site = await withMoods()
    const { alice, moods } = site
    await call(alice, 'DELETE', `/api/mood/${moods[2]!.id}`)
    expect((await alice.post('two')).id).toBe(moods[1]!.id)
    await call(alice, 'PATCH', `/api/mood/${moods[1]!.id}`, { isPrivate: true })
    expect((await alice.post('two', { isPrivate: true })).id).toBe(moods[1]!.id)
    expect((await alice.post('two')).id).not.toBe(moods[1]!.id)
  })

  it('only the author can delete or change a mood', async () => {
    await using site = await withMoods()
    const bob = await site.trial.visitor('bob')
    const path = `/api/mood/${site.moods[0]!.id}`
    expect(await call(bob, 'DELETE', path)).toMatchObject({ status: 404, body: { error: 'not_found' } })
    expect(await call(bob, 'PATCH', path, { isPrivate: true })).toMatchObject({ status: 404 })
    expect((await fetch(`${site.app.address}${path}`, { method: 'DELETE' })).status).toBe(401)
    expect(await call(site.alice, 'DELETE', '/api/mood/ffffffffffffffffffffffff')).toMatchObject({ status: 404 })
    expect(await call(site.alice, 'DELETE', `${path}?records=burn`)).toMatchObject({ status: 400 })
    expect((await site.alice.send(path)).status).toBe(200)
  })

  it('a deletion wins a race with the creation that is in flight', async () => {
    await using site = await withMoods()
    const { app, alice, pdsFolder } = site
    const { id } = await alice.post('too fast')
    const settle = app.store.work.settle.bind(app.store.work)
    let raced = false
    app.store.work.settle = async (settlements, now) => {
      // The record is in the repo, but not yet noted, when the author deletes the mood.
      if (!raced && settlements.some((settlement) => settlement.id === id)) {
        raced = true
        expect(await textsIn(app, 'alice')).toContain('too fast')
        expect((await call(alice, 'DELETE', `/api/mood/${id}`)).status).toBe(200)
      }
      return settle(settlements, now)
    }
    await app.engine.drain()
    expect(raced).toBe(true)
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three', 'two'])
    expect((await app.store.moods.byId(id))?.sync.state).toBe('withdrawn')
    expect(commitsOf(pdsFolder, (await app.store.accounts.byUser('trial|alice'))!.did!)).toBeGreaterThan(2)
  })
})

describe('changing a mood', () => {
  it('a mood that becomes private is withdrawn, and published again under the same key when it becomes public', async () => {
    await using site = await withMoods()
    const { app, alice, moods } = site
    const { id } = moods[0]!
    const { uri } = (await alice.mood(id)).atproto
    expect(await call(alice, 'PATCH', `/api/mood/${id}`, { isPrivate: true })).toMatchObject({
      status: 200,
      body: { isPrivate: true },
    })
    expect((await new Visitor(app.address).send(`/api/mood/${id}`)).status).toBe(404)
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['three', 'two'])
    await call(alice, 'PATCH', `/api/mood/${id}`, { isPrivate: false })
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three', 'two'])
    expect((await alice.mood(id)).atproto).toMatchObject({ synced: true, uri })
  })

  it('a change of intensity or context replaces the record, and a change of nothing writes nothing', async () => {
    await using site = await withMoods()
    const { app, alice, moods, pdsFolder } = site
    const { id } = moods[0]!
    await call(alice, 'PATCH', `/api/mood/${id}`, { intensity: 9, context: ' tea ' })
    await app.engine.drain()
    expect((await alice.send(`/api/mood/${id}/record`)).body).toMatchObject({ value: { intensity: 9, context: 'tea' } })
    const did = (await app.store.accounts.byUser('trial|alice'))!.did!
    const commits = commitsOf(pdsFolder, did)
    await call(alice, 'PATCH', `/api/mood/${id}`, { intensity: 9 })
    await app.engine.drain()
    expect(commitsOf(pdsFolder, did)).toBe(commits)
    await call(alice, 'PATCH', `/api/mood/${id}`, { intensity: null, context: null })
    await app.engine.drain()
    const { body } = await alice.send<{ value: object }>(`/api/mood/${id}/record`)
    expect(Object.keys(body.value).toSorted()).toEqual(['$type', 'createdAt', 'mongoId', 'text'])
  })

  it.each([
    ['nothing', {}],
    ['the text', { mood: 'other' }],
    ['intensity 11', { intensity: 11 }],
    ['privacy in quotes', { isPrivate: 'yes' }],
    ['a context that is too long', { context: 'x'.repeat(1001) }],
  ])('a change is refused: %s', async (_what, patch) => {
    const { app, alice, moods } = unchanged
    const { id } = moods[0]!
    const before = await app.store.moods.byId(id)
    expect((await call(alice, 'PATCH', `/api/mood/${id}`, patch)).status).toBe(400)
    expect(await app.store.moods.byId(id)).toEqual(before)
  })
})

describe('nuke', () => {
  it('a nuke deletes all moods, keeps the records, and its undo restores exactly what it deleted', async () => {
    await using site = await withMoods()
    const { app, alice, moods } = site
    await call(alice, 'DELETE', `/api/mood/${moods[0]!.id}`)
    expect(await call(alice, 'POST', '/api/mood', { nuke: true })).toEqual({ status: 200, body: { nuked: 2 } })
    expect((await alice.send('/api/mood/all?for=@alice')).body).toEqual({ moods: [] })
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['three', 'two'])
    const after = await alice.post('after')
    expect(await call(alice, 'POST', '/api/mood', { nuke: false })).toEqual({ status: 200, body: { restored: 2 } })
    await app.engine.drain()
    const { body } = await alice.send<{ moods: PostedMood[] }>('/api/mood/all?for=@alice')
    expect(body.moods.map((mood) => mood.id)).toEqual([after.id, moods[2]!.id, moods[1]!.id])
    expect(await textsIn(app, 'alice')).toEqual(['after', 'three', 'two'])
  })

  it.each([
    ['when asked to', {}, { nuke: true, records: 'withdraw' }],
    ['where the operator has set it', { SOFT_DELETE_RECORDS: 'withdraw' }, { nuke: true }],
  ])('a nuke withdraws the records %s, and its undo publishes them again', async (_what, env, body) => {
    await using site = await withMoods(env)
    const { app, alice } = site
    await alice.post('secret', { isPrivate: true })
    expect(await call(alice, 'POST', '/api/mood', body)).toMatchObject({ body: { nuked: 4 } })
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual([])
    await call(alice, 'POST', '/api/mood', { nuke: false })
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['one', 'three', 'two'])
  })

  it('a nuke is finished by the engine after its process died halfway', async () => {
    await using site = await withMoods()
    const { app, alice } = site
    const through = await app.store.moods.lastOrdinal('trial|alice')
    await app.store.intents.begin({ user: 'trial|alice', kind: 'nuke', records: 'withdraw', through })
    const later = await alice.post('posted afterwards')
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['posted afterwards'])
    expect((await alice.send<{ moods: PostedMood[] }>('/api/mood/all')).body.moods.map((mood) => mood.id)).toEqual([
      later.id,
    ])
    expect(await app.store.intents.get('trial|alice')).toBeNull()
  })

  it.each([
    [{ nuke: true, mood: 'x' }],
    [{ nuke: 'yes' }],
    [{ mood: 'x', records: 'keep' }],
    [{ nuke: true, records: 'burn' }],
  ])('a nuke is refused: %j', async (body) => {
    const { alice } = unchanged
    expect((await call(alice, 'POST', '/api/mood', body)).status).toBe(400)
    expect((await alice.send<{ moods: PostedMood[] }>('/api/mood/all')).body.moods).toHaveLength(3)
  })
})

describe('federation', () => {
  it('federation switched off keeps records, publishes nothing and still deletes; switched on, it resumes', async () => {
    await using folder = await temporaryFolder()
    const ids: string[] = []
    {
      await using trial = await startTrial(folder.path)
      const { app } = trial
      const alice = await trial.visitor('alice')
      for (const text of ['one', 'two']) ids.push((await alice.post(text)).id)
      await app.engine.drain()
    }
    {
      await using trial = await startTrial(folder.path)
      const { app } = trial
      await federate(app.store, { mode: 'off' })
      const alice = await trial.visitor('alice')
      const bob = await trial.visitor('bob')
      await alice.post('three')
      await bob.post('hello')
      await call(alice, 'DELETE', `/api/mood/${ids[0]!}`)
      await app.engine.drain()
      expect(await textsIn(app, 'alice')).toEqual(['two'])
      expect(await app.store.work.count()).toMatchObject({
        states: { local: 2, published: 1, withdrawn: 1, pending: 0 },
      })
      expect((await app.store.accounts.byUser('trial|bob'))?.state).toBe('pending')
    }
    {
      // What the environment says counts for an empty store alone.
      await using trial = await startTrial(folder.path, { FEDERATION: 'on' })
      const { app } = trial
      await app.engine.drain()
      expect(await textsIn(app, 'alice')).toEqual(['two'])
      await federate(app.store, { mode: 'allow', allow: ['bob'] })
      await app.engine.drain()
      expect(await textsIn(app, 'alice')).toEqual(['two'])
      expect(await textsIn(app, 'bob')).toEqual(['hello'])
    }
    await using trial = await startTrial(folder.path)
    const { app } = trial
    await federate(app.store, { mode: 'on' })
    await app.engine.drain()
    expect(await textsIn(app, 'alice')).toEqual(['three', 'two'])
  })

  it('a pass publishes no further once federation is switched off in the middle of it', async () => {
    await using site = await signedUpSite(['alice'])
    const { store, moods, engine, client } = site.app
    const write = client.write.bind(client)
    client.write = async (...args) => {
      const outcome = await write(...args)
      await federate(store, { mode: 'off' })
      return outcome
    }
    for (let i = 0; i < MAX_WRITES + 5; i++) await moods.post('u1', { mood: `mood ${i}` })
    await engine.drain()
    site.forward(5_000)
    await engine.drain()
    // Where so long a body is refused, nothing of it was done when the policy changed.
    const done = testedProfile() === 'small-bodies' ? 0 : MAX_WRITES
    expect((await store.work.count()).states).toMatchObject({ published: done, local: MAX_WRITES + 5 - done })
  })
})
