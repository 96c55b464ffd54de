import { describe, expect, it } from 'vitest'
import { NO_COUNTS } from '../../domain/audit-counts.ts'
import type { Repair } from '../../operate/repair.ts'
import { describeRepair } from './repair.ts'

const before: Repair['before'] = {
  users: 2,
  audited: 2,
  unchanged: 0,
  unreadable: 0,
  notReached: 0,
  withoutAccount: 0,
  clean: 2,
  proven: 2,
  counts: NO_COUNTS,
  findings: {},
  leftAlone: {},
  syncRate: null,
  silent: [],
  lastKnown: null,
}
const repair: Repair = {
  complete: true,
  executed: true,
  ordered: {},
  leftAlone: {},
  before,
  after: null,
  left: 0,
  refused: [],
}

function said(given: Partial<Repair>): string {
  return describeRepair({ ...repair, ...given }, 0)
}

describe('what moods repair prints', () => {
  it('names what was repaired, would be, or is still under way', () => {
    const ordered = { drift: 1, missing: 2 }
    expect(said({ ordered })).toContain('\nRepaired: 2 missing, 1 drift.')
    expect(said({ ordered, executed: false })).toContain('\nWould repair (--execute does it): 2 missing, 1 drift.')
    expect(said({ ordered, complete: false })).toContain('\nOrdered, and not all done yet: 2 missing, 1 drift.')
  })

  it('names moods that refuse to be changed, the first three', () => {
    expect(said({ refused: ['a'] })).toContain('the database refuses to change 1 mood (a)')
    expect(said({ refused: ['a', 'b', 'c', 'd'] })).toContain(
      'the database refuses to change 4 moods (a, b, c and 1 more)',
    )
    expect(said({})).not.toContain('refuses')
  })

  it('does not say that nothing was ordered and is under way', () => {
    for (const executed of [true, false]) {
      expect(said({ executed })).toContain('\nNothing is to be repaired now.')
      const unread = { ...before, audited: 0, notReached: 2 }
      expect(said({ executed, complete: false, before: unread })).toContain(
        '\nNothing was repaired, because no repository could be read.',
      )
      const some = said({ executed, complete: false, before: { ...before, audited: 1, unreadable: 1 } })
      expect(some).toContain(
        '\nNothing is to be repaired now. Of 1 repository that could not be read, nothing is known.',
      )
      expect(some).not.toContain('Ordered')
    }
  })

  it('names what federation keeps it from, with the way to let the authors in', () => {
    const text = said({ leftAlone: { unlinked: 1 } })
    expect(text).toContain('Until federation lets the authors in, a repair leaves as it is: 1 unlinked. ')
    expect(text).toContain('"moods federation')
  })
})
