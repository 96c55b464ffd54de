import { describe, expect, it } from 'vitest'
import { SharedClock } from './shared-clock.ts'

const START = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000
const JUMPS = [30_000, 2 * HOUR, 400 * 24 * HOUR, 12 * 365 * 24 * HOUR].flatMap((ms) => [ms, -ms])

/** A process, a store and a PDS, whose clocks can be put forward and back. */
function world({ isStoreHere = false } = {}) {
  const state = { ms: 0, own: 0, store: 0, asked: 0, isDown: false }
  const time = (offset: number): number => START + state.ms + offset
  const clock = new SharedClock({
    own: { now: () => time(state.own) },
    timer: { now: () => state.ms },
    storeTime: async () => {
      state.asked++
      if (state.isDown) throw new Error('the store is down')
      return time(state.store)
    },
    isStoreHere,
  })
  return { state, clock, right: () => time(0) }
}

describe('the time that processes share', () => {
  it('is a process’s own while the clocks agree, and no post asks for more', async () => {
    const { state, clock, right } = world()
    expect(clock.now()).toBe(right())
    await clock.compare()
    state.own = 20_000
    state.ms += HOUR
    expect([clock.now(), await clock.agreed()]).toEqual([right() + 20_000, right() + 20_000])
    expect(state.asked).toBe(1)
  })

  it('is the store’s at once where the own clock jumps by more than a minute, and the own again after the way back', async () => {
    for (const jump of JUMPS) {
      const { state, clock, right } = world()
      await clock.compare()
      for (let round = 0; round < 3; round++) {
        state.ms += 1_000
        state.own = jump
        const kept = Math.abs(jump) > 60_000 ? 0 : jump
        expect(clock.now() - right()).toBe(kept)
        expect((await clock.agreed()) - right()).toBe(kept)
        expect(clock.offsets()).toEqual({ store: -jump, pds: null })
        state.ms += 60_000
        state.own = 0
        expect([clock.now(), await clock.agreed()]).toEqual([right(), right()])
      }
    }
  })

  it('is asked for once after a jump, however many posts follow', async () => {
    const { state, clock } = world()
    await clock.compare()
    state.own = 2 * HOUR
    await Promise.all([clock.agreed(), clock.agreed(), clock.agreed()])
    for (let i = 0; i < 9; i++) await clock.agreed()
    expect(state.asked).toBe(2)
  })

  it('is the right one for a post after a machine has slept, during which its timer stood still', async () => {
    const { state, clock, right } = world()
    await clock.compare()
    clock.heard(right())
    state.own = 8 * HOUR
    state.store = 8 * HOUR
    expect(await clock.agreed()).toBe(right() + 8 * HOUR)
    expect(clock.offsets()).toEqual({ store: 0, pds: null })
  })

  it('is what was last known while the store does not tell, and the own where it never did', async () => {
    const { state, clock, right } = world()
    state.isDown = true
    await clock.compare()
    state.own = 2 * HOUR
    expect(await clock.agreed()).toBe(right() + 2 * HOUR)
    state.isDown = false
    await clock.compare()
    state.isDown = true
    await clock.compare()
    expect(clock.now()).toBe(right())
  })

  it('is the own where the store’s clock is off and the PDS says so, by most of its answers', async () => {
    const { state, clock, right } = world()
    state.store = 12 * 365 * 24 * HOUR
    await clock.compare()
    expect(clock.now()).toBe(right() + state.store)
    for (const error of [0, -9 * HOUR, 400]) clock.heard(right() + error)
    expect(clock.now()).toBe(right())
    expect(clock.offsets()).toEqual({ store: state.store, pds: 0 })
  })

  it('has one witness fewer where the store is on the same machine', async () => {
    const { state, clock, right } = world({ isStoreHere: true })
    await clock.compare()
    clock.heard(right() - 2 * HOUR)
    expect(clock.offsets()).toEqual({ store: null, pds: -2 * HOUR })
    state.own = 2 * HOUR
    expect(clock.offsets()).toEqual({ store: -2 * HOUR, pds: -4 * HOUR })
  })
})
