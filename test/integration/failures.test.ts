/**
 * Twenty ways in which such a system has failed before, each made impossible. What is proved at length elsewhere is shown
 * here in short, under the number by which it is known.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isReady, type ReadyAccount } from '../../src/domain/account.ts'
import { COLLECTION, desiredRecord, rkeyFor } from '../../src/domain/record.ts'
import { MAX_WRITES } from '../../src/domain/batches.ts'
import { guardsAll } from '../../src/domain/host-facts.ts'
import { FEDERATE_ALL } from '../../src/domain/policy.ts'
import { planMood } from '../../src/domain/plan.ts'
import { isSynced } from '../../src/domain/sync.ts'
import { environment } from '../support/installation.ts'
import { aMood, aReadyAccount, NOW } from '../support/moods.ts'
import { runMoods } from '../support/process.ts'
import { commitsFor, testedProfile, traitsOf } from '../support/profiles.ts'
import { commitsOf, listRecords, putStray } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

/** How many moods are settled at a time, of 250 that wait together, on the kind of PDS that the tests run on; some of them. */
function sizesOfCommits(): readonly number[] {
  const profile = testedProfile()
  const host = { ...traitsOf(profile), at: 0 }
  if (profile === 'small-batches') return [7]
  if (profile === 'small-bodies') return [50]
  // Where the host does not compare, a reading settles all that a round has sent.
  return host.batches === 'none' && guardsAll(host) ? [1] : [200, 50]
}

describe('what has failed before', () => {
  let site: Site
  let users = 0

  beforeAll(async () => {
    site = await createSite()
    await site.pds.up()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  async function newUser(): Promise<{ user: string; account: ReadyAccount }> {
    const user = `user-${++users}`
    await site.app.accounts.signUp(user, `failure-${users}`)
    await site.app.engine.drain()
    const account = await site.app.store.accounts.byUser(user)
    if (!isReady(account)) throw new Error('no account')
    return { user, account }
  }
  const post = async (user: string, mood: string, isPrivate = false) =>
    (await site.app.moods.post(user, { mood, isPrivate })).mood
  /** Where long bodies are refused by a page for people, shorter ones are tried after longer waits. */
  const workOn = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await site.app.engine.drain()
      site.forward(5_000)
    }
  }
  const textsOf = async (did: string) => (await listRecords(site.app.pdsUrl, did)).map((record) => record.value['text'])

  it('F1: a record whose reference was never noted is found by the key that was fixed before', async () => {
    const { user, account } = await newUser()
    const mood = await post(user, 'referenced')
    expect(mood.sync.rkey).toBe(rkeyFor(mood.when, mood.id, 0))
    await site.app.engine.drain()
    const [record] = await listRecords(site.app.pdsUrl, account.did)
    expect(record?.uri).toBe(`at://${account.did}/${COLLECTION}/${mood.sync.rkey}`)
    expect((await site.app.store.moods.byId(mood.id))?.sync).toMatchObject({ uri: record?.uri, cid: record?.cid })
  })

  it('F2, F5: repeated passes publish nothing twice', async () => {
    const { user, account } = await newUser()
    for (let i = 0; i < 5; i++) await post(user, `mood ${i}`)
    await site.app.engine.drain()
    const commits = commitsOf(site.pdsFolder, account.did)
    for (let i = 0; i < 3; i++) {
      await site.app.engine.nudge(user)
      await site.app.engine.drain()
    }
    expect(await textsOf(account.did)).toHaveLength(5)
    expect(commitsOf(site.pdsFolder, account.did)).toBe(commits)
  })

  it('F3, F4: of a mood whose reference is lost, the one record stays and is adopted', async () => {
    const mood = aMood()
    const desired = desiredRecord(mood, aReadyAccount(), FEDERATE_ALL)
    const cid = desired.kind === 'record' ? desired.cid : null
    const view = { did: 'did:plc:x', quarantine: { until: 0, destructive: false }, now: NOW }
    const step = planMood(mood, desired, { cid, verified: true }, view)
    expect(step).toMatchObject({ kind: 'settle', next: { state: 'published', cid } })
  })

  it('F6: a repo is read whole, however many records it has', async () => {
    const { user, account } = await newUser()
    for (let i = 0; i < 130; i++) await post(user, `mood ${i}`)
    await workOn()
    const whole = await site.app.client.list(account, COLLECTION)
    expect(whole.kind === 'ok' && whole.value.size).toBe(130)
  })

  it('F7: a mood is synced exactly when the PDS has its record', async () => {
    const { user, account } = await newUser()
    const mood = await post(user, 'claimed')
    expect(isSynced(mood.sync)).toBe(false)
    await site.app.engine.drain()
    const { sync } = (await site.app.store.moods.byId(mood.id))!
    expect(isSynced(sync)).toBe(true)
    const record = await site.app.moods.record(mood.id, null)
    expect([record.uri, record.cid]).toEqual([sync.uri, sync.cid])
    expect(record.uri).toContain(account.did)
  })

  it('F8: a record holds the text of its mood, checked before it is sent', async () => {
    const { user, account } = await newUser()
    await post(user, 'not lost')
    await site.app.engine.drain()
    expect(await textsOf(account.did)).toEqual(['not lost'])
    expect(desiredRecord(aMood({ text: '' }), aReadyAccount(), FEDERATE_ALL).kind).toBe('invalid')
  })

  it('F9, F11: a deletion survives an outage, and nothing publishes the mood again', async () => {
    const { user, account } = await newUser()
    const mood = await post(user, 'regretted')
    await site.app.engine.drain()
    await site.pds.down()
    await site.app.moods.delete(user, mood.id, 'withdraw')
    await site.app.engine.drain()
    await site.pds.up()
    for (let i = 0; i < 3; i++) {
      site.forward(60_000)
      await site.app.engine.nudge(user)
      await site.app.engine.drain()
    }
    expect(await textsOf(account.did)).toEqual([])
    expect((await site.app.store.moods.byId(mood.id))?.sync.state).toBe('withdrawn')
  })

  it('F10: moods are settled after each commit, not all at the end', async () => {
    const { user } = await newUser()
    for (let i = 0; i < 250; i++) await post(user, `mood ${i}`)
    const settle = site.app.store.work.settle.bind(site.app.store.work)
    const sizes: number[] = []
    site.app.store.work.settle = (settlements, now) => {
      sizes.push(settlements.length)
      return settle(settlements, now)
    }
    await workOn()
    site.app.store.work.settle = settle
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(250)
    expect(sizes).toEqual(expect.arrayContaining([...sizesOfCommits()]))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_WRITES)
  })

  it('F12: writes share a session', async () => {
    const { user } = await newUser()
    const before = (await site.app.store.accounts.byUser(user))?.sealedSession
    for (let i = 0; i < 5; i++) {
      await post(user, `mood ${i}`)
      await site.app.engine.drain()
    }
    expect((await site.app.store.accounts.byUser(user))?.sealedSession).toBe(before)
  })

  it('F13: moods posted together share a commit', async () => {
    const { user, account } = await newUser()
    const commits = commitsOf(site.pdsFolder, account.did)
    await Promise.all(Array.from({ length: 50 }, (_, i) => post(user, `mood ${i}`)))
    await site.app.engine.drain()
    expect(await textsOf(account.did)).toHaveLength(50)
    expect(commitsOf(site.pdsFolder, account.did)).toBe(commits + commitsFor(50))
  })

  it('F14: a record has the time of its mood', async () => {
    const { user, account } = await newUser()
    const mood = await post(user, 'on time')
    site.forward(5_000)
    await site.app.engine.drain()
    const [record] = await listRecords(site.app.pdsUrl, account.did)
    expect(record?.value['createdAt']).toBe(new Date(mood.when).toISOString())
  })

  it('F15: records of other clients are left alone', async () => {
    const { user, account } = await newUser()
    await putStray(site.app, account.did, { $type: COLLECTION, mood: 'of old', when: 'x', ref: 'y' })
    await post(user, 'of now')
    await site.app.engine.drain()
    expect((await textsOf(account.did)).toSorted()).toEqual(['of now', undefined])
  })

  it('F16: an account that cannot be made has a reason, and its moods wait', async () => {
    const user = `user-${++users}`
    await site.app.accounts.signUp(user, `failure-${users}`)
    const account = (await site.app.store.accounts.byUser(user))!
    const error = { code: 'InvalidEmail', message: 'refused', at: NOW }
    await site.app.store.accounts.save({ ...account, state: 'needs_attention', error })
    const mood = await post(user, 'waiting')
    await site.app.engine.drain()
    expect((await site.app.store.moods.byId(mood.id))?.sync).toMatchObject({ state: 'local', hold: 'no_account' })
    expect((await site.app.store.accounts.count()).attention).toMatchObject({ InvalidEmail: 1 })
  })

  it('F17: moods status reports every state', async () => {
    const { stdout } = await runMoods(['status', '--json'], environment(site.dataFolder))
    const status = JSON.parse(stdout) as { moods: object; held: object[]; reasons: object }
    expect(Object.keys(status.moods)).toEqual(['local', 'pending', 'published', 'withdrawn', 'rejected'])
    const words = { text: 'the author has no account on a PDS yet', remedy: expect.stringContaining('moods accounts') }
    expect(status.held).toContainEqual({ code: 'no_account', ...words, moods: 1 })
    const text = (await runMoods(['status'], environment(site.dataFolder))).stdout
    expect(text).toContain('\n  1 held: the author has no account on a PDS yet. An account is made by ')
    expect(status.reasons).toMatchObject({ needsAttention: { InvalidEmail: 1 } })
  })

  it('F18: passwords are stored sealed', async () => {
    const { account } = await newUser()
    expect(account.credentials).toMatchObject({
      kind: 'sealed',
      sealed: expect.stringMatching(/^([\w-]*\.){4}[\w-]*$/),
    })
  })

  it('F19: a finished erasure leaves a tombstone that names no user and can still be compared', async () => {
    const { user, account } = await newUser()
    const { receipt, tombstone } = await site.app.erasures.request(user)
    await site.app.engine.drain()
    const after = await site.app.erasures.byReceipt(receipt)
    expect(after).toMatchObject({ user: null, tombstone })
    expect(await textsOf(account.did)).toEqual([])
  })

  it('F20: a command ends once its work is done', async () => {
    const { code } = await runMoods(['status'], environment(site.dataFolder))
    expect(code).toBe(0)
  })
})
