/** What every store must do with the publishing switch. */

import { describe, expect, it } from 'vitest'
import type { Given } from './store.ts'

export function switchContract(given: Given): void {
  describe('publishing', () => {
    it('the switch is on until it is turned off, for every process, also after a restart', async () => {
      expect(await given.store.publishing.isOff()).toBe(false)
      await given.store.publishing.turn(true)
      expect(await given.other.publishing.isOff()).toBe(true)
      await given.reopen()
      expect(await given.store.publishing.isOff()).toBe(true)
      await given.other.publishing.turn(false)
      expect(await given.store.publishing.isOff()).toBe(false)
    })

    it('the switch turned twice, or by two at the same time, is as they say', async () => {
      await Promise.all([given.store.publishing.turn(true), given.other.publishing.turn(true)])
      await given.store.publishing.turn(true)
      expect(await given.store.publishing.isOff()).toBe(true)
      await Promise.all([given.store.publishing.turn(false), given.other.publishing.turn(false)])
      expect(await given.store.publishing.isOff()).toBe(false)
    })
  })
}
