/** What every store must do with workers: what each last said of itself. */

import { describe, expect, it } from 'vitest'
import type { Worker } from '../../src/domain/worker.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

export function aWorker(id: string, fields: Partial<Worker> = {}): Worker {
  const whole: Worker = {
    id,
    host: 'host-1',
    pid: 7,
    role: 'worker',
    version: '1.2.3',
    since: NOW,
    at: NOW,
    policyVersion: 4,
  }
  return { ...whole, ...fields }
}

export function workerContract(given: Given): void {
  describe('workers', () => {
    it('workers come back as they beat, by their ids, for every process, also after a restart', async () => {
      expect(await given.store.workers.all()).toEqual([])
      const worker = aWorker('b')
      const other = aWorker('a', { role: 'all', host: 'host-2', pid: 8, policyVersion: null, since: NOW - 5 })
      await given.store.workers.beat(worker)
      await given.other.workers.beat(other)
      expect(await given.store.workers.all()).toEqual([other, worker])
      await given.reopen()
      expect(await given.other.workers.all()).toEqual([other, worker])
    })

    it('a beat replaces all that the worker said before, and nothing of another', async () => {
      await given.store.workers.beat(aWorker('a'))
      await given.store.workers.beat(aWorker('b'))
      const next = aWorker('a', { at: NOW + 2_000, policyVersion: 5 })
      await given.store.workers.beat(next)
      expect(await given.other.workers.all()).toEqual([next, aWorker('b')])
    })

    it('a worker that is forgotten is gone, whoever forgets it, and may come back', async () => {
      await given.store.workers.beat(aWorker('a'))
      await given.store.workers.beat(aWorker('b'))
      await given.other.workers.forget('a')
      await expect(given.store.workers.forget('a')).resolves.toBeUndefined()
      expect(await given.store.workers.all()).toEqual([aWorker('b')])
      await given.store.workers.beat(aWorker('a', { at: NOW + 1 }))
      expect(await given.other.workers.all()).toEqual([aWorker('a', { at: NOW + 1 }), aWorker('b')])
    })

    it('of workers that first beat at the same time none is lost, and of one worker’s beats one is kept whole', async () => {
      const from = (i: number) => (i % 2 === 0 ? given.store : given.other).workers
      const beats = Array.from({ length: 8 }, (_, i) => aWorker('w0', { at: NOW + i, policyVersion: i }))
      await Promise.all([
        ...beats.map((beat, i) => from(i).beat(beat)),
        ...[1, 2, 3, 4].map((n) => from(n).beat(aWorker(`w${n}`))),
      ])
      const [kept, ...others] = await given.store.workers.all()
      expect(beats).toContainEqual(kept)
      expect(others).toEqual([1, 2, 3, 4].map((n) => aWorker(`w${n}`)))
    })

    it('a worker that beats while it is forgotten is there whole, or not at all', async () => {
      for (let i = 0; i < 5; i++) {
        await given.store.workers.beat(aWorker('a'))
        const next = aWorker('a', { at: NOW + 1 })
        await Promise.all([given.store.workers.beat(next), given.other.workers.forget('a')])
        expect([[], [next]]).toContainEqual(await given.store.workers.all())
      }
    })
  })
}
