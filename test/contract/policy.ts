/** What every store must do with the operator's policy. */

import { describe, expect, it } from 'vitest'
import { FEDERATE_ALL, FEDERATE_NONE, type FederationPolicy } from '../../src/domain/policy.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const first = { policy: FEDERATE_NONE, by: 'operator', at: NOW, reason: null }
const share: FederationPolicy = { mode: 'percent', percent: 12.5, allow: ['alice', 'bob'] }

export function policyContract(given: Given): void {
  describe('policy', () => {
    it('there is none until the first is stored; all processes see it, also after a restart', async () => {
      expect(await given.store.policy.get()).toBeNull()
      const stored = await given.store.policy.begin({ ...first, policy: share, reason: 'a launch' })
      expect(stored).toEqual({ policy: share, by: 'operator', at: NOW, reason: 'a launch', version: 1 })
      expect(await given.other.policy.get()).toEqual(stored)
      await given.reopen()
      expect(await given.store.policy.get()).toEqual(stored)
    })

    it('of several processes that store a first policy, one does, and all get that one', async () => {
      const stores = [given.store, given.other, given.store, given.other]
      const stored = await Promise.all(
        stores.map((store, i) =>
          store.policy.begin({ ...first, policy: i % 2 === 0 ? FEDERATE_ALL : share, at: NOW + i }),
        ),
      )
      expect(new Set(stored.map(({ at }) => at)).size).toBe(1)
      expect(await given.store.policy.begin({ ...first, by: 'late' })).toEqual(stored[0])
      expect(await given.other.policy.get()).toEqual(stored[0])
    })

    it('a change is kept if nobody has made another one meanwhile', async () => {
      const before = await given.store.policy.begin(first)
      const change = { ...before, policy: share, by: 'second', at: NOW + 1, reason: 'ten per cent' }
      const saved = await given.other.policy.save(change)
      expect(saved).toEqual({ ...change, version: 2 })
      expect(await given.store.policy.get()).toEqual(saved)
      expect(await given.store.policy.save({ ...before, policy: FEDERATE_ALL })).toBeNull()
      expect(await given.store.policy.get()).toEqual(saved)
    })

    it('of several changes at the same time, one is kept', async () => {
      const before = await given.store.policy.begin(first)
      const changes = [given.store, given.other, given.store, given.other].map((store, i) => {
        return store.policy.save({ ...before, policy: { ...share, percent: i + 1 } })
      })
      const kept = (await Promise.all(changes)).filter((saved) => saved !== null)
      expect(kept).toHaveLength(1)
      expect(await given.store.policy.get()).toEqual(kept[0])
    })

    it('nothing is changed where there is no policy', async () => {
      expect(await given.store.policy.save({ ...first, version: 1 })).toBeNull()
      expect(await given.store.policy.get()).toBeNull()
    })
  })
}
