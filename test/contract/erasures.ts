/** What every store must do with erasures: one job under way for a user, and a receipt for each that ever was. */

import { describe, expect, it } from 'vitest'
import { type Erasure, ERASURE_STEPS, finished, newErasure, nextStep } from '../../src/domain/erasure.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const job = newErasure('receipt-1', 'u1', 'tombstone-1', NOW)

export function erasureContract(given: Given): void {
  /** Takes the job through all of its steps. */
  async function finish(started: Erasure): Promise<Erasure> {
    let current = started
    for (let step; (step = nextStep(current)) !== null;) {
      const saved = await given.store.erasures.save(finished(current, step, step !== 'account_deleted', NOW + 1))
      if (!saved) throw new Error(`the step ${step} was not saved`)
      current = saved
    }
    return current
  }

  describe('erasures', () => {
    it('an erasure comes back as it was noted, by its user and by its receipt, also after a restart', async () => {
      expect(await given.store.erasures.begin(job)).toEqual(job)
      await given.reopen()
      expect(await given.store.erasures.byUser('u1')).toEqual(job)
      expect(await given.store.erasures.byReceipt('receipt-1')).toEqual(job)
    })

    it('an erasure that there is not is null, by user and by receipt', async () => {
      await given.store.erasures.begin(job)
      expect(await given.store.erasures.byUser('u2')).toBeNull()
      expect(await given.store.erasures.byUser('receipt-1')).toBeNull()
      expect(await given.store.erasures.byReceipt('receipt-2')).toBeNull()
      expect(await given.store.erasures.byReceipt('u1')).toBeNull()
    })

    it('a user has one erasure under way: a second one learns of the first and leaves no receipt', async () => {
      await given.store.erasures.begin(job)
      expect(await given.store.erasures.begin(newErasure('receipt-2', 'u1', 'tombstone-1', NOW + 5))).toEqual(job)
      expect(await given.store.erasures.byReceipt('receipt-2')).toBeNull()
      const others = newErasure('receipt-3', 'u2', 'tombstone-2', NOW)
      expect(await given.store.erasures.begin(others)).toEqual(others)
    })

    it('of erasures that begin at the same time one is noted, and every caller learns which', async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) => {
          const { erasures } = i % 2 === 0 ? given.store : given.other
          return erasures.begin(newErasure(`receipt-${i}`, 'u1', 'tombstone-1', NOW + i))
        }),
      )
      const noted = await given.store.erasures.byUser('u1')
      expect(answers).toEqual(answers.map(() => noted))
      expect(await given.store.archive.count('erasures')).toBe(1)
    })

    it('a receipt that is taken is refused, and what has it stays as it was', async () => {
      const done = await finish(await given.store.erasures.begin(job))
      await expect(given.store.erasures.begin(newErasure('receipt-1', 'u2', 'tombstone-2', NOW))).rejects.toThrow()
      expect(await given.store.erasures.byReceipt('receipt-1')).toEqual(done)
      expect(await given.store.erasures.byUser('u2')).toBeNull()
    })

    it('an erasure is saved only from its latest version, with every step as it is given', async () => {
      const first = await given.store.erasures.begin(job)
      const next = finished(first, 'texts_removed', false, NOW + 1)
      const saved = await given.store.erasures.save(next)
      expect(saved).toEqual({ ...next, version: 2 })
      expect(await given.store.erasures.save(next)).toBeNull()
      expect(await given.other.erasures.byUser('u1')).toEqual(saved)
      expect(await given.store.erasures.save({ ...next, receipt: 'receipt-2' })).toBeNull()
    })

    it('of changes to an erasure that are saved at the same time one is kept', async () => {
      const first = await given.store.erasures.begin(job)
      const next = finished(first, 'texts_removed', true, NOW + 1)
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? given.store : given.other).erasures.save(next)),
      )
      expect(answers.filter((answer) => answer !== null)).toEqual([{ ...next, version: 2 }])
    })

    it('an erasure that is finished is found by its receipt alone, and its user may be erased once more', async () => {
      const done = await finish(await given.store.erasures.begin(job))
      expect(done).toMatchObject({ user: null, version: ERASURE_STEPS.length })
      await given.reopen()
      expect(await given.store.erasures.byUser('u1')).toBeNull()
      expect(await given.store.erasures.byReceipt('receipt-1')).toEqual(done)
      const again = newErasure('receipt-2', 'u1', 'tombstone-1', NOW + 9)
      expect(await given.store.erasures.begin(again)).toEqual(again)
      // Any number of finished ones stand side by side.
      await finish(again)
      expect(await given.store.erasures.byReceipt('receipt-1')).toEqual(done)
      expect(await given.store.archive.count('erasures')).toBe(2)
    })
  })
}
