/** What every store must do with the results of audits: of each user the last good look, and the failed ones after it. */

import { describe, expect, it } from 'vitest'
import { NO_COUNTS } from '../../src/domain/audit-counts.ts'
import type { GoodLook, Look } from '../../src/domain/looks.ts'
import type { StoredAudit } from '../../src/ports/store.ts'
import { aProof } from '../support/audits.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const COUNTS = { ...NO_COUNTS, moods: 3, records: 2, synced: 2 }

function aGoodLook(at = NOW): GoodLook {
  return { at, rev: `rev ${at}`, counts: COUNTS, findings: { missing: 1, leaked: 2 }, proof: null }
}

const good = (at?: number): Look => ({ kind: 'good', ...aGoodLook(at) })
const failed = (at: number): Look => ({ kind: 'failed', at, code: 'ECONNREFUSED' })

/** What one good look leaves. */
function anAudit(user: string): StoredAudit {
  return { user, good: aGoodLook(), failed: null }
}

export function auditContract(given: Given): void {
  const stored = async (user: string): Promise<StoredAudit | undefined> => {
    return (await given.other.audits.of([user])).get(user)
  }

  describe('audits', () => {
    it('a good look comes back as it was noted, also after a restart, and the next one replaces it', async () => {
      await given.store.audits.note('u1', good())
      await given.reopen()
      expect(await given.store.audits.of(['u1'])).toEqual(new Map([['u1', anAudit('u1')]]))
      await given.store.audits.note('u1', { kind: 'good', ...aGoodLook(NOW + 1), rev: null })
      expect(await stored('u1')).toEqual({ user: 'u1', good: { ...aGoodLook(NOW + 1), rev: null }, failed: null })
    })

    it('a proof is kept, is seen again in any process where the repo has not changed, and ends with what is found', async () => {
      const { rev } = aProof(NOW)
      const proven = { ...aGoodLook(), rev, findings: {}, proof: aProof(NOW) }
      await given.store.audits.note('u1', { kind: 'good', ...proven })
      await given.reopen()
      expect(await stored('u1')).toEqual({ user: 'u1', good: proven, failed: null })
      const seen = [5, 3, 8, 1].map((ms) => ({ kind: 'unchanged', at: NOW + ms, rev }) as const)
      await Promise.all(seen.map((look, i) => (i % 2 === 0 ? given.store : given.other).audits.note('u1', look)))
      await given.other.audits.note('u1', { kind: 'unchanged', at: NOW + 9, rev: 'another' })
      const again = { ...proven, proof: { ...aProof(NOW), seenAt: NOW + 8 } }
      expect(await stored('u1')).toEqual({ user: 'u1', good: again, failed: null })
      await given.store.audits.note('u1', good(NOW + 10))
      expect(await stored('u1')).toEqual({ user: 'u1', good: aGoodLook(NOW + 10), failed: null })
    })

    it('of a repo that was never read, or never proven, nothing is seen again', async () => {
      const look = { kind: 'unchanged', at: NOW + 1, rev: `rev ${NOW}` } as const
      await given.store.audits.note('u1', look)
      expect((await stored('u1'))?.good ?? null).toBeNull()
      await given.store.audits.note('u1', good())
      await given.store.audits.note('u1', look)
      expect(await stored('u1')).toEqual(anAudit('u1'))
    })

    it('looks at many repos are noted at once, each of them with those of other processes', async () => {
      const users = Array.from({ length: 7 }, (_, i) => `u${i}`)
      await given.store.audits.noteAll(new Map([['u0', good()]]))
      const all = (at: number) => new Map(users.map((user) => [user, good(at)] as const))
      const failures = users.map((user, i) => given.other.audits.note(user, failed(NOW + 20 + i)))
      await Promise.all([
        ...failures,
        given.store.audits.noteAll(all(NOW + 3)),
        given.other.audits.noteAll(all(NOW + 4)),
      ])
      for (const [i, user] of users.entries()) {
        const at = NOW + 20 + i
        const row = { since: at, at, code: 'ECONNREFUSED' }
        expect(await stored(user)).toEqual({ user, good: aGoodLook(NOW + 4), failed: row })
      }
      await given.store.audits.noteAll(new Map())
      expect(await given.store.audits.page('', 9)).toHaveLength(7)
    })

    it('a failed look stands beside the good one, until the next good one', async () => {
      await given.store.audits.note('u1', good())
      await given.store.audits.note('u1', failed(NOW + 1))
      await given.other.audits.note('u1', failed(NOW + 2))
      await given.reopen()
      const row = { since: NOW + 1, at: NOW + 2, code: 'ECONNREFUSED' }
      expect(await stored('u1')).toEqual({ user: 'u1', good: aGoodLook(), failed: row })
      await given.other.audits.note('u1', good(NOW + 3))
      expect(await stored('u1')).toEqual({ user: 'u1', good: aGoodLook(NOW + 3), failed: null })
    })

    it('of a repo that was never read only the failure is known', async () => {
      await given.store.audits.note('u1', failed(NOW))
      expect(await stored('u1')).toEqual({
        user: 'u1',
        good: null,
        failed: { since: NOW, at: NOW, code: 'ECONNREFUSED' },
      })
    })

    it('a slow good look that began before a failed one replaces the older good one, and not the failure', async () => {
      await given.store.audits.note('u1', good(NOW))
      await given.other.audits.note('u1', failed(NOW + 5))
      await given.store.audits.note('u1', good(NOW + 1))
      const row = { since: NOW + 5, at: NOW + 5, code: 'ECONNREFUSED' }
      expect(await stored('u1')).toEqual({ user: 'u1', good: aGoodLook(NOW + 1), failed: row })
      // The other way round, what began before the good look has been overtaken by it.
      await given.store.audits.note('u1', good(NOW + 9))
      await given.other.audits.note('u1', failed(NOW + 8))
      await given.other.audits.note('u1', good(NOW + 7))
      expect(await stored('u1')).toEqual({ user: 'u1', good: aGoodLook(NOW + 9), failed: null })
    })

    it('of looks that end at the same time in all processes none is lost', async () => {
      const looks = Array.from({ length: 12 }, (_, i) => (i === 5 ? good(NOW + i) : failed(NOW + i)))
      await Promise.all(looks.map((look, i) => (i % 2 === 0 ? given.store : given.other).audits.note('u1', look)))
      const audit = await stored('u1')
      expect(audit).toMatchObject({ good: aGoodLook(NOW + 5), failed: { at: NOW + 11 } })
      expect(audit!.failed!.since).toBeGreaterThan(NOW + 5)
    })

    it('audits are found for the users that have one, each once', async () => {
      for (const user of ['u1', 'u2', 'u3']) await given.store.audits.note(user, good())
      const found = await given.store.audits.of(['u3', 'nobody', 'u1', 'u3'])
      expect([...found].toSorted(([x], [y]) => (x < y ? -1 : 1))).toEqual([
        ['u1', anAudit('u1')],
        ['u3', anAudit('u3')],
      ])
      expect(await given.store.audits.of([])).toEqual(new Map())
    })

    it('audits are listed by their users, in pages that begin after one', async () => {
      expect(await given.store.audits.page('', 2)).toEqual([])
      for (const user of ['b', 'a', 'd', 'B', 'c']) await given.store.audits.note(user, good())
      const usersOf = async (after: string, limit: number) =>
        (await given.store.audits.page(after, limit)).map(({ user }) => user)
      expect(await usersOf('', 9)).toEqual(['B', 'a', 'b', 'c', 'd'])
      expect(await usersOf('', 2)).toEqual(['B', 'a'])
      expect(await usersOf('a', 2)).toEqual(['b', 'c'])
      expect(await usersOf('bb', 2)).toEqual(['c', 'd'])
      expect(await usersOf('d', 2)).toEqual([])
      expect(await given.store.audits.page('c', 9)).toEqual([anAudit('d')])
    })

    it('an audit of a user who is forgotten is gone, and only that one', async () => {
      await given.store.audits.note('u1', good())
      await given.store.audits.note('u2', good())
      await given.store.audits.forget('u1')
      await expect(given.store.audits.forget('u1')).resolves.toBeUndefined()
      expect(await given.other.audits.of(['u1', 'u2'])).toEqual(new Map([['u2', anAudit('u2')]]))
    })
  })
}
