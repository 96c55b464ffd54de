import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  answeredOddly,
  answeredWell,
  blocked,
  informed,
  isDead,
  isInTrouble,
  type LedgerEntry,
  pointsOf,
  reachable,
  reserve,
  unreachable,
  UNUSED,
} from './budget.ts'
import { REFERENCE, WEAKEST } from './host-facts.ts'

const HOUR = 3_600_000
const limits = [
  { max: 100, windowMs: HOUR },
  { max: 500, windowMs: 24 * HOUR },
]
const ask = (entry: LedgerEntry, cost: number, now: number, share = 1) =>
  reserve(entry, { limits, cost, share, probeMs: 50 }, now)

describe('reserve', () => {
  it('a budget never grants more than a limit within its window', () => {
    const steps = fc.array(fc.record({ cost: fc.integer({ min: 1, max: 60 }), wait: fc.nat({ max: HOUR / 2 }) }), {
      maxLength: 80,
    })
    fc.assert(
      fc.property(steps, (asked) => {
        let entry = UNUSED
        let now = 0
        const granted: { at: number; cost: number }[] = []
        for (const { cost, wait } of asked) {
          now += wait
          const answer = ask(entry, cost, now)
          if (answer.waitUntil === null) granted.push({ at: now, cost })
          else expect(answer.waitUntil).toBeGreaterThan(now)
          entry = answer.entry
          for (const [i, { max }] of limits.entries()) expect(entry.windows[i]?.used ?? 0).toBeLessThanOrEqual(max)
        }
        // A window begins with the first use after the one before, as it does on the PDS.
        for (const { max, windowMs } of limits) {
          let start = -Infinity
          let used = 0
          for (const { at, cost } of granted) {
            if (at >= start + windowMs) [start, used] = [at, 0]
            used += cost
            expect(used).toBeLessThanOrEqual(max)
          }
        }
      }),
    )
  })

  it('a refusal names the time from which the budget grants again', () => {
    const full = ask(UNUSED, 100, 0).entry
    expect(ask(full, 1, 10).waitUntil).toBe(HOUR)
    expect(ask(full, 1, HOUR).waitUntil).toBeNull()
  })

  it('a budget keeps a share for deletions', () => {
    const entry = ask(UNUSED, 90, 0, 0.9).entry
    expect(ask(entry, 1, 1, 0.9).waitUntil).toBe(HOUR)
    expect(ask(entry, 10, 1, 1).waitUntil).toBeNull()
  })

  it('a budget waits as long as the PDS has asked for', () => {
    const entry = blocked(UNUSED, 500)
    expect(ask(entry, 1, 499).waitUntil).toBe(500)
    expect(ask(entry, 1, 500).waitUntil).toBeNull()
  })
})

describe('a host that does not answer', () => {
  it('a dead host gets one probe at a time, until it answers', () => {
    let entry = unreachable(UNUSED, true, 200, 0)
    expect(ask(entry, 1, 100)).toMatchObject({ waitUntil: 200, failing: true })
    const first = ask(entry, 1, 200)
    expect(first.waitUntil).toBeNull()
    expect(ask(first.entry, 1, 201).waitUntil).toBe(250)
    entry = unreachable(first.entry, true, 400, 210)
    expect(ask(entry, 1, 300).waitUntil).toBe(610)
    entry = reachable(ask(entry, 1, 610).entry)
    expect([ask(entry, 1, 611).waitUntil, ask(entry, 1, 611).failing]).toEqual([null, false])
  })

  it('a dead host is known by its first failure in a row', () => {
    const once = unreachable(UNUSED, false, 200, 8, 5)
    expect(isDead(once)).toBe(false)
    const dead = unreachable(unreachable(once, false, 200, 7), false, 200, 9)
    expect(isDead(dead)).toBe(true)
    expect(dead.silentSince).toBe(5)
    expect(unreachable(dead, true, 200, 11).silentSince).toBe(5)
    expect(reachable(dead)).toEqual(UNUSED)
    expect(unreachable(reachable(dead), true, 200, 13).silentSince).toBe(13)
  })

  it('whatever becomes of a host, nothing is granted before the time that its PDS has asked for', () => {
    const steps = fc.array(
      fc.record({
        kind: fc.constantFrom('ask', 'blocked', 'unreachable', 'reachable'),
        ms: fc.nat({ max: 500 }),
        certain: fc.boolean(),
        wait: fc.nat({ max: 200 }),
      }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(steps, (taken) => {
        let entry = UNUSED
        let now = 0
        let asked = 0
        for (const { kind, ms, certain, wait } of taken) {
          now += wait
          if (kind === 'blocked') asked = Math.max(asked, now + ms)
          if (kind === 'blocked') entry = blocked(entry, now + ms)
          else if (kind === 'unreachable') entry = unreachable(entry, certain, ms, now)
          else if (kind === 'reachable') entry = reachable(entry)
          else entry = reserve(entry, { limits: [], cost: 1, share: 1, probeMs: 50 }, now).entry
          const { waitUntil } = reserve(entry, { limits: [], cost: 1, share: 1, probeMs: 50 }, now)
          expect(waitUntil ?? now).toBeGreaterThanOrEqual(asked > now ? asked : now)
        }
      }),
    )
  })

  it('a dead host whose PDS has also asked to wait is left alone until both times are over', () => {
    const dead = unreachable(UNUSED, true, 200, 0)
    expect(ask(blocked(dead, 500), 1, 100).waitUntil).toBe(500)
    expect(ask(blocked(dead, 100), 1, 50).waitUntil).toBe(200)
    expect(ask(reachable(blocked(dead, 500)), 1, 100)).toMatchObject({ waitUntil: 500, failing: false })
    expect(ask(unreachable(blocked(UNUSED, 500), true, 200, 0), 1, 300).waitUntil).toBe(500)
  })

  it('one lost answer does not make a host dead', () => {
    const once = unreachable(UNUSED, false, 200, 0)
    expect(ask(once, 1, 1).waitUntil).toBeNull()
    const thrice = unreachable(unreachable(once, false, 200, 1), false, 200, 2)
    expect(ask(thrice, 1, 3).waitUntil).toBe(202)
  })
})

describe('pointsOf', () => {
  it('what a clock that was ahead has noted of a host keeps nobody waiting once it is right', () => {
    for (const jump of [2 * HOUR, 400 * 24 * HOUR, 12 * 365 * 24 * HOUR]) {
      const requests = [{ max: 3000, windowMs: 300_000 }]
      const reserved = { limits: requests, cost: 1, share: 1, probeMs: 5_000 }
      const used = reserve(UNUSED, { ...reserved, cost: 3000 }, jump).entry
      expect(reserve(used, reserved, 0).waitUntil).toBeNull()
      expect(reserve(blocked(UNUSED, jump + 300_000), reserved, 0).waitUntil).toBeNull()
      const dead = unreachable(UNUSED, true, 30_000, jump)
      expect(reserve(dead, reserved, 0).waitUntil).toBeNull()
      expect(unreachable(dead, true, 30_000, 0)).toMatchObject({ silentSince: 0, probeAt: 30_000 })
      expect(blocked(blocked(UNUSED, jump + 300_000), 9).blockedUntil).toBe(9)
    }
  })

  it('an account may be asked to wait for as long as its longest window', () => {
    expect(ask(blocked(UNUSED, 24 * HOUR), 1, 0).waitUntil).toBe(24 * HOUR)
    expect(ask(blocked(UNUSED, 26 * HOUR), 1, 0).waitUntil).toBeNull()
  })

  it('points are counted as the PDS counts them', () => {
    const create = { action: 'create', rkey: 'k', cid: 'c', value: { $type: 't' } } as const
    const remove = { action: 'delete', rkey: 'k' } as const
    expect(pointsOf([create])).toBe(2)
    expect(pointsOf([remove])).toBe(1)
    expect(pointsOf([create, create, remove])).toBe(7)
  })
})

describe('a host that does not answer as a PDS does', () => {
  const PUT = 'com.atproto.repo.putRecord'
  const odd = answeredOddly(UNUSED, { method: PUT, said: '403 text/html' }, 20, 10)

  it('is probed before anything else, and is not dead however often that happens', () => {
    let entry = odd
    for (let i = 0; i < 9; i++) entry = answeredOddly(entry, { method: PUT, said: '403 text/html' }, 20 + i, 10)
    expect(ask(entry, 1, 30)).toMatchObject({ failing: true, dead: false, unwell: [PUT] })
    expect(entry.silentSince).toBe(10)
  })

  it('is dead once it does not answer probes either', () => {
    expect(isDead(unreachable(unreachable(odd, false, 100, 30), false, 100, 40))).toBe(true)
  })

  it('stays noted when it answers a probe, until the method is answered well', () => {
    const probed = reachable(odd)
    expect([isInTrouble(probed), ask(probed, 1, 30).failing]).toEqual([true, false])
    expect(answeredWell(probed, ['com.atproto.repo.getRecord'])).toEqual(probed)
    expect(answeredWell(probed, [PUT])).toEqual(UNUSED)
    expect(answeredWell(UNUSED, [PUT])).toEqual(UNUSED)
    expect(ask(UNUSED, 1, 30)).not.toHaveProperty('unwell')
  })
})

describe('what holds on a host', () => {
  it('is no trouble: what the host is known not to have is no longer told of', () => {
    const said = '404 application/json'
    let entry = answeredOddly(UNUSED, { method: 'com.atproto.repo.applyWrites', said }, 20, 10)
    entry = answeredOddly(entry, { method: 'com.atproto.repo.putRecord', said }, 20, 10)
    expect(informed(entry, { ...REFERENCE, at: 30 })).toEqual({ ...entry, facts: { ...REFERENCE, at: 30 } })
    const weak = informed(entry, { ...WEAKEST, at: 30 })
    expect(weak.unwell?.map(({ method }) => method)).toEqual(['com.atproto.repo.putRecord'])
    expect(informed(weak, null)).not.toHaveProperty('facts')
  })
})
