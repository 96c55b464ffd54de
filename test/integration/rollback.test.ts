/** The steps of a rollback on real repos: what they count, what they look at again, and what they report as unreadable. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Mood } from '../../src/domain/mood.ts'
import { FEDERATE_NONE } from '../../src/domain/policy.ts'
import type { OperatorDeps } from '../../src/operate/deps.ts'
import { launchReport } from '../../src/operate/report.ts'
import { type DeletionPlan, rollback, type RollbackStep } from '../../src/operate/rollback.ts'
import type { Store } from '../../src/ports/store.ts'
import { damage } from '../support/damage.ts'
import { runMoods } from '../support/process.ts'
import { createSite, type Site } from '../support/site.ts'
import { hasTextErrors, testedProfile } from '../support/profiles.ts'

const never = new AbortController().signal
const quiet = (): void => {}

/** The object, with some of its members replaced. */
function replacing<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      if (name in members) return members[name as keyof T]
      const member: unknown = target[name as keyof T]
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

describe('a rollback', () => {
  let site: Site
  /** When the launch was, and how long publishing took. */
  let launch: unknown
  /** Published, of alice. */
  let mood: Mood

  beforeAll(async () => {
    site = await createSite({ PDS_RATE_LIMITS: 'off', PDS_TIMEOUT_MS: '2000' })
    await site.pds.up()
    const { accounts, moods, engine, store } = site.app
    await accounts.signUp('alice', 'rolled-back')
    await accounts.signUp('bob', 'without-moods')
    const { id } = (await moods.post('alice', { mood: 'hello' })).mood
    await moods.post('alice', { mood: 'again' })
    await engine.drain()
    mood = (await store.moods.byId(id))!
    await damage(site.app, 'foreign', mood)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const run = (
    step: RollbackStep,
    how: { readonly undo?: boolean; readonly execute?: boolean } = {},
    deps: OperatorDeps = site.app,
    onProgress: (what: string, done: number, total: number) => void = quiet,
    onPlan: (plan: DeletionPlan) => void = quiet,
  ) => rollback(deps, { step, undo: false, execute: true, ...how }, onPlan, onProgress, never)

  it('refuses a step before the one that comes first, and the undoing of a deletion', async () => {
    await expect(run('strip-references')).rejects.toMatchObject({ code: 'usage' })
    await expect(run('delete-records')).rejects.toThrow('federation is on for all users: run "moods federation off')
    const stored = (await site.app.store.policy.get())!
    await site.app.store.policy.save({ ...stored, policy: FEDERATE_NONE })
    await expect(run('delete-records')).rejects.toThrow('2 moods still name records')
    await expect(run('delete-records', { undo: true })).rejects.toMatchObject({ code: 'usage' })
  })

  const launched = async () => {
    const { firstPublished, latency } = await launchReport(site.app, null, quiet, never)
    return { firstPublished, latency }
  }

  it('leaves the rows as if the engine had never seen the moods when it strips references', async () => {
    launch = await launched()
    expect(launch).toMatchObject({ firstPublished: expect.any(Number), latency: { count: 2 } })
    expect(await run('strip-references', { execute: false })).toMatchObject({ found: 2, left: 2 })
    expect(await run('strip-references')).toMatchObject({ found: 2, left: 0, unreadable: 0 })
    const { sync } = (await site.app.store.moods.byId(mood.id))!
    expect(sync).toMatchObject({ state: 'local', hold: 'backfill', uri: null, cid: null, rkey: mood.sync.rkey })
    site.forward(60_000)
    expect(await launched()).toEqual(launch)
  })

  it('counts only records of ours as deletable, and reports each repository that it reads', async () => {
    const progress: unknown[] = []
    const result = await run('delete-records', { execute: false }, site.app, (...step) => progress.push(step))
    expect(result).toMatchObject({ found: 2, left: 2, unreadable: 0 })
    expect(progress).toEqual([
      ['repositories read', 1, 2],
      ['repositories read', 2, 2],
    ])
  })

  it('says how many records of how many users it deletes, and that it cannot be undone, in the dry run too', async () => {
    const plans: DeletionPlan[] = []
    await run('delete-records', { execute: false }, site.app, quiet, (plan) => plans.push(plan))
    expect(plans).toEqual([{ found: 2, users: 1 }])
    const { code, stdout, stderr } = await runMoods(['rollback', '--delete-records'], site.env)
    expect([code, stderr, stdout.split('\n')]).toEqual([
      0,
      '',
      [
        'Would delete 2 records of 1 user from their repositories. This cannot be undone: others may have copied them, and a backfill can only publish the moods again.',
        'Nothing was done (--execute does it).',
        '',
      ],
    ])
  })

  it('counts a user whose account was never made as having no records', async () => {
    await site.app.accounts.signUp('carol', 'not-made-yet')
    expect(await run('delete-records', { execute: false })).toMatchObject({ found: 2, unreadable: 0 })
  })

  it('reports what a second look still finds when a row changes while references are noted again', async () => {
    const { store } = site.app
    // Another process writes the row between the reading and the saving.
    const save: Store['moods']['save'] = async (moods, now) => {
      await store.moods.save([(await store.moods.byId(mood.id))!], now)
      return store.moods.save(moods, now)
    }
    const racing = replacing(store, { moods: replacing(store.moods, { save }) })
    expect(await run('strip-references', { undo: true }, { ...site.app, store: racing })).toMatchObject({
      found: 2,
      left: 1,
    })
    expect(await run('strip-references', { undo: true })).toMatchObject({ found: 1, left: 0, unreadable: 0 })
    expect((await site.app.store.moods.byId(mood.id))!.sync).toMatchObject({ state: 'published', cid: mood.sync.cid })
    expect(await launched()).toEqual(launch)
  })

  it('reports repositories that the PDS refuses when references are to be noted again', async () => {
    const account = (await site.app.store.accounts.byUser('bob'))!
    const broken = await site.app.store.accounts.save({ ...account, did: `did:plc:${'a'.repeat(24)}` })
    // What is said in a line of text may be a gateway's words.
    const found = hasTextErrors(testedProfile()) ? { unreadable: 0, notReached: 1 } : { unreadable: 1, notReached: 0 }
    expect(await run('strip-references', { undo: true })).toMatchObject({ found: 0, ...found })
    await site.app.store.accounts.save({ ...broken!, did: account.did })
  })

  it('reports repositories that were not reached when references are to be noted again', async () => {
    await site.pds.down()
    expect(await run('strip-references', { undo: true })).toMatchObject({
      found: 0,
      left: 0,
      unreadable: 0,
      notReached: 2,
    })
    const command = ['rollback', '--strip-references', '--undo', '--execute', '--json']
    const { code, stdout } = await runMoods(command, site.env)
    expect([code, JSON.parse(stdout)]).toMatchObject([3, { executed: true, unreadable: 0, notReached: 2 }])
  })
})
