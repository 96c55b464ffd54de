import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LedgerEntry, type Limit, reserve, UNUSED } from './budget.ts'
import { crowdText, eventLimits, EVENTS_OF_ACCOUNT, isCrowded, leastTimeOf, type Load, planFor } from './relay.ts'

/** How long a load really takes, request by request, from the ledger that all processes share. */
function simulated({ requests, cost, share }: Load, limits: readonly Limit[]): number {
  let entry: LedgerEntry = UNUSED
  let now = 0
  for (let left = requests; left > 0;) {
    const answer = reserve(entry, { limits, cost, share, probeMs: 0 }, now)
    entry = answer.entry
    if (answer.waitUntil === null) left--
    else now = answer.waitUntil
  }
  return now
}

const limit = fc.record({ max: fc.integer({ min: 1, max: 60 }), windowMs: fc.integer({ min: 1, max: 5_000 }) })
const load = fc.record({
  requests: fc.nat({ max: 400 }),
  cost: fc.integer({ min: 1, max: 5 }),
  share: fc.constantFrom(1, 0.9, 0.5),
})

describe('the time that a load takes at least', () => {
  it('is what the ledger needs for it, whatever the limits', () => {
    fc.assert(
      fc.property(load, fc.array(limit, { maxLength: 3 }), (asked, limits) => {
        const isPossible = limits.every(({ max }) => max * asked.share >= asked.cost)
        fc.pre(isPossible)
        expect(leastTimeOf(asked, limits)).toBe(simulated(asked, limits))
      }),
      { numRuns: 500 },
    )
  })

  it('is what the ledger needs for it at the limits of a relay', () => {
    const loads = fc.record({
      requests: fc.nat({ max: 9_000 }),
      cost: fc.constantFrom(1, EVENTS_OF_ACCOUNT),
      share: fc.constantFrom(1, 0.9),
    })
    fc.assert(
      fc.property(loads, fc.constantFrom(1, 100, 1_000, 5_000), (asked, accountLimit) => {
        const limits = eventLimits(accountLimit)
        expect(leastTimeOf(asked, limits)).toBe(simulated(asked, limits))
      }),
      { numRuns: 40 },
    )
  })

  it('has no end where not even one request is allowed', () => {
    const limits = [{ max: 3, windowMs: 1_000 }]
    expect(leastTimeOf({ requests: 1, cost: 4, share: 1 }, limits)).toBe(Infinity)
    expect(leastTimeOf({ requests: 0, cost: 4, share: 1 }, limits)).toBe(0)
  })

  it('is known at once for ten million requests', () => {
    const days = leastTimeOf({ requests: 10_000_000, cost: 1, share: 1 }, eventLimits(100)) / 86_400_000
    expect(Math.floor(days)).toBe(476)
  })
})

describe('a relay', () => {
  it.each([
    [100, 2_600, 21_000, 50],
    [1_000, 3_500, 30_000, 51],
    [5_000, 7_500, 70_000, 55],
    [100_000, 102_500, 1_020_000, 150],
  ])('that admits %d accounts takes %d events an hour, %d a day and %d a second', (accounts, hour, day, second) => {
    expect(eventLimits(accounts).map(({ max }) => max)).toEqual([hour, day, second])
  })

  it('that admits 100 accounts needs an hour for 1,000 new ones, since each is four events', () => {
    const plan = planFor({ requests: 1_000, cost: EVENTS_OF_ACCOUNT, share: 1 }, 100, 1_000)
    expect(plan).toMatchObject({ events: 4_000, accountLimit: 100, accounts: 1_000 })
    expect(Math.floor(plan.leastMs / 60_000)).toBe(60)
  })

  it('is crowded from four fifths of the accounts that it admits', () => {
    expect([79, 80, 100, 101].map((accounts) => isCrowded(accounts, 100))).toEqual([false, true, true, true])
    expect(crowdText(79, 100)).toBeNull()
    expect(crowdText(80, 100)).toBe('80 accounts on the PDS, of 100 that a relay admits (RELAY_ACCOUNT_LIMIT)')
    expect(crowdText(101, 100)).toBe(
      '101 accounts on the PDS, and a relay admits 100 (RELAY_ACCOUNT_LIMIT): 1 of them would be written and not visible',
    )
  })
})
