import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FEDERATE_ALL, FEDERATE_NONE, federates } from './policy.ts'

const none = new Set<string>()
const users = fc.string({ maxLength: 40 })
const shares = fc.double({ min: 0, max: 100, noNaN: true })
const handles = fc.option(fc.stringMatching(/^[a-z]{1,8}$/))

describe('the federation policy', () => {
  it('keeps a user who is in at one share in at every larger one', () => {
    fc.assert(
      fc.property(users, handles, shares, shares, (user, handle, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)]
        const isIn = (percent: number): boolean => federates({ percent, allow: none }, user, handle)
        expect(isIn(less) && !isIn(more)).toBe(false)
        expect(isIn(less)).toBe(isIn(less))
      }),
      { numRuns: 300 },
    )
  })

  it('publishes no user at 0 percent and every user at 100', () => {
    fc.assert(
      fc.property(users, handles, (user, handle) => {
        expect(federates(FEDERATE_NONE, user, handle)).toBe(false)
        expect(federates(FEDERATE_ALL, user, handle)).toBe(true)
      }),
    )
  })

  it('publishes handles on the list at any share, and no others because of it', () => {
    fc.assert(
      fc.property(
        users,
        handles,
        shares,
        fc.uniqueArray(fc.constantFrom('alice', 'bob', 'carol')),
        (user, handle, percent, list) => {
          const allow: ReadonlySet<string> = new Set(list)
          const isIn = federates({ percent, allow }, user, handle)
          const isListed = handle !== null && allow.has(handle)
          expect(isIn).toBe(isListed || federates({ percent, allow: none }, user, null))
          for (const name of list) expect(federates({ percent, allow }, user, name)).toBe(true)
        },
      ),
    )
  })

  it('goes by the user and not by the handle, so that a new handle changes nothing', () => {
    fc.assert(
      fc.property(users, handles, handles, shares, (user, one, two, percent) => {
        const policy = { percent, allow: none }
        expect(federates(policy, user, one)).toBe(federates(policy, user, two))
      }),
    )
  })

  it.each([1, 10, 50, 90])('publishes about %s percent of many users at that share', (percent) => {
    const inside = Array.from({ length: 5000 }, (_, i) => federates({ percent, allow: none }, `user-${i}`, null))
    const share = (100 * inside.filter(Boolean).length) / inside.length
    expect(Math.abs(share - percent)).toBeLessThan(2)
  })
})
