/** What every store must do for those who look through all that is stored. What is odd depends on the database: see the tests of each. */

import { describe, expect, it } from 'vitest'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

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
  })
}
