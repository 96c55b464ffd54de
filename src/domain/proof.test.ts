import { describe, expect, it } from 'vitest'
import { aProof } from '../../test/support/audits.ts'
import { ageOf, proofIn } from './proof.ts'

describe('a proof', () => {
  const { did, rev, commit, records } = aProof(10)
  const of = { did, records, at: 10 }

  it('needs a commit whose signature was checked', () => {
    expect(proofIn({ rev, commit, signed: true }, of)).toEqual(aProof(10))
    for (const read of [{ signed: false }, { commit: null }, { rev: null }]) {
      expect(proofIn({ rev, commit, signed: true, ...read }, of)).toBeNull()
    }
  })

  it('is as old as the last time the repo was seen so', () => {
    expect(ageOf(aProof(10), 25)).toBe(15)
    expect(ageOf({ ...aProof(10), seenAt: 20 }, 25)).toBe(5)
    // The clocks of machines differ.
    expect(ageOf(aProof(30), 25)).toBe(0)
  })

  it('has an age that nobody knows where its times lie in the future; the time that does not counts', () => {
    const far = 2 * 3_600_000
    expect(ageOf(aProof(far), 25)).toBeNull()
    expect(ageOf({ ...aProof(10), seenAt: far }, 25)).toBe(15)
  })
})
