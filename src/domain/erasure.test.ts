import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NOW } from '../../test/support/moods.ts'
import { type Erasure, ERASURE_STEPS, finished, isMoveBelieved, newErasure, nextStep, troubled } from './erasure.ts'
import { MOVED } from './moved.ts'

const started = newErasure('receipt', 'user-1', 'tombstone', NOW)

/** The job after its first `n` steps. */
function after(n: number, needed = true): Erasure {
  return ERASURE_STEPS.slice(1, n).reduce((job, step, i) => finished(job, step, needed, NOW + i + 1), started)
}

const counts = fc.integer({ min: 1, max: ERASURE_STEPS.length })

describe('an erasure', () => {
  it('begins with the user stopped', () => {
    expect(started.done).toEqual({ stopped: { at: NOW, needed: true } })
    expect(nextStep(started)).toBe('texts_removed')
  })

  it('takes its steps in their order, each once, and no other', () => {
    fc.assert(
      fc.property(counts, fc.constantFrom(...ERASURE_STEPS), fc.boolean(), (n, step, needed) => {
        const job = after(n)
        if (step === nextStep(job)) {
          const next = finished(job, step, needed, NOW + 99)
          expect(next.done).toEqual({ ...job.done, [step]: { at: NOW + 99, needed } })
          expect(nextStep(next)).toBe(ERASURE_STEPS[n + 1] ?? null)
        } else {
          expect(() => finished(job, step, needed, NOW + 99)).toThrow(`the next step of this erasure is not ${step}`)
        }
      }),
    )
  })

  it('names its user until the last step, and nowhere after it', () => {
    fc.assert(
      fc.property(counts, (n) => {
        const job = after(n)
        const isOver = n === ERASURE_STEPS.length
        expect(job.user).toBe(isOver ? null : 'user-1')
        expect(nextStep(job) === null).toBe(isOver)
        expect(JSON.stringify(job).includes('user-1')).toBe(!isOver)
      }),
    )
  })

  it('keeps receipt, tombstone and time of its request, and leaves its version to the store', () => {
    fc.assert(
      fc.property(counts, fc.boolean(), (n, needed) => {
        const { receipt, tombstone, requestedAt, version } = after(n, needed)
        expect({ receipt, tombstone, requestedAt, version }).toEqual({
          receipt: 'receipt',
          tombstone: 'tombstone',
          requestedAt: NOW,
          version: 1,
        })
      }),
    )
  })

  it('changes nothing in the job that it was made from', () => {
    const before = JSON.stringify(started)
    finished(started, 'texts_removed', true, NOW + 1)
    expect(JSON.stringify(started)).toBe(before)
  })
})

describe('an account that is said to have moved while its PDS has it as active', () => {
  const MINUTE = 60_000
  const FAR = 12 * 365 * 24 * 60 * MINUTE
  const said = troubled(after(2), MOVED, NOW)

  it('is taken for moved once its document has said so for ten minutes, and for all that follows', () => {
    const minutes = [0, 1, 9, 10, 600].map((n) => isMoveBelieved(said, NOW + n * MINUTE))
    expect(minutes).toEqual([false, false, false, true, true])
    expect(isMoveBelieved(after(2), NOW + FAR)).toBe(false)
    expect(isMoveBelieved(troubled(said, 'ECONNREFUSED', NOW + MINUTE), NOW + 20 * MINUTE)).toBe(false)
    const without = finished(said, 'records_deleted', false, NOW + 10 * MINUTE, 'moved')
    expect(isMoveBelieved(without, NOW + 10 * MINUTE)).toBe(true)
  })

  it('waits as long where that was noted by a clock that was far ahead', () => {
    const ahead = troubled(after(2), MOVED, NOW + FAR)
    expect(troubled(ahead, MOVED, NOW).trouble).toEqual({ code: MOVED, at: NOW })
    expect(troubled(said, MOVED, NOW + 5 * MINUTE)).toBe(said)
  })
})
