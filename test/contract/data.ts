/** What every store must do for those who look through all that is stored. What is odd depends on the database: see the tests of each. */

import { describe, expect, it } from 'vitest'
import { CHECK_CLAIM_MS, type DataCheck } from '../../src/domain/data-check.ts'
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

export function dataContract(given: Given): void {
  const never = new AbortController().signal

  describe('data', () => {
    it('a scan reads every document once, and what the product has written is not odd', async () => {
      const { data } = given.store
      expect((await data.collections()).find(({ name }) => name === 'moods')).toEqual({ name: 'moods', documents: 0 })
      for (let i = 1; i <= 5; i++) await given.add({ user: `u${i % 2}`, text: `mood ${i}`, isPrivate: i === 3 })
      expect((await data.collections()).find(({ name }) => name === 'moods')).toEqual({ name: 'moods', documents: 5 })
      let documents = 0
      for (const { name } of await data.collections()) {
        for await (const piece of data.scan(name, never)) {
          documents += piece.documents
          expect(piece.odd).toEqual([])
        }
      }
      expect(documents).toBe(5)
    })

    it('a scan ends when it is told to', async () => {
      await given.add()
      const stop = new AbortController()
      stop.abort()
      for await (const piece of given.store.data.scan('moods', stop.signal)) expect(piece).toBe('none')
    })

    it('what can be read is not mended, and nothing is put back that was not mended', async () => {
      const { id } = await given.add()
      const before = await given.store.moods.byId(id)
      expect(await given.store.data.mend('moods', id, NOW)).toBe(false)
      expect(await given.store.data.mend('moods', 'f'.repeat(24), NOW)).toBe(false)
      expect(await given.store.data.mended('', 10)).toEqual([])
      expect(await given.store.data.unmend('unknown')).toBe(false)
      await given.store.data.forget('u1')
      expect(await given.other.moods.byId(id)).toEqual(before)
    })

    it('the last check is kept for all processes, also after a restart', async () => {
      expect(await given.store.data.lastCheck()).toBeNull()
      await given.store.data.noteCheck({ ...CHECK, odd: 0, mendable: 0, groups: [] })
      await given.other.data.noteCheck(CHECK)
      expect(await given.store.data.lastCheck()).toEqual(CHECK)
      await given.reopen()
      expect(await given.store.data.lastCheck()).toEqual(CHECK)
    })

    it('one process at a time has the check, until it gives it back, or its claim ends or is void', async () => {
      const [one, two] = [given.store.data, given.other.data]
      const until = NOW + CHECK_CLAIM_MS
      expect(await one.claimCheck('w1', NOW, until)).toBe(true)
      expect(await two.claimCheck('w2', NOW + 1, until)).toBe(false)
      expect(await one.claimCheck('w1', NOW + 2, until + 2)).toBe(true)
      expect(await two.claimCheck('w2', until + 1, until + CHECK_CLAIM_MS)).toBe(false)
      expect(await two.claimCheck('w2', until + 2, until + CHECK_CLAIM_MS)).toBe(true)
      expect(await two.claimCheck('w2', until + 3, until + 3)).toBe(true)
      expect(await one.claimCheck('w1', until + 3, until + 4)).toBe(true)
      await one.claimCheck('w1', NOW, NOW + 365 * 24 * 3_600_000)
      expect(await two.claimCheck('w2', NOW + 1, until)).toBe(true)
      // The result is none of the claim's business.
      expect(await one.lastCheck()).toBeNull()
    })

    it('of several processes that claim the check at once, one gets it', async () => {
      for (const round of [0, 1]) {
        const now = NOW + round * 2 * CHECK_CLAIM_MS
        const claims = await Promise.all(
          [0, 1, 2, 3, 4, 5].map((i) =>
            (i % 2 === 0 ? given.store : given.other).data.claimCheck(`w${round}${i}`, now, now + CHECK_CLAIM_MS),
          ),
        )
        expect(claims.filter(Boolean)).toHaveLength(1)
      }
    })
  })
}
