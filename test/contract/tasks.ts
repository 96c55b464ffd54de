/** What every store must do for the tasks that one process at a time does for all. */

import { describe, expect, it } from 'vitest'
import type { DataCheck } from '../../src/domain/data-check.ts'
import { CLAIM_MS } from '../../src/domain/tasks.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const CHECK: DataCheck = {
  at: NOW,
  documents: 12,
  odd: 3,
  mendable: 1,
  groups: [
    { collection: 'moods', field: 'when', kind: 'missing', documents: 2, mendable: 0 },
    { collection: 'moods', field: 'isPrivate', kind: 'type', documents: 1, mendable: 1 },
  ],
}

export function taskContract(given: Given): void {
  describe('tasks', () => {
    it('the last note of a task is kept for all processes, also after a restart', async () => {
      expect(await given.store.tasks.last('check')).toBeNull()
      await given.store.tasks.note('check', { ...CHECK, odd: 0, mendable: 0, groups: [] })
      await given.other.tasks.note('check', CHECK)
      expect(await given.store.tasks.last('check')).toEqual(CHECK)
      await given.reopen()
      expect(await given.store.tasks.last('check')).toEqual(CHECK)
    })

    it('one process at a time has a task, until it gives it back, or its claim ends or is void', async () => {
      const [one, two] = [given.store.tasks, given.other.tasks]
      const until = NOW + CLAIM_MS
      expect(await one.claim('check', 'w1', NOW, until)).toBe(true)
      expect(await two.claim('check', 'w2', NOW + 1, until)).toBe(false)
      expect(await one.claim('check', 'w1', NOW + 2, until + 2)).toBe(true)
      expect(await two.claim('check', 'w2', until + 1, until + CLAIM_MS)).toBe(false)
      expect(await two.claim('check', 'w2', until + 2, until + CLAIM_MS)).toBe(true)
      expect(await two.claim('check', 'w2', until + 3, until + 3)).toBe(true)
      expect(await one.claim('check', 'w1', until + 3, until + 4)).toBe(true)
      await one.claim('check', 'w1', NOW, NOW + 365 * 24 * 3_600_000)
      expect(await two.claim('check', 'w2', NOW + 1, until)).toBe(true)
      // The result is none of the claim's business.
      expect(await one.last('check')).toBeNull()
    })

    it('of several processes that claim a task at once, one gets it', async () => {
      for (const round of [0, 1]) {
        const now = NOW + round * 2 * CLAIM_MS
        const claims = await Promise.all(
          [0, 1, 2, 3, 4, 5].map((i) =>
            (i % 2 === 0 ? given.store : given.other).tasks.claim('check', `w${round}${i}`, now, now + CLAIM_MS),
          ),
        )
        expect(claims.filter(Boolean)).toHaveLength(1)
      }
    })
  })
}
