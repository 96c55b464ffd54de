import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_COUNTS } from './audit.ts'
import { type Look, looked, NEVER_LOOKED } from './looks.ts'

const good = (at: number, moods = 1): Look => {
  return { kind: 'good', at, rev: `rev ${at}`, counts: { ...NO_COUNTS, moods }, findings: {} }
}
const failed = (at: number): Look => ({ kind: 'failed', at, code: `code ${at}` })
const after = (...looks: readonly Look[]) => looks.reduce(looked, NEVER_LOOKED)

/** Looks of which no two began at the same time, in any order. */
const someLooks = fc
  .uniqueArray(fc.record({ at: fc.nat({ max: 50 }), isGood: fc.boolean() }), {
    selector: ({ at }) => at,
    maxLength: 12,
  })
  .map((all) => all.map(({ at, isGood }) => (isGood ? good(at) : failed(at))))

describe('looks at a repo', () => {
  it('a failed look stands beside the good one, and the next good one ends the row of failures', () => {
    const { kind: _, ...read } = good(10) as Extract<Look, { kind: 'good' }>
    expect(after(good(10), failed(20))).toEqual({ good: read, failed: { since: 20, at: 20, code: 'code 20' } })
    expect(after(good(10), failed(20), failed(30)).failed).toEqual({ since: 20, at: 30, code: 'code 30' })
    expect(after(good(10), failed(20), good(30))).toMatchObject({ good: { at: 30 }, failed: null })
    expect(after(failed(20))).toEqual({ good: null, failed: { since: 20, at: 20, code: 'code 20' } })
  })

  it('a slow good look that began before a failed one leaves that one standing', () => {
    expect(after(failed(20), good(10))).toMatchObject({ good: { at: 10 }, failed: { since: 20, at: 20 } })
    // One that failed before it began is over; when the others began is known of the last one only.
    expect(after(failed(5), failed(20), good(10)).failed).toEqual({ since: 20, at: 20, code: 'code 20' })
  })

  it('a failed look that began before a good one says nothing', () => {
    expect(after(good(20), failed(10))).toMatchObject({ good: { at: 20 }, failed: null })
    expect(after(good(20), failed(20)).failed).toBeNull()
  })

  it('of two looks that began at the same time, the one that ended last counts', () => {
    expect(after(good(10, 1), good(10, 2)).good).toMatchObject({ counts: { moods: 2 } })
  })

  it('looks that began in the future, by a clock that was wrong, give way to the next one', () => {
    const far = 2 * 3_600_000
    expect(after(good(far), good(10))).toMatchObject({ good: { at: 10 }, failed: null })
    expect(after(good(far), failed(10)).failed).toMatchObject({ at: 10 })
    expect(after(failed(far), failed(10)).failed).toEqual({ since: 10, at: 10, code: 'code 10' })
    expect(after(failed(far), good(10)).failed).toBeNull()
  })

  it('in whatever order looks end, the newest good one stays, and exactly the failures after it', () => {
    fc.assert(
      fc.property(someLooks, (looks) => {
        const { good: stays, failed: row } = after(...looks)
        const newest = Math.max(-1, ...looks.flatMap((look) => (look.kind === 'good' ? look.at : [])))
        const later = looks.flatMap((look) => (look.kind === 'failed' && look.at > newest ? look.at : []))
        expect(stays?.at ?? -1).toBe(newest)
        expect(row === null).toBe(later.length === 0)
        if (row) {
          expect(row).toMatchObject({ at: Math.max(...later), code: `code ${Math.max(...later)}` })
          expect(later).toContain(row.since)
        }
      }),
    )
  })

  it('in the order in which looks began, the row of failures begins with its first', () => {
    fc.assert(
      fc.property(someLooks, (looks) => {
        const ordered = looks.toSorted((a, b) => a.at - b.at)
        const last = ordered.findLastIndex(({ kind }) => kind === 'good')
        expect(after(...ordered).failed?.since).toBe(ordered[last + 1]?.at)
      }),
    )
  })
})
