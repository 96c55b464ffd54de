/** What every store must do with removals: records that a repair has ordered out of a repo. */

import { describe, expect, it } from 'vitest'
import type { Removal } from '../../src/domain/jobs.ts'
import type { Given } from './store.ts'

const a: Removal = { rkey: 'a', cid: 'cid-a' }
const b: Removal = { rkey: 'b', cid: 'cid-b' }
const c: Removal = { rkey: 'c', cid: 'cid-c' }

export function removalContract(given: Given): void {
  describe('removals', () => {
    it('removals come back by their record keys, also after a restart, and are their user’s alone', async () => {
      expect(await given.store.removals.of('u1')).toEqual([])
      await given.store.removals.add('u1', [c, a])
      await given.store.removals.add('u1', [b])
      await given.store.removals.add('u2', [{ rkey: 'a', cid: 'other' }])
      await given.reopen()
      expect(await given.store.removals.of('u1')).toEqual([a, b, c])
      expect(await given.store.removals.of('u2')).toEqual([{ rkey: 'a', cid: 'other' }])
      expect(await given.store.removals.of('u3')).toEqual([])
    })

    it('a removal that is ordered twice is one, and a new content replaces the old one', async () => {
      await given.store.removals.add('u1', [a, b])
      await given.store.removals.add('u1', [a])
      expect(await given.store.removals.of('u1')).toEqual([a, b])
      // The record was written over meanwhile, and the next audit wants that one gone.
      const later = { rkey: 'a', cid: 'cid-later' }
      await given.store.removals.add('u1', [later, c])
      expect(await given.store.removals.of('u1')).toEqual([later, b, c])
      await given.store.removals.add('u1', [a, later])
      expect(await given.store.removals.of('u1')).toEqual([later, b, c])
    })

    it('removals that are finished are gone, and only those', async () => {
      await given.store.removals.add('u1', [a, b, c])
      await given.store.removals.add('u2', [a])
      await given.store.removals.finish('u1', ['c', 'a', 'unknown'])
      expect(await given.other.removals.of('u1')).toEqual([b])
      expect(await given.store.removals.of('u2')).toEqual([a])
      await given.store.removals.finish('u1', [])
      expect(await given.store.removals.of('u1')).toEqual([b])
      await given.store.removals.finish('u3', ['a'])
      await given.store.removals.finish('u1', ['b'])
      expect(await given.store.removals.of('u1')).toEqual([])
      expect(await given.store.archive.count('removals')).toBe(1)
    })

    it('all orders of an erased user go, and no other’s', async () => {
      await given.store.removals.add('u1', [a, b])
      await given.store.removals.add('u2', [a])
      await given.other.removals.forget('u1')
      await given.store.removals.forget('u3')
      expect(await given.store.removals.of('u1')).toEqual([])
      expect(await given.store.removals.of('u2')).toEqual([a])
    })

    it('no order and no finish of none leave nothing behind', async () => {
      await given.store.removals.add('u1', [])
      await given.store.removals.finish('u1', [])
      expect(await given.store.removals.of('u1')).toEqual([])
      expect(await given.store.archive.count('removals')).toBe(0)
    })

    it('no order is lost when many come at the same time, beside some that are finished', async () => {
      await given.store.removals.add('u1', [a, b])
      const orders = Array.from({ length: 12 }, (_, i) => ({ rkey: `r${String(i).padStart(2, '0')}`, cid: 'x' }))
      await Promise.all([
        given.other.removals.finish('u1', ['a', 'b']),
        ...orders.map((order, i) => (i % 2 === 0 ? given.store : given.other).removals.add('u1', [order])),
      ])
      expect(await given.store.removals.of('u1')).toEqual(orders)
    })
  })
}
