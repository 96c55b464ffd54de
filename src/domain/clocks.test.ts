import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clockOff, correctionOf, FOLLOW_MS, TELL_MS, timeOfAnswer } from './clocks.ts'
import { clockOffNotice } from './clock-notice.ts'

const HOUR = 3_600_000
const JUMPS = [HOUR * 2, HOUR * 24 * 400, HOUR * 24 * 365 * 12].flatMap((ms) => [ms, -ms])
const little = fc.integer({ min: -9_000, max: 9_000 })

describe('clocks that differ', () => {
  it('two that agree tell which third one is off', () => {
    const check = (jump: number, a: number, b: number): void => {
      expect(clockOff({ store: a - jump, pds: b - jump })).toEqual({ which: 'own', aheadMs: jump - a })
      expect(clockOff({ store: a + jump, pds: b })).toEqual({ which: 'store', aheadMs: a + jump })
      expect(clockOff({ store: a, pds: b + jump })).toEqual({ which: 'pds', aheadMs: b + jump })
      expect(clockOff({ store: a, pds: b })).toBeNull()
      expect(clockOff({ store: jump, pds: 3 * jump })).toMatchObject({
        which: 'unknown',
        aheadMs: -3 * jump,
        other: 'pds',
      })
    }
    fc.assert(fc.property(fc.constantFrom(45_000, -45_000, ...JUMPS), little, little, check))
  })

  it('of two alone it is not known which is off, and one says nothing', () => {
    expect(clockOff({ store: null, pds: -TELL_MS - 1 })).toEqual({
      which: 'unknown',
      aheadMs: TELL_MS + 1,
      other: 'pds',
    })
    expect(clockOff({ store: TELL_MS + 1, pds: null })).toEqual({
      which: 'unknown',
      aheadMs: -TELL_MS - 1,
      other: 'store',
    })
    for (const store of [null, TELL_MS, -TELL_MS]) expect(clockOff({ store, pds: null })).toBeNull()
  })

  it('a process goes by the store’s time from a minute on, unless the PDS bears out its own', () => {
    for (const store of [null, FOLLOW_MS, -FOLLOW_MS]) expect(correctionOf({ store, pds: null })).toBe(0)
    for (const jump of JUMPS) {
      for (const pds of [null, jump, 3 * jump]) expect(correctionOf({ store: jump, pds })).toBe(jump)
      expect(correctionOf({ store: jump, pds: 900 })).toBe(0)
    }
  })
})

describe('the time that an answer says', () => {
  it('is that of its date, and of a cached one later by its age', () => {
    const at = Date.UTC(2026, 10, 6, 8, 49, 37)
    expect(timeOfAnswer('Fri, 06 Nov 2026 08:49:37 GMT', null)).toBe(at + 500)
    expect(timeOfAnswer('Fri, 06 Nov 2026 08:49:37 GMT', '120')).toBe(at + 120_500)
    for (const age of ['', '-1', 'x', '1e9', '1.5']) {
      expect(timeOfAnswer('Fri, 06 Nov 2026 08:49:37 GMT', age)).toBe(at + 500)
    }
  })

  it('is none where the date is missing or nonsense, whatever that is', () => {
    const odd = [
      '',
      '0',
      'now',
      '1762418977',
      '2026-11-06T08:49:37Z',
      'Fri, 99 Nov 2026 08:49:37 GMT',
      'Fri, 06 Nov 2026 08:49:37',
    ]
    for (const date of [null, ...odd]) expect(timeOfAnswer(date, null)).toBeNull()
    const isNone = (date: string, age: string | null): boolean => timeOfAnswer(date, age) === null
    fc.assert(fc.property(fc.string(), fc.option(fc.string()), isNone))
  })
})

describe('the notice of clocks', () => {
  const told = (...offsets: readonly { store: number | null; pds: number | null }[]) =>
    clockOffNotice(new Map(offsets.map((each, i) => [`host-${i}`, each])))

  it('names the machine whose clock is off, to operators alone', () => {
    expect(told({ store: 0, pds: 300 }, { store: 9, pds: null })).toBeNull()
    const notice = told({ store: 0, pds: 0 }, { store: -2 * HOUR, pds: -2 * HOUR }, { store: 40_000, pds: null })
    expect(notice).toMatchObject({ code: 'clock_off', level: 'problem', since: null })
    expect(notice!.text).toBe(
      'the clock of one of 3 machines is 2 h ahead: the database and the PDS agree on another time',
    )
    expect(notice!.detail).toBe('host-1: 2 h ahead; host-2: 40 s behind the database')
  })

  it('names the database or the PDS where the machines agree with the other', () => {
    expect(told({ store: 2 * HOUR, pds: 0 }, { store: 2 * HOUR, pds: null })!.text).toMatch(
      /^the clock of the database is 2 h ahead/,
    )
    expect(told({ store: 0, pds: -45_000 })).toMatchObject({ level: 'warning' })
    expect(told({ store: 0, pds: -45_000 })!.text).toMatch(/^the clock of the PDS is 45 s behind/)
    expect(told({ store: null, pds: -2 * HOUR })!.text).toMatch(/^the clocks of a process and of the PDS differ by 2 h/)
  })
})
