import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkIn, CheckTally, isCheckDue } from './data-check.ts'
import { ODD_KINDS } from './odd.ts'

const NOW = Date.UTC(2026, 0, 2, 12)
const HOUR = 3_600_000

describe('a check of the data', () => {
  it('counts odd documents by what is odd about them, the most frequent first', () => {
    const tally = new CheckTally()
    const odd = { id: '1', user: null, kind: 'type', mendable: true, meant: null } as const
    tally.read(7)
    tally.read(3)
    tally.odd('moods', { ...odd, field: 'when' }, true)
    tally.odd('moods', { ...odd, field: 'isPrivate' }, false)
    tally.odd('moods', { ...odd, field: 'isPrivate' }, true)
    tally.odd('users', { ...odd, field: 'isPrivate' }, false)
    expect(tally.result(NOW)).toEqual({
      at: NOW,
      documents: 10,
      odd: 4,
      mendable: 2,
      groups: [
        { collection: 'moods', field: 'isPrivate', kind: 'type', documents: 2, mendable: 1 },
        { collection: 'moods', field: 'when', kind: 'type', documents: 1, mendable: 1 },
        { collection: 'users', field: 'isPrivate', kind: 'type', documents: 1, mendable: 0 },
      ],
    })
  })

  it('is due after a day, where there was none, and where the last one is of the future', () => {
    const last = new CheckTally().result(NOW)
    expect(isCheckDue(null, NOW)).toBe(true)
    expect(isCheckDue(last, NOW)).toBe(false)
    expect(isCheckDue(last, NOW + 24 * HOUR - 1)).toBe(false)
    expect(isCheckDue(last, NOW + 24 * HOUR)).toBe(true)
    expect(isCheckDue(last, NOW - 1)).toBe(true)
  })

  it('is read back as it was stored, and whatever else is stored there is none', () => {
    const group = fc.record({
      collection: fc.string(),
      field: fc.string(),
      kind: fc.constantFrom(...ODD_KINDS),
      documents: fc.nat(),
      mendable: fc.nat(),
    })
    const check = fc.record({
      at: fc.nat(),
      documents: fc.nat(),
      odd: fc.nat(),
      mendable: fc.nat(),
      groups: fc.array(group),
    })
    fc.assert(
      fc.property(check, (stored) => {
        expect(checkIn(JSON.parse(JSON.stringify(stored)))).toEqual(stored)
      }),
    )
    fc.assert(
      fc.property(fc.anything({ withDate: true, withNullPrototype: true }), (stored) => {
        expect(checkIn(stored)).toBeNull()
      }),
    )
  })
})
