import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  answered,
  brokenOff,
  inherited,
  type Doubt,
  type InFlight,
  QUARANTINE_MS,
  handedOn,
  resultDropped,
  sending,
  workedOff,
} from './doubt.ts'
import { ok, type Outcome } from './outcome.ts'

const NOW = 1_000_000
const none = { until: 0, destructive: false }
const certain = inherited({ uncertain: false, quarantine: none })
const lost: Outcome = { kind: 'uncertain', code: 'TimeoutError', answered: false }
const sure: readonly Outcome[] = [
  ok(undefined),
  { kind: 'later', afterMs: 5, scope: 'account' },
  { kind: 'host_down', code: 'ECONNREFUSED' },
  { kind: 'unauthorized', code: 'ExpiredToken', message: '' },
  { kind: 'rejected', code: 'InvalidRequest', message: '' },
]

describe('an answer', () => {
  it.each(sure)('that is $kind leaves no doubt', (outcome) => {
    expect(answered(sending(certain, 'destruction'), outcome, NOW)).toEqual(certain)
  })

  it.each<[InFlight, boolean]>([
    ['creations', false],
    ['destruction', true],
  ])('to %s that was lost begins a quarantine, destructive: %s', (inFlight, destructive) => {
    const quarantine = { until: NOW + QUARANTINE_MS, destructive }
    expect(answered(sending(certain, inFlight), lost, NOW)).toEqual({ uncertain: true, quarantine, inFlight: null })
  })

  it('to a reading that was lost makes the repo uncertain and begins no quarantine', () => {
    expect(answered(certain, lost, NOW)).toEqual({ ...certain, uncertain: true })
  })

  it('InvalidSwap makes the repo uncertain and begins no quarantine: nothing was written', () => {
    const outcome: Outcome = { kind: 'uncertain', code: 'InvalidSwap', answered: true }
    expect(answered(sending(certain, 'destruction'), outcome, NOW)).toEqual({ ...certain, uncertain: true })
  })

  it('that was lost prolongs a quarantine, which stays destructive as long as it had lasted', () => {
    const before = inherited({ uncertain: true, quarantine: { until: NOW + 1, destructive: true } })
    const after = (now: number) => answered(sending(before, 'creations'), lost, now).quarantine
    expect(after(NOW)).toEqual({ until: NOW + QUARANTINE_MS, destructive: true })
    expect(after(NOW + 1)).toEqual({ until: NOW + 1 + QUARANTINE_MS, destructive: false })
  })

  it('counts once, however often it is noted', () => {
    const after = answered(sending(certain, 'creations'), lost, NOW)
    expect(answered(after, lost, NOW + 5)).toEqual(after)
  })
})

describe('work that is done', () => {
  it('leaves a repo certain, and uncertain while something may still land', () => {
    const dropped = resultDropped(certain)
    expect(dropped.uncertain).toBe(true)
    expect(workedOff(dropped, NOW)).toEqual(certain)
    const quarantined = { ...dropped, quarantine: { until: NOW + 1, destructive: false } }
    expect(workedOff(quarantined, NOW).uncertain).toBe(true)
    expect(workedOff(quarantined, NOW + 1).uncertain).toBe(false)
  })
})

describe('a pass that broke off', () => {
  it('leaves as much doubt as any answer could', () => {
    expect(brokenOff(NOW)).toEqual(handedOn(answered(sending(certain, 'destruction'), lost, NOW)))
  })
})

describe('doubt', () => {
  const change = fc.oneof(
    fc.constantFrom<InFlight>('creations', 'destruction').map((what) => (doubt: Doubt) => sending(doubt, what)),
    fc.constantFrom(lost, ...sure).map((outcome) => (doubt: Doubt, now: number) => answered(doubt, outcome, now)),
    fc.constant(resultDropped),
    fc.constant(workedOff),
    fc.constant((doubt: Doubt) => inherited(handedOn(doubt))),
  )
  const steps = fc.array(fc.tuple(change, fc.nat({ max: QUARANTINE_MS })), { maxLength: 30 })

  it('lasts at least a quarantine after a lost write, whatever else happens', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom<InFlight>('creations', 'destruction'), (path, inFlight) => {
        let doubt = answered(sending(certain, inFlight), lost, NOW)
        let now = NOW
        for (const [step, ms] of path) {
          doubt = step(doubt, now)
          now += ms
          if (now >= NOW + QUARANTINE_MS) return
          expect(doubt.uncertain).toBe(true)
          expect(doubt.quarantine.until).toBeGreaterThanOrEqual(NOW + QUARANTINE_MS)
          if (inFlight === 'destruction') expect(doubt.quarantine.destructive).toBe(true)
        }
      }),
    )
  })

  it('ends: a quarantine lies at most one term ahead, and work done after it leaves the repo certain', () => {
    fc.assert(
      fc.property(steps, (path) => {
        let doubt = certain
        let now = NOW
        for (const [step, ms] of path) {
          doubt = step(doubt, now)
          expect(doubt.quarantine.until).toBeLessThanOrEqual(now + QUARANTINE_MS)
          now += ms
        }
        expect(workedOff(doubt, now + QUARANTINE_MS).uncertain).toBe(false)
      }),
    )
  })

  it('arises from lost answers and dropped results alone', () => {
    const harmless = fc.array(
      fc.constantFrom(...sure.map((outcome) => (d: Doubt) => answered(d, outcome, NOW)), workedOff),
    )
    fc.assert(
      fc.property(harmless, (path) => {
        expect(handedOn(path.reduce((doubt, step) => step(sending(doubt, 'destruction'), NOW), certain))).toEqual(
          handedOn(certain),
        )
      }),
    )
  })
})
