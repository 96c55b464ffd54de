import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aReadyAccount, NOW } from '../../test/support/moods.ts'
import { newAccount } from './account.ts'
import { NO_COUNTS } from './audit-counts.ts'
import { FURTHEST } from './furthest.ts'
import { type GoodLook, NEVER_LOOKED, type RepoLooks } from './looks.ts'
import type { Proof } from './proof.ts'
import {
  ChangedUsers,
  changesFrom,
  FirstTurns,
  hostRestMs,
  isRenewable,
  patienceMs,
  proofText,
  provenTooLongAgo,
  ProofTally,
  type ProvingNote,
  provingIn,
  sweepEveryMs,
  sweepSoonMs,
  turnOf,
} from './proving.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

function proofAt(at: number, seenAt = at): Proof {
  return { did: 'did:plc:a', rev: 'rev', commit: 'cid', records: 1, at, seenAt }
}

function goodAt(at: number, fields: Partial<GoodLook> = {}): RepoLooks {
  const good = { at, rev: 'rev', counts: NO_COUNTS, findings: {}, proof: proofAt(at), ...fields }
  return { good, failed: null }
}

function failedAt(since: number, at: number): RepoLooks {
  return { good: null, failed: { since, at, code: 'RepoNotFound' } }
}

const NOTE: ProvingNote = {
  at: NOW,
  everyMs: DAY,
  changedSince: NOW - HOUR,
  accounts: 9,
  proven: 4,
  oldest: NOW - HOUR,
  findings: 2,
  unprovable: { RepoTakendown: 1 },
  unproven: 2,
}

describe('the turn of a repo', () => {
  it('comes when three quarters of the time are over since it was last seen as it was proven', () => {
    expect(turnOf(NEVER_LOOKED, DAY, NOW)).toBe(0)
    expect(turnOf(goodAt(NOW - HOUR), DAY, NOW)).toBe(NOW + 17 * HOUR)
    expect(turnOf(goodAt(NOW - 20 * HOUR, { proof: proofAt(NOW - 20 * HOUR, NOW) }), DAY, NOW)).toBe(NOW + 18 * HOUR)
    expect(turnOf(goodAt(NOW, { proof: null, findings: { drift: 1 } }), DAY, NOW)).toBe(NOW + 18 * HOUR)
  })

  it('comes soon where work was under way, and less and less often where the repo cannot be read', () => {
    expect(turnOf(goodAt(NOW, { rev: null }), DAY, NOW)).toBe(NOW + 10 * MINUTE)
    expect(turnOf(failedAt(NOW, NOW), DAY, NOW)).toBe(NOW + 10 * MINUTE)
    expect(turnOf(failedAt(NOW - 2 * HOUR, NOW), DAY, NOW)).toBe(NOW + 2 * HOUR)
    expect(turnOf(failedAt(NOW - 9 * DAY, NOW), DAY, NOW)).toBe(NOW + 18 * HOUR)
  })

  it('has come where the times of the last look lie in the future', () => {
    const ahead = NOW + FURTHEST.look + 1
    for (const looks of [goodAt(ahead), goodAt(ahead, { proof: null }), failedAt(ahead, ahead)]) {
      expect(turnOf(looks, DAY, NOW)).toBe(0)
      expect(isRenewable(looks, DAY, NOW)).toBe(false)
    }
  })

  it('is never further away than the time within which all are proven, and a tolerance for clocks', () => {
    const time = fc.integer({ min: NOW - 9 * DAY, max: NOW + 9 * DAY })
    const good = fc.record({ at: time, rev: fc.constantFrom(null, 'rev'), seen: fc.nat(DAY), hasProof: fc.boolean() })
    fc.assert(
      fc.property(fc.option(good), fc.option(fc.tuple(time, fc.nat(DAY))), (look, fail) => {
        const proof = look?.hasProof ? proofAt(look.at, look.at + look.seen) : null
        const looks = {
          good: look && { ...goodAt(look.at).good!, rev: look.rev, proof },
          failed: fail && { since: fail[0], at: fail[0] + fail[1], code: 'X' },
        }
        expect(turnOf(looks, DAY, NOW)).toBeLessThanOrEqual(NOW + FURTHEST.look + 0.75 * DAY)
      }),
    )
  })
})

describe('the list of those whose turn has come', () => {
  it('has the first turns, in order, however many there are', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000)), fc.integer({ min: 1, max: 20 }), (turns, most) => {
        const first = new FirstTurns<{ turn: number }>(most)
        for (const turn of turns) first.add({ turn })
        const sorted = turns.toSorted((a, b) => a - b).slice(0, most)
        expect(first.list().map(({ turn }) => turn)).toEqual(sorted)
      }),
    )
  })

  it('starves nobody: everybody is proven within the time, whatever the clock does and whoever cannot be read', () => {
    const scenario = fc.record({
      repos: fc.integer({ min: 1, max: 40 }),
      most: fc.integer({ min: 1, max: 10 }),
      jumps: fc.array(fc.integer({ min: -2 * DAY, max: 2 * DAY }), { maxLength: 3 }),
      broken: fc.integer({ min: 2, max: 9 }),
    })
    fc.assert(
      fc.property(scenario, ({ repos, most, jumps, broken }) => {
        let now = NOW
        const looks = new Map<number, RepoLooks>()
        const isBroken = (i: number): boolean => i % broken === 1
        const look = (i: number): void => {
          const since = looks.get(i)?.failed?.since ?? now
          // A clock that was wrong: what it noted first counts as `looked` of domain/looks.ts has it.
          const failed = { since: Math.min(since, now), at: now, code: 'X' }
          looks.set(i, isBroken(i) ? { good: null, failed } : goodAt(now))
        }
        const step = (): number => {
          const first = new FirstTurns<{ turn: number; i: number }>(most)
          for (let i = 0; i < repos; i++) {
            const turn = turnOf(looks.get(i) ?? NEVER_LOOKED, DAY, now)
            if (turn <= now) first.add({ turn, i })
          }
          for (const { i } of first.list()) look(i)
          return first.list().length
        }
        for (const jump of [0, ...jumps, 0]) {
          now += jump
          // Each round has room for some of them; in so many rounds everybody had a turn.
          for (let round = 0; round < Math.ceil(repos / most); round++) step()
          const others = [...Array(repos).keys()].filter((i) => !isBroken(i))
          for (const i of others) expect(turnOf(looks.get(i)!, DAY, now)).toBeGreaterThan(now)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a renewal', () => {
  it('is for what was proven at the last look, for a week; then the repo is read again', () => {
    expect(isRenewable(goodAt(NOW - 6 * DAY), DAY, NOW)).toBe(true)
    expect(isRenewable(goodAt(NOW - 7 * DAY), DAY, NOW)).toBe(false)
    expect(isRenewable(goodAt(NOW, { rev: null }), DAY, NOW)).toBe(false)
    expect(isRenewable(goodAt(NOW, { proof: null }), DAY, NOW)).toBe(false)
    expect(isRenewable({ ...goodAt(NOW - 2), failed: { since: NOW, at: NOW, code: 'X' } }, DAY, NOW)).toBe(false)
    expect(isRenewable(NEVER_LOOKED, DAY, NOW)).toBe(false)
  })
})

describe('changed users', () => {
  it('are ready when a minute has passed since the last change, or ten since the first', () => {
    const changed = new ChangedUsers(3)
    changed.note('u1', NOW)
    changed.note('u2', NOW)
    changed.note('u1', NOW + 30_000)
    expect([...changed.settled(NOW + MINUTE)]).toEqual([['u2', NOW]])
    expect(changed.since).toBe(NOW)
    changed.forget('u2')
    for (let i = 1; i < 20; i++) changed.note('u1', NOW + i * 30_000)
    expect([...changed.settled(NOW + 10 * MINUTE - 1)]).toEqual([])
    expect([...changed.settled(NOW + 10 * MINUTE)]).toEqual([['u1', NOW + 19 * 30_000]])
    changed.forget('u1')
    expect(changed.since).toBeNull()
  })

  it('are ready where the change lies in the future, and are no more than fit', () => {
    const changed = new ChangedUsers(2)
    changed.note('u1', NOW + HOUR)
    expect([...changed.settled(NOW).keys()]).toEqual(['u1'])
    expect(changed.isFull).toBe(false)
    changed.note('u2', NOW)
    expect(changed.isFull).toBe(true)
  })

  it('are looked for from where the last process was, and no further back than a proof lasts', () => {
    expect(changesFrom(null, NOW)).toBe(NOW)
    expect(changesFrom(NOTE, NOW)).toBe(NOW - HOUR)
    expect(changesFrom(NOTE, NOW + 9 * DAY)).toBe(NOW + 8 * DAY)
    expect(changesFrom({ ...NOTE, changedSince: NOW + HOUR }, NOW)).toBe(NOW)
  })
})

describe('how long it waits', () => {
  it('is a tenth of the time for all repos together, and half a minute at most for one', () => {
    expect(patienceMs(DAY, 0)).toBe(30_000)
    expect(patienceMs(DAY, 10)).toBe(30_000)
    expect(patienceMs(DAY, 10_000) * 10_000).toBe(DAY / 10)
  })

  it('grows with a host that does not answer, up to an hour, and sweeps come at least once an hour', () => {
    expect([1, 2, 3, 7, 99].map(hostRestMs)).toEqual([MINUTE, 2 * MINUTE, 4 * MINUTE, HOUR, HOUR])
    expect([0, HOUR, DAY, 30 * DAY].map(sweepEveryMs)).toEqual([MINUTE, 7.5 * MINUTE, HOUR, HOUR])
    expect([1, 100_000, 9_000_000].map((n) => sweepSoonMs(DAY, n))).toEqual([MINUTE, 10 * MINUTE, HOUR])
  })
})

describe('the numbers', () => {
  it('have each account that has a repo in one place', () => {
    const tally = new ProofTally()
    const account = aReadyAccount()
    const refused = {
      ...account,
      state: 'needs_attention',
      error: { code: 'AccountTakedown', message: '', at: NOW },
    } as const
    tally.add(newAccount('u9', 'nobody'))
    tally.add(account)
    tally.add(account, goodAt(NOW, { proof: proofAt(NOW - HOUR, NOW - 5) }))
    tally.add(account, goodAt(NOW - 9))
    tally.add(account, goodAt(NOW, { proof: null, findings: { stray: 2 } }))
    tally.add(account, goodAt(NOW, { proof: null, rev: null }))
    tally.add(account, goodAt(NOW, { proof: null }))
    tally.add(account, { ...goodAt(NOW - 99), failed: { since: NOW, at: NOW, code: 'CarWrongHash' } })
    tally.add(refused, goodAt(NOW))
    expect(tally.numbers()).toEqual({
      accounts: 8,
      proven: 2,
      oldest: NOW - 9,
      findings: 1,
      unproven: 2,
      unprovable: { NoSignature: 1, CarWrongHash: 1, AccountTakedown: 1 },
    })
  })

  it('are said in words', () => {
    expect(proofText(NOTE, NOW)).toBe(
      '4 of 9 repos proven equal, the oldest proof 60 min old, 2 with findings, not provable: 1 RepoTakendown, 2 not proven yet',
    )
    expect(proofText(new ProofTally().numbers(), NOW)).toBe('0 of 0 repos proven equal')
  })

  it('are read back as they were stored, and whatever else is stored is none', () => {
    expect(provingIn(structuredClone(NOTE))).toEqual(NOTE)
    expect(provingIn({ ...NOTE, oldest: null })).toEqual({ ...NOTE, oldest: null })
    for (const name of ['at', 'everyMs', 'changedSince', 'accounts', 'proven', 'findings', 'unproven']) {
      for (const value of [-1, 0.5, 'x', null, undefined]) expect(provingIn({ ...NOTE, [name]: value })).toBeNull()
    }
    fc.assert(
      fc.property(fc.anything(), (stored) => {
        expect(provingIn(stored)).toBeNull()
        expect(provingIn({ ...NOTE, unprovable: stored })).not.toBeNull()
      }),
    )
  })

  it('tell of trouble when the oldest proof is twice as old as it may be', () => {
    expect(provenTooLongAgo(null, NOW)).toBeNull()
    expect(provenTooLongAgo({ ...NOTE, oldest: null }, NOW)).toBeNull()
    expect(provenTooLongAgo({ ...NOTE, oldest: NOW - 2 * DAY }, NOW)).toBeNull()
    expect(provenTooLongAgo({ ...NOTE, oldest: NOW - 2 * DAY }, NOW + 1)).toBe(NOW)
    expect(provenTooLongAgo({ ...NOTE, oldest: NOW + 9 * DAY }, NOW)).toBeNull()
  })
})
