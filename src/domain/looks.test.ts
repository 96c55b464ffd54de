import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aProof } from '../../test/support/audits.ts'
import { NO_COUNTS } from './audit-counts.ts'
import { type GoodLook, lastSeen, type Look, looked, NEVER_LOOKED } from './looks.ts'
import type { Proof } from './proof.ts'

const good = (at: number, moods = 1): Look => {
  return { kind: 'good', at, rev: `rev ${at}`, counts: { ...NO_COUNTS, moods }, findings: {}, proof: null }
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

/** Revisions, in their order. */
const REVS = ['3kmm22222222a', '3kmm22222222b', '3kmm22222222c'] as const
type Kind = 'proven' | 'unsigned' | 'in flight' | 'found'

/** A look at a repo whose revision rises with the time. */
function aLook(at: number, kind: Kind = 'proven', rev: string = revAt(at)): Look {
  const read: GoodLook = {
    at,
    rev: kind === 'in flight' ? null : rev,
    counts: NO_COUNTS,
    findings: kind === 'found' ? { drift: 1 } : {},
    proof: kind === 'proven' ? aProof(at, rev) : null,
  }
  return { kind: 'good', ...read }
}

function revAt(at: number): string {
  return REVS[Math.min(Math.floor(at / 20), REVS.length - 1)]!
}

const unchanged = (at: number, rev: string = revAt(at)): Look => ({ kind: 'unchanged', at, rev })
const provenBy = (...looks: readonly Look[]): Proof | null => after(...looks).good?.proof ?? null

describe('what is proven', () => {
  it('is what the last look proved', () => {
    expect(provenBy(aLook(10))).toEqual(aProof(10))
    expect(provenBy(aLook(10), aLook(11))).toEqual(aProof(11))
    expect(provenBy(aLook(10), aLook(50))).toEqual(aProof(50, REVS[2]))
  })

  it('is over once something is found, and when a slow look that began after the proof finds it', () => {
    expect(provenBy(aLook(10), aLook(11, 'found'))).toBeNull()
    expect(provenBy(aLook(10), aLook(30, 'unsigned'), aLook(20, 'found'))).toBeNull()
    expect(provenBy(aLook(10), aLook(5, 'found'))).toEqual(aProof(10))
    expect(provenBy(aLook(5, 'found'), aLook(10))).toEqual(aProof(10))
  })

  it('stays through looks that prove nothing and find nothing, and is as old as before', () => {
    expect(provenBy(aLook(10), aLook(30, 'in flight'), aLook(50, 'unsigned'), failed(60))).toEqual(aProof(10))
  })

  it('was seen again by a look at the same revision, read or not', () => {
    expect(provenBy(aLook(10), aLook(12, 'unsigned'))).toEqual({ ...aProof(10), seenAt: 12 })
    expect(provenBy(aLook(10), unchanged(14))).toEqual({ ...aProof(10), seenAt: 14 })
    expect(provenBy(aLook(10), unchanged(14), unchanged(12))).toEqual({ ...aProof(10), seenAt: 14 })
    expect(provenBy(aLook(10), unchanged(30))).toEqual(aProof(10))
    // What no look has proven, no revision proves.
    expect(provenBy(aLook(10, 'unsigned'), unchanged(14))).toBeNull()
    expect(provenBy(unchanged(14))).toBeNull()
  })

  it('is not seen again by the revision of a look that had work under way, and a repo that was read stays as it was noted', () => {
    expect(provenBy(aLook(10), aLook(12, 'in flight'), unchanged(14))).toEqual(aProof(10))
    expect(after(aLook(10), failed(12), unchanged(14))).toMatchObject({ good: { at: 10 }, failed: { at: 12 } })
  })

  it('spares the moods that changed before it was last seen, but for the minute by which clocks differ', () => {
    const seen = (seenAt: number, rev: string = REVS[0]): GoodLook => {
      const proof = { ...aProof(10), seenAt }
      return { at: 10, rev, counts: NO_COUNTS, findings: {}, proof }
    }
    const hour = 3_600_000
    expect(lastSeen(seen(hour), 2 * hour)).toBe(hour - 60_000)
    expect(lastSeen(seen(70), 2 * hour)).toBe(10)
    // Of another revision, or in the future.
    expect(lastSeen(seen(hour, REVS[1]), 2 * hour)).toBe(10)
    expect(lastSeen(seen(hour), hour - 1)).toBe(10)
    expect(lastSeen({ ...seen(hour), proof: null }, 2 * hour)).toBe(10)
  })

  it('by a slow look counts where the repo is still at its revision, and nothing was found since', () => {
    expect(provenBy(aLook(12, 'unsigned'), aLook(10))).toEqual({ ...aProof(10), seenAt: 12 })
    expect(provenBy(aLook(30, 'unsigned'), aLook(10))).toBeNull()
    expect(provenBy(aLook(12, 'found'), aLook(10))).toBeNull()
  })

  it('with times of a clock that was wrong gives way to the next look', () => {
    const far = 2 * 3_600_000
    expect(provenBy(aLook(far, 'proven', REVS[0]), aLook(10, 'unsigned'))).toBeNull()
    expect(provenBy(aLook(far, 'proven', REVS[0]), aLook(10))).toEqual(aProof(10))
    expect(provenBy(aLook(far, 'proven', REVS[0]), unchanged(10))).toMatchObject({ at: far })
    // Only the sighting was in the future.
    expect(provenBy(aLook(10), unchanged(far, REVS[0]), unchanged(14))).toEqual({ ...aProof(10), seenAt: 14 })
    expect(provenBy(aLook(10), unchanged(far, REVS[0]), aLook(14))).toEqual(aProof(14))
  })

  it('in whatever order looks end, is what one of them proved, seen last by a look that agrees, and nothing was found later', () => {
    const kind = fc.constantFrom<Kind | 'failed'>('proven', 'unsigned', 'in flight', 'found', 'failed')
    const some = fc
      .uniqueArray(fc.record({ at: fc.nat({ max: 60 }), kind }), { selector: ({ at }) => at, maxLength: 9 })
      .map((all) => all.map((one) => (one.kind === 'failed' ? failed(one.at) : aLook(one.at, one.kind))))
    fc.assert(
      fc.property(some, (looks) => {
        const proof = provenBy(...looks)
        if (proof === null) return
        const read = looks.filter((one) => one.kind === 'good')
        expect(read.find(({ at }) => at === proof.at)?.proof).toEqual({ ...proof, seenAt: proof.at })
        expect(read.find(({ at }) => at === proof.seenAt)).toMatchObject({ rev: proof.rev, findings: {} })
        expect(read.filter(({ at, findings }) => at > proof.seenAt && Object.keys(findings).length > 0)).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it('in the order in which looks began, is the last proof after which nothing was found', () => {
    const some = fc.array(fc.constantFrom<Kind>('proven', 'unsigned', 'in flight', 'found'), { maxLength: 9 })
    fc.assert(
      fc.property(some, (all) => {
        const last = all.slice(all.lastIndexOf('found') + 1).lastIndexOf('proven')
        const at = last < 0 ? undefined : all.lastIndexOf('found') + 1 + last
        expect(provenBy(...all.map((one, i) => aLook(i, one)))?.at).toBe(at)
      }),
    )
  })
})
