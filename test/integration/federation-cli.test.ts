/** `moods federation`: every policy in one command, nobody who falls out without a word, and numbers that add up. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FederationChange, FederationStatus } from '../../src/operate/federation.ts'
import { entryOf } from '../../src/domain/policy.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { held, type MoodSync, published, unseen } from '../../src/domain/sync.ts'
import { aMood, FIRST } from '../support/moods.ts'
import { federate } from '../support/policy.ts'
import { type Finished, runMoods } from '../support/process.ts'
import { createSite, type Site } from '../support/site.ts'

function withSync(mood: Mood, sync: (sync: MoodSync) => MoodSync): Mood {
  return { ...mood, sync: sync(mood.sync) }
}

const NO_HANDLE = 'idp|7'
const cleanup = new AsyncDisposableStack()
let site: Site

beforeAll(async () => {
  site = cleanup.use(await createSite())
  const { accounts, store } = site.app
  for (const handle of ['alice', 'bob', 'carol']) await accounts.signUp(`u-${handle}`, handle)
  await store.accounts.claimHandle('u-dave', 'dave')
  const moods = [
    aMood({ user: 'u-alice' }),
    aMood({ user: 'u-alice', ordinal: 2, isPrivate: true }),
    withSync(aMood({ user: 'u-bob' }), (sync) => held(sync, 'federation_off')),
    withSync(aMood({ user: 'u-bob', ordinal: 2 }), (sync) => published(sync, 'at://x', 'cid', FIRST)),
    withSync(aMood({ user: 'u-carol' }), ({ rkey }) => unseen({ rkey, uri: null, cid: null, attempts: 0 })),
    aMood({ user: 'u-dave' }),
    aMood({ user: NO_HANDLE }),
  ].map((mood) => ({ mood, changedAt: 0 }))
  await store.archive.put('moods', moods)
})
afterAll(() => cleanup.disposeAsync())

const run = (...how: readonly string[]): Promise<Finished> => runMoods(['federation', ...how], site.env)
const json = async <T>(...how: readonly string[]): Promise<T> => JSON.parse((await run(...how, '--json')).stdout) as T
const change = (...how: readonly string[]): Promise<FederationChange> => json<FederationChange>(...how)

describe('a policy that is in force already', () => {
  it.each([
    ['on', { mode: 'on', allow: ['bob'] }],
    ['off', { mode: 'off', allow: ['bob'] }],
    ['percent 10', { mode: 'percent', percent: 10, allow: ['bob'] }],
    ['percent 10 @bob', { mode: 'percent', percent: 10, allow: ['bob'] }],
    ['percent 10 --alone', { mode: 'percent', percent: 10, allow: [] }],
    ['allow', { mode: 'allow', allow: ['bob'] }],
    ['allow @BOB u-bob @bob', { mode: 'allow', allow: ['bob'] }],
    ['allow --add @bob', { mode: 'allow', allow: ['bob'] }],
    ['allow --remove @alice', { mode: 'allow', allow: ['bob'] }],
  ] as const)('stays as it is, with whoever set it: %s', async (how, policy) => {
    await federate(site.app.store, policy)
    const before = (await site.app.store.policy.get())!
    const { code, stdout, stderr } = await run(...how.split(' '), '--reason', 'again', '--execute')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Federation is already (on|off)\b.*, since .*Z by a test\. Nothing was changed\.\n$/)
    expect(await change(...how.split(' '), '--execute')).toMatchObject({
      executed: false,
      unchanged: true,
      after: { by: 'a test', reason: null, version: before.version },
    })
    expect(await site.app.store.policy.get()).toEqual(before)
  })

  it('stays with the first of several processes that put it in force at the same time', async () => {
    await federate(site.app.store, { mode: 'on' })
    const { version } = (await site.app.store.policy.get())!
    const reasons = ['one', 'two', 'three', 'four']
    const done = await Promise.all(reasons.map((reason) => run('off', '--reason', reason, '--execute')))
    expect(done.map(({ code }) => code)).toEqual([0, 0, 0, 0])
    const stored = (await site.app.store.policy.get())!
    expect(stored.version).toBe(version + 1)
    const first = reasons.indexOf(stored.reason!)
    for (const [i, { stdout }] of done.entries()) {
      expect(stdout).toContain(i === first ? 'Federation is off now.' : `Federation is already off, since`)
      if (i !== first) expect(stdout).toContain(`: ${stored.reason}. Nothing was changed.`)
    }
  })
})

describe('the list', () => {
  it('is set, added to, taken from, kept and emptied, each in one command that says so first', async () => {
    await federate(site.app.store, { mode: 'on' })
    const steps: readonly (readonly [string, RegExp, object])[] = [
      [
        'allow @Alice @alice bob',
        /the list {3}@alice, @bob; added @alice, @bob$/m,
        { mode: 'allow', allow: ['alice', 'bob'] },
      ],
      [
        `allow --add ${NO_HANDLE}`,
        /the list {3}@alice, @bob, 'idp\|7'; added 'idp\|7'$/m,
        { allow: ['alice', 'bob', `user:${NO_HANDLE}`] },
      ],
      [
        'allow --remove @bob',
        /includes {3}2 of 5 users: 0 more, and 1 falls out$/m,
        { mode: 'allow', allow: ['alice', `user:${NO_HANDLE}`] },
      ],
      [
        'percent 0',
        /the list {3}@alice, 'idp\|7'$/m,
        { mode: 'percent', percent: 0, allow: ['alice', `user:${NO_HANDLE}`] },
      ],
      [`allow --remove ${NO_HANDLE}`, /taken off 'idp\|7'$/m, { mode: 'percent', percent: 0, allow: ['alice'] }],
      ['off', /the list {3}kept for later: @alice$/m, { mode: 'off', percent: null, allow: [], kept: ['alice'] }],
      ['percent 10', /the list {3}@alice$/m, { mode: 'percent', percent: 10, allow: ['alice'], kept: [] }],
      ['allow', /the share {2}of 10 % ends$/m, { mode: 'allow', percent: null, allow: ['alice'] }],
      [
        'percent 20 @carol',
        /the list {3}@carol; added @carol; taken off @alice$/m,
        { mode: 'percent', percent: 20, allow: ['carol'] },
      ],
      [
        'percent 20 --alone',
        /the list {3}nobody any more; taken off @carol$/m,
        { mode: 'percent', percent: 20, allow: [] },
      ],
    ]
    for (const [how, says, after] of steps) {
      const dry = await run(...how.split(' '))
      expect([how, dry.code, dry.stderr, dry.stdout]).toEqual([how, 0, '', expect.stringMatching(says)])
      const done = await change(...how.split(' '), '--execute')
      expect([how, done]).toMatchObject([how, { executed: true, unchanged: false, after }])
      expect((await json<FederationStatus>('status')).federation).toMatchObject(after)
    }
  })

  it('says how many users and moods would be held, before anything is', async () => {
    await federate(site.app.store, { mode: 'allow', allow: ['alice', 'bob'] })
    const { users, effects } = await change('allow', '@bob')
    expect(users).toEqual({ all: 5, before: 2, after: 1, joining: 0, leaving: 1 })
    expect(effects.held).toEqual({ moods: 1, users: 1 })
    expect((await run('allow', '@bob')).stdout).toMatch(/^ {2}held {7}1 mood of 1 user, on their way until now$/m)
  })

  it('lets go of a user who is no more, and of one in another case', async () => {
    await federate(site.app.store, { mode: 'allow', allow: ['alice', 'gone', entryOf('u-gone', null)] })
    expect((await change('allow', '--remove', '@GONE', 'u-gone', '--execute')).after.allow).toEqual(['alice'])
  })

  it('lets in a user without a handle, and keeps that user in whatever handle is taken later', async () => {
    await federate(site.app.store, { mode: 'off' })
    const { users, after } = await change('allow', NO_HANDLE)
    expect([users.after, after.allow, after.text]).toEqual([1, [`user:${NO_HANDLE}`], "on for 'idp|7' only"])
  })

  it.each([
    ['allow', /nobody would be on the list: name users/],
    ['allow @alcie', /there is no user @alcie: did you mean @alice \(u-alice\)\?/],
    ['allow --remove @alcie', /there is no user @alcie: did you mean @alice/],
    ['allow idp|8', /there is no user idp\|8\n/],
    ['allow did:plc:nobody', /there is no user did:plc:nobody\n.*a user is @handle,/],
    ['allow --add', /name the users to add or to remove/],
    ['allow --add --remove @alice', /give one of --add and --remove/],
    ['allow --add @alice', /no list is in use, since federation is off: "moods federation allow @alice --execute"/],
    ['percent 10 @alice --alone', /name no users with --alone/],
    ['percent 101', /a share from 0 to 100/],
  ])('is left alone by a command that cannot be meant: %s', async (how, message) => {
    await federate(site.app.store, { mode: 'off' })
    const before = await site.app.store.policy.get()
    const { code, stdout, stderr } = await run(...how.split(' '), '--execute')
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)])
    expect(await site.app.store.policy.get()).toEqual(before)
  })
})

describe('the numbers', () => {
  it('add up to all moods, those without an account included, and say of how many users', async () => {
    await federate(site.app.store, { mode: 'allow', allow: ['alice', 'bob'] })
    const { users, moods } = await json<FederationStatus>('status')
    expect(users).toEqual({ all: 5, included: 2 })
    expect(moods).toEqual({
      underWay: { moods: 2, users: 2 },
      held: { moods: 0, users: 0 },
      history: { moods: 1, users: 1 },
      noAccount: { moods: 2, users: 2 },
      settled: { moods: 2, users: 2 },
    })
    const { stdout } = await run()
    expect(stdout).toMatch(/^includes +2 of 5 users$/m)
    expect(stdout).toMatch(/^without account +2 moods of 2 users let in, but without an account/m)
    expect(stdout).toMatch(/^together +7 moods$/m)
    const { effects } = await change('percent', '50')
    const { withdrawn: _withdrawn, ...cases } = effects
    expect(Object.values(cases).reduce((sum, each) => sum + each.moods, 0)).toBe(7)
    expect((await run('percent', '50')).stdout).toMatch(/^ {2}includes {3}\d of 5 users: \d more, and \d falls? out$/m)
  })
})
