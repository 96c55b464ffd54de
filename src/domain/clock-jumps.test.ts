/** Processes whose clocks jump share a repo's queue and a host's ledger: once all clocks are right, nothing waits for long. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aWorker } from '../../test/contract/workers.ts'
import { NOW } from '../../test/support/moods.ts'
import { blocked, reachable, reserve, unreachable, UNUSED } from './budget.ts'
import { isCheckDue } from './data-check.ts'
import { answered, inherited, QUARANTINE_MS, sending, workedOff } from './doubt.ts'
import { FURTHEST, isTimeTo } from './furthest.ts'
import { nextTry } from './next-try.ts'
import type { Failure } from './outcome.ts'
import { claimed, isClaimable, type Lease, leaseOf, marked, released, reminded, renewed, unmarked } from './queue.ts'
import { mayClaim } from './tasks.ts'
import { isAlive, stuckSince } from './worker.ts'

const HOUR = 3_600_000
const JUMPS = [0, 30_000, 300_000, 2 * HOUR, 400 * 24 * HOUR, 12 * 365 * 24 * HOUR]
const aJump = fc.constantFrom(...JUMPS.flatMap((ms) => [ms, -ms]))
const LEASE_MS = 6_000
const WITHIN_MS = 120_000

const aFailure = fc.constantFrom<Failure>(
  { kind: 'host_down', code: 'ECONNREFUSED' },
  { kind: 'later', afterMs: 60_000, scope: 'host' },
  { kind: 'uncertain', code: 'TimeoutError', answered: false },
)
const aStep = fc.record({
  process: fc.nat({ max: 2 }),
  jump: aJump,
  what: fc.constantFrom('jump', 'mark', 'claim', 'claim', 'renew', 'release', 'fail', 'die', 'sweep'),
  failure: aFailure,
  afterMs: fc.integer({ min: 0, max: 20_000 }),
})

describe('whatever the clocks of three processes do', () => {
  it('a repo with work can be claimed within two minutes of their being right', () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 40 }), (steps) => {
        let now = NOW
        let repo = marked(unmarked('u1'), now)
        const clocks = [0, 0, 0]
        const leases: (Lease | null)[] = [null, null, null]
        for (const { process, jump, what, failure, afterMs } of steps) {
          now += afterMs
          if (what === 'jump') clocks[process] = jump
          const at = now + clocks[process]!
          const lease = leases[process] ?? null
          if (what === 'mark') repo = marked(repo, at)
          if (what === 'sweep') repo = reminded(repo, at)
          if (what === 'claim' && lease === null) {
            const taken = claimed(
              repo,
              { token: `${process} ${now}`, owner: 'w', until: at + LEASE_MS },
              at,
              QUARANTINE_MS,
            )
            if (taken) [repo, leases[process]] = [taken, leaseOf(taken)]
          }
          if (what === 'renew' && lease) repo = renewed(repo, lease, at + LEASE_MS) ?? repo
          if ((what === 'release' || what === 'fail') && lease) {
            const doubt = answered(sending(inherited(lease), 'destruction'), failure, at)
            const next = nextTry(failure, lease.failures, true, () => 0.999)
            const wait = next.kind === 'wait' ? { dueAt: at + next.afterMs, failures: next.failures } : null
            const done = { dueAt: null, failures: 0, ...workedOff(inherited(lease), at) }
            repo = released(repo, lease, what === 'fail' && wait ? { ...doubt, ...wait } : done, at) ?? repo
            leases[process] = null
          }
          if (what === 'die') leases[process] = null
        }
        // Those who held it are gone; the sweep of a process whose clock is right comes within a minute.
        const swept = reminded(repo, now + 60_000)
        expect(isClaimable(swept, now + WITHIN_MS), JSON.stringify(swept)).toBe(true)
        const taken = claimed(swept, { token: 'x', owner: 'w', until: 0 }, now + WITHIN_MS, QUARANTINE_MS)!
        expect(taken.quarantine.until).toBeLessThanOrEqual(now + WITHIN_MS + FURTHEST.quarantine)
      }),
      { numRuns: 1_000 },
    )
  })

  it('a host is asked again within two minutes of their being right, and is dead no longer than it is silent', () => {
    const limits = [{ max: 3_000, windowMs: 300_000 }]
    const reserved = { limits, cost: 1, share: 1, probeMs: 5_000 }
    const aTurn = fc.record({
      jump: aJump,
      what: fc.constantFrom('ask', 'silent', 'dead', 'busy', 'answer'),
      ms: fc.nat({ max: 9_000 }),
    })
    fc.assert(
      fc.property(fc.array(aTurn, { maxLength: 30 }), (turns) => {
        let now = NOW
        let entry = UNUSED
        for (const { jump, what, ms } of turns) {
          now += ms
          const at = now + jump
          if (what === 'ask') entry = reserve(entry, reserved, at).entry
          if (what === 'silent' || what === 'dead') entry = unreachable(entry, what === 'dead', 30_000, at)
          if (what === 'busy') entry = blocked(entry, at + 60_000)
          if (what === 'answer') entry = reachable(entry)
        }
        // A jump of minutes may make a wait of at most that much longer.
        const most = Math.max(FURTHEST.block, FURTHEST.probe)
        expect(reserve(entry, reserved, now + most).waitUntil).toBeNull()
        if (!turns.some(({ jump }) => Math.abs(jump) === 300_000)) {
          expect(reserve(entry, reserved, now + WITHIN_MS).waitUntil).toBeNull()
        }
        expect(unreachable(entry, false, 9, now).silentSince).toBeLessThanOrEqual(now + FURTHEST.skew)
      }),
      { numRuns: 500 },
    )
  })

  it('what a process remembers of its own looks keeps it from none, and no claim of a task lasts', () => {
    for (const jump of JUMPS) {
      expect(isTimeTo(NOW + jump, NOW + 60_000, 60_000)).toBe(jump <= 60_000 || jump > 120_000)
      const claim = { owner: 'a', until: NOW + jump + 60_000 }
      expect(mayClaim(claim, 'b', NOW + 2 * 60_000)).toBe(jump < 60_000 || jump > 3 * 60_000)
      if (jump > 0)
        expect(isCheckDue({ at: NOW + jump, documents: 0, odd: 0, mendable: 0, groups: [] }, NOW)).toBe(true)
    }
  })

  it('a worker that was ahead is alive once it beats by the right time, and none is stuck for a jump alone', () => {
    for (const jump of JUMPS) {
      expect(isAlive(aWorker('a', { at: NOW + jump }), NOW + jump)).toBe(true)
      expect(isAlive(aWorker('a', { at: NOW + jump }), NOW)).toBe(jump <= FURTHEST.beat)
      expect(stuckSince(aWorker('a', { at: NOW, progressedAt: NOW + jump }), NOW)).toBeNull()
    }
  })
})
