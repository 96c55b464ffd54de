/** What every store must do with moods that something else has made unreadable. */

import { describe, expect, it } from 'vitest'
import type { Given } from './store.ts'

export function oddContract(given: Given): void {
  describe('odd moods', () => {
    it('odd moods are named to their user’s audit, with the field at fault and the record keys they have', async () => {
      const [good, odd] = [await given.add({ user: 'u1' }), await given.add({ user: 'u1' })]
      const others = await given.add({ user: 'u2' })
      expect(await given.store.odd.of('u1')).toEqual([])
      for (const { id } of [odd, others]) await given.spoil(id)
      const found = await given.other.odd.of('u1')
      expect(found).toMatchObject([
        { id: odd.id, user: 'u1', field: 'isPrivate', kind: 'type', hasOddId: false, rkeys: [odd.sync.rkey] },
      ])
      // As many can be read as there are: so none is odd, and none is looked at.
      expect(await given.store.odd.of('u1', 2)).toEqual([])
      expect((await given.store.odd.of('u1', 1)).map(({ id }) => id)).toEqual([odd.id])
      const ids = [good, odd, others].map(({ id }) => id)
      expect((await given.store.odd.named([...ids, 'unknown'])).map(({ id }) => id).toSorted()).toEqual(
        [odd.id, others.id].toSorted(),
      )
      expect(await given.store.odd.named([])).toEqual([])
      expect(await given.store.odd.of('u3')).toEqual([])
    })
  })
}
