import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  entryOf,
  extentOf,
  FEDERATE_ALL,
  FEDERATE_NONE,
  type FederationPolicy,
  federates,
  firstPolicy,
  inForce,
  isSamePolicy,
  POLICY_MODES,
  type PolicyMode,
  policyInForceText,
  policyText,
} from './policy.ts'

const none: readonly string[] = []
const users = fc.string({ maxLength: 40 })
const percents = fc.double({ min: 0, max: 100, noNaN: true })
const handles = fc.option(fc.stringMatching(/^[a-z]{1,8}$/))
const lists = fc.uniqueArray(fc.constantFrom('alice', 'bob', 'carol')).map((list): readonly string[] => list.toSorted())
const policies: fc.Arbitrary<FederationPolicy> = fc.record({
  mode: fc.constantFrom(...POLICY_MODES),
  percent: percents,
  allow: lists,
})

const share = (percent: number, allow: readonly string[] = none): FederationPolicy => ({
  mode: 'percent',
  percent,
  allow,
})

const onList = (...allow: readonly string[]): FederationPolicy => ({ mode: 'allow', percent: 0, allow })

describe('the federation policy', () => {
  it('keeps a user who is in at one share in at every larger one', () => {
    fc.assert(
      fc.property(users, handles, percents, percents, (user, handle, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)]
        const isIn = (percent: number): boolean => federates(share(percent), user, handle)
        expect(isIn(less) && !isIn(more)).toBe(false)
        expect(isIn(less)).toBe(isIn(less))
      }),
      { numRuns: 300 },
    )
  })

  it('includes nobody where its extent is nobody, and everybody where that is all', () => {
    const extremes = fc.constantFrom(FEDERATE_NONE, FEDERATE_ALL, share(0), share(100))
    fc.assert(
      fc.property(fc.oneof(policies, extremes), users, handles, (policy, user, handle) => {
        const extent = extentOf(policy)
        if (extent !== 'some') expect(federates(policy, user, handle)).toBe(extent === 'all')
      }),
      { numRuns: 500 },
    )
    expect([share(10), share(0, ['alice']), onList('alice')].map(extentOf)).toEqual(['some', 'some', 'some'])
    expect([share(0), share(100), onList()].map(extentOf)).toEqual(['nobody', 'all', 'nobody'])
  })

  it('publishes no user when off and every user when on, whatever list or share was left from before', () => {
    fc.assert(
      fc.property(users, handles, percents, lists, (user, handle, percent, allow) => {
        expect(federates({ mode: 'off', percent, allow }, user, handle)).toBe(false)
        expect(federates({ mode: 'on', percent, allow }, user, handle)).toBe(true)
        expect(federates(share(0), user, handle)).toBe(false)
        expect(federates(share(100), user, handle)).toBe(true)
      }),
    )
  })

  it('publishes handles on the list at any share, and no others because of it', () => {
    fc.assert(
      fc.property(users, handles, percents, lists, (user, handle, percent, allow) => {
        const isListed = handle !== null && allow.includes(handle)
        expect(federates(share(percent, allow), user, handle)).toBe(isListed || federates(share(percent), user, null))
        expect(federates({ mode: 'allow', percent, allow }, user, handle)).toBe(isListed)
      }),
    )
  })

  it('publishes a user without a handle who is on the list by sub, and stays with that user', () => {
    fc.assert(
      fc.property(users, handles, fc.constantFrom<PolicyMode>('allow', 'percent'), (user, handle, mode) => {
        expect(federates({ mode, percent: 0, allow: [entryOf(user, null)] }, user, handle)).toBe(true)
      }),
    )
    expect(federates(onList('user:u1'), 'u2', 'u1')).toBe(false)
    expect(federates(onList('u1'), 'u1', null)).toBe(false)
  })

  it('goes by the user and not by the handle, so that a new handle changes nothing', () => {
    fc.assert(
      fc.property(users, handles, handles, percents, (user, one, two, percent) => {
        expect(federates(share(percent), user, one)).toBe(federates(share(percent), user, two))
      }),
    )
  })

  it.each([1, 10, 50, 90])('publishes about %s percent of many users at that share', (percent) => {
    const inside = Array.from({ length: 5000 }, (_, i) => federates(share(percent), `user-${i}`, null))
    const actual = (100 * inside.filter(Boolean).length) / inside.length
    expect(Math.abs(actual - percent)).toBeLessThan(2)
  })

  it('is the same as another exactly where it publishes the same users', () => {
    fc.assert(
      fc.property(policies, policies, users, handles, (one, other, user, handle) => {
        expect(isSamePolicy(one, one)).toBe(true)
        expect(isSamePolicy(one, other)).toBe(isSamePolicy(other, one))
        if (isSamePolicy(one, other)) expect(federates(one, user, handle)).toBe(federates(other, user, handle))
      }),
    )
    expect(isSamePolicy(share(10), share(20))).toBe(false)
    expect(isSamePolicy(share(10), share(10, ['alice']))).toBe(false)
    expect(isSamePolicy({ ...FEDERATE_NONE, percent: 50 }, FEDERATE_NONE)).toBe(true)
  })

  it('publishes nothing where there is none', () => {
    expect(inForce(null)).toBe(FEDERATE_NONE)
    expect(inForce({ policy: FEDERATE_ALL, by: 'a', at: 0, reason: null, version: 1 })).toBe(FEDERATE_ALL)
  })
})

describe('the first policy of a store', () => {
  it.each([
    { configured: null, isEmpty: true, hasRun: false, mode: 'on' },
    { configured: null, isEmpty: false, hasRun: false, mode: 'off' },
    { configured: null, isEmpty: false, hasRun: true, mode: 'on' },
    { configured: FEDERATE_ALL, isEmpty: true, hasRun: false, mode: 'on' },
    { configured: FEDERATE_ALL, isEmpty: false, hasRun: false, mode: 'off' },
    { configured: share(100), isEmpty: false, hasRun: false, mode: 'off' },
    { configured: FEDERATE_ALL, isEmpty: false, hasRun: true, mode: 'on' },
    { configured: FEDERATE_NONE, isEmpty: true, hasRun: false, mode: 'off' },
    { configured: FEDERATE_NONE, isEmpty: false, hasRun: true, mode: 'off' },
    { configured: share(10), isEmpty: false, hasRun: false, mode: 'percent' },
    { configured: onList('alice'), isEmpty: false, hasRun: false, mode: 'allow' },
  ])('is $mode where empty: $isEmpty, run before: $hasRun, configured: $configured.mode', ({ mode, ...unseeded }) => {
    const { policy, reason } = firstPolicy(unseeded)
    expect(policy.mode).toBe(mode)
    expect(reason).not.toBe('')
  })
})

describe('the policy in words', () => {
  it.each([
    [FEDERATE_ALL, 'on for all users'],
    [FEDERATE_NONE, 'off'],
    [share(10), 'on for 10 % of the users'],
    [share(10, ['alice', 'bob']), 'on for 10 % of the users and for @alice, @bob'],
    [share(10, ['alice', 'user:idp|7']), "on for 10 % of the users and for @alice, 'idp|7'"],
    [{ mode: 'allow', percent: 0, allow: ['alice'] }, 'on for @alice only'],
    [{ mode: 'allow', percent: 0, allow: none }, 'on for nobody'],
    [
      { mode: 'allow', percent: 0, allow: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] },
      'on for @a, @b, @c, @d, @e and 2 more only',
    ],
  ] as const)('says "%s"', (policy, text) => {
    expect(policyText(policy)).toBe(text)
  })

  it('says who set it, when and why', () => {
    const stored = { policy: FEDERATE_NONE, by: 'carol@host', at: 0, reason: 'complaints', version: 2 }
    expect(policyInForceText(stored)).toBe('off, since 1970-01-01T00:00:00.000Z by carol@host (complaints)')
    expect(policyInForceText({ ...stored, reason: null })).toBe('off, since 1970-01-01T00:00:00.000Z by carol@host')
    expect(policyInForceText(null)).toBe('off: the store has no policy yet')
  })
})
