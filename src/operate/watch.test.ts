import { describe, expect, it } from 'vitest'
import type { Timer } from '../ports/clock.ts'
import { type Look, watch } from './watch.ts'

/** A time that passes only in pauses, and notes them. */
class PausedTime implements Timer {
  at = 0
  readonly pauses: number[] = []

  now(): number {
    return this.at
  }

  async pause(ms: number): Promise<void> {
    this.pauses.push(ms)
    this.at += ms
  }
}

const never = new AbortController().signal

describe('watch', () => {
  it('looks at an interval until all is done', async () => {
    const time = new PausedTime()
    const looks: Look[] = ['waiting', 'progress', 'done']
    const end = await watch(async () => looks.shift()!, { everyMs: 100, patienceMs: 1000 }, never, time)
    expect([end, time.pauses, looks]).toEqual(['done', [100, 100], []])
  })

  it('gives up after its patience without progress, with a last look when that ends', async () => {
    const time = new PausedTime()
    const at: number[] = []
    const look = async (): Promise<Look> => {
      at.push(time.at)
      return time.at === 200 ? 'progress' : 'waiting'
    }
    expect(await watch(look, { everyMs: 100, patienceMs: 250 }, never, time)).toBe('gave_up')
    expect(at).toEqual([0, 100, 200, 300, 400, 450])
  })

  it('ends when the hosts were silent for five seconds at a stretch, however much patience is left', async () => {
    const time = new PausedTime()
    const look = async (): Promise<Look> => (time.at === 4000 ? 'waiting' : 'silent')
    expect(await watch(look, { everyMs: 1000, patienceMs: Infinity }, never, time)).toBe('silent')
    expect(time.at).toBe(10_000)
  })

  it('waits longer from pause to pause, up to its interval', async () => {
    const time = new PausedTime()
    await watch(async () => 'waiting', { firstMs: 50, everyMs: 300, patienceMs: 1000 }, never, time)
    expect(time.pauses).toEqual([50, 100, 200, 300, 300, 50])
  })

  it('does not look when it is told to stop', async () => {
    const stop = new AbortController()
    let looks = 0
    const look = async (): Promise<Look> => {
      if (++looks === 2) stop.abort()
      return 'waiting'
    }
    expect(await watch(look, { everyMs: 1, patienceMs: Infinity }, stop.signal, new PausedTime())).toBe('stopped')
    expect(looks).toBe(2)
  })
})
