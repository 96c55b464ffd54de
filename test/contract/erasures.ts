/** What every store must do with erasures: one job under way for a user, and a receipt for each that ever was. */

import { describe, expect, it } from 'vitest'
import { type Erasure, ERASURE_STEPS, finished, newErasure, nextStep, troubled } from '../../src/domain/erasure.ts'
import { NOW } from '../support/moods.ts'
import type { ErasurePosition } from '../../src/ports/store.ts'
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

    it('none is odd that was noted here', async () => {
      await given.store.erasures.begin(job)
      expect(await given.store.erasures.odd(5)).toEqual([])
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

    it('an erasure keeps what its steps have found, and what its last try came to', async () => {
      const { erasures } = given.store
      const first = finished(await erasures.begin(job), 'texts_removed', true, NOW)
      const second = finished((await erasures.save(first))!, 'records_deleted', false, NOW + 1, 'takendown')
      const tried = troubled((await erasures.save(second))!, 'Code', NOW + 2)
      const saved = await erasures.save(tried)
      expect(saved).toMatchObject({
        done: { records_deleted: { needed: false, found: 'takendown' } },
        trouble: { code: 'Code', at: NOW + 2 },
      })
      expect(await given.other.erasures.byReceipt('receipt-1')).toEqual(saved)
      const next = await erasures.save(finished(saved!, 'repo_verified', true, NOW + 3))
      expect(await given.other.erasures.byUser('u1')).toEqual(next)
      expect(next?.trouble).toBeNull()
    })

    it('unfinished erasures come in pages, the oldest first, and finished ones are not among them', async () => {
      const { erasures } = given.store
      expect(await erasures.open(null, 2)).toEqual([])
      // Two were requested at the same moment: their receipts tell them apart, also where a page ends between them.
      const requested = { c: NOW + 1, d: NOW, a: NOW + 1, b: NOW + 2 }
      const jobs = Object.entries(requested).map(([name, at]) => newErasure(`receipt-${name}`, name, `of-${name}`, at))
      for (const each of jobs) await erasures.begin(each)
      await finish(await erasures.begin(newErasure('receipt-0', 'u0', 'of-u0', NOW)))
      await given.reopen()
      const seen: string[] = []
      for (let after: ErasurePosition | null = null; ;) {
        const page: readonly Erasure[] = await given.other.erasures.open(after, 2)
        expect(page.map((each) => jobs.find(({ receipt }) => receipt === each.receipt))).toEqual(page)
        seen.push(...page.map(({ user }) => user!))
        if (page.length < 2) break
        after = page.at(-1)!
      }
      expect(seen).toEqual(['d', 'a', 'c', 'b'])
      expect((await given.store.erasures.open(null, 9)).map(({ user }) => user)).toEqual(seen)
    })

    it('a page of unfinished erasures starts after its position, also when what stood there is finished meanwhile', async () => {
      const { erasures } = given.store
      const first = await erasures.begin(job)
      const second = await erasures.begin(newErasure('receipt-2', 'u2', 'tombstone-2', NOW))
      await finish(first)
      expect(await erasures.open(first, 9)).toEqual([second])
      expect(await erasures.open(second, 9)).toEqual([])
    })

    it('a step that is saved while unfinished erasures are listed is seen whole or not at all', async () => {
      const { erasures } = given.store
      for (let i = 0; i < 5; i++) {
        const first = await erasures.begin(newErasure(`receipt-${i}`, `u${i}`, `tombstone-${i}`, NOW + i))
        const next = finished(first, 'texts_removed', true, NOW + 9)
        const [saved, listed] = await Promise.all([erasures.save(next), given.other.erasures.open(null, 9)])
        expect([first, saved]).toContainEqual(listed.at(-1))
      }
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
