/** What every store must do with what relays say of accounts: of each account and relay the last answer. */

import { describe, expect, it } from 'vitest'
import { FURTHEST } from '../../src/domain/furthest.ts'
import { type Sighting, sightingOf, type Standing } from '../../src/domain/sighting.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const [ONE, TWO] = ['https://one.example', 'https://two.example']
const REV = '3l5zqb3ab2k2a'

/** @param dueAt ms since 1970 */
function aSighting(user: string, relay = ONE, standing: Standing = 'visible', dueAt = NOW): Sighting {
  return { user, relay, did: `did:plc:${user}`, at: NOW - 5, standing, rev: REV, pdsRev: null, dueAt }
}

export function sightingContract(given: Given): void {
  describe('sightings', () => {
    it('what a relay said of an account comes back as it was noted, also after a restart, until it says something else', async () => {
      const first = sightingOf(
        { user: 'u1', relay: ONE, did: 'did:plc:u1', pdsRev: REV },
        { kind: 'known', active: false, status: 'throttled', rev: null },
        NOW,
      )
      await given.store.sightings.note(first)
      await given.reopen()
      expect(await given.store.sightings.of(['u1'])).toEqual(new Map([['u1', [first]]]))
      await given.other.sightings.note(aSighting('u1'))
      expect(await given.store.sightings.of(['u1'])).toEqual(new Map([['u1', [aSighting('u1')]]]))
    })

    it('of two processes that note at the same time, one is kept whole', async () => {
      const notes = (['visible', 'unknown', 'behind', 'throttled'] as const).map((standing, i) =>
        aSighting('u1', ONE, standing, NOW + i),
      )
      await Promise.all(notes.map((note, i) => (i % 2 === 0 ? given.store : given.other).sightings.note(note)))
      expect(notes).toContainEqual((await given.store.sightings.of(['u1'])).get('u1')![0])
    })

    it('sightings are found for the users that have one, by relay, each once', async () => {
      for (const [user, relay] of [
        ['u1', TWO],
        ['u1', ONE],
        ['u2', ONE],
        ['u3', ONE],
      ] as const)
        await given.store.sightings.note(aSighting(user, relay))
      const found = await given.other.sightings.of(['u2', 'nobody', 'u1', 'u2'])
      expect([...found].toSorted(([x], [y]) => (x < y ? -1 : 1))).toEqual([
        ['u1', [aSighting('u1', ONE), aSighting('u1', TWO)]],
        ['u2', [aSighting('u2')]],
      ])
      expect(await given.store.sightings.of([])).toEqual(new Map())
    })

    it('those of one relay that are due come oldest first, and last those that can never be due so late', async () => {
      const at = { late: NOW - 9, later: NOW, soon: NOW + 1, void: NOW + FURTHEST.sighting + 1 }
      for (const [user, dueAt] of Object.entries(at)) {
        await given.store.sightings.note(aSighting(user, ONE, 'visible', dueAt))
        await given.store.sightings.note(aSighting(user, TWO, 'visible', NOW + 1))
      }
      const due = async (now: number, limit: number, relay = ONE) =>
        (await given.other.sightings.due(relay, now, limit)).map(({ user }) => user)
      expect(await due(NOW, 9)).toEqual(['late', 'later', 'void'])
      expect(await due(NOW, 1)).toEqual(['late'])
      expect(await due(NOW, 2)).toEqual(['late', 'later'])
      expect(await due(NOW + 1, 9)).toEqual(['late', 'later', 'soon'])
      expect(await due(NOW, 9, TWO)).toEqual([])
    })

    it('accounts are counted by relay and by how they stand', async () => {
      expect(await given.store.sightings.count()).toEqual([])
      await given.store.sightings.note(aSighting('u1', TWO, 'unknown'))
      await given.store.sightings.note(aSighting('u2', TWO, 'throttled'))
      await given.store.sightings.note(aSighting('u3', TWO, 'throttled'))
      await given.store.sightings.note(aSighting('u1', ONE, 'visible'))
      expect(await given.other.sightings.count()).toEqual([
        { relay: ONE, standings: { visible: 1 } },
        { relay: TWO, standings: { throttled: 2, unknown: 1 } },
      ])
    })

    it('what was said of a user who is forgotten is gone, and nothing else', async () => {
      for (const relay of [ONE, TWO]) await given.store.sightings.note(aSighting('u1', relay))
      await given.store.sightings.note(aSighting('u2'))
      await given.store.sightings.forget('u1')
      await expect(given.store.sightings.forget('u1')).resolves.toBeUndefined()
      expect(await given.other.sightings.of(['u1', 'u2'])).toEqual(new Map([['u2', [aSighting('u2')]]]))
    })
  })
}
