import { describe, expect, it } from 'vitest'
import { NOW } from '../../test/support/moods.ts'
import { CLAIM_MS, mayClaim } from './tasks.ts'

describe('a task of all processes', () => {
  it('belongs to one process as long as its claim lasts, and no claim lasts longer than claims do', () => {
    const claim = { owner: 'w1', until: NOW + CLAIM_MS }
    expect(mayClaim(null, 'w2', NOW)).toBe(true)
    expect(mayClaim(claim, 'w1', NOW)).toBe(true)
    expect(mayClaim(claim, 'w2', NOW)).toBe(false)
    expect(mayClaim(claim, 'w2', claim.until)).toBe(true)
    expect(mayClaim({ ...claim, until: NOW + 5 * CLAIM_MS }, 'w2', NOW)).toBe(true)
    expect(mayClaim({ ...claim, until: NaN }, 'w2', NOW)).toBe(true)
  })
})
