/** A store applies the rules of `src/domain/queue.ts`, whatever state a repo is in: compared over generated states. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  claimed,
  type Lease,
  leaseOf,
  marked,
  notedDestructive,
  released,
  reminded,
  renewed,
  type RepoState,
  unmarked,
} from '../../src/domain/queue.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'
import { anyRepo, aRelease, aRepo, aTime } from '../support/repo-states.ts'
import type { Given } from './store.ts'

const QUARANTINE = 3
const RUNS = { numRuns: 40 }

export function queueRulesContract(given: Given): void {
  async function put(repo: RepoState): Promise<void> {
    await given.store.archive.put('repos', [repo])
  }

  async function stored(): Promise<RepoState | undefined> {
    return (await given.store.archive.page('repos', '', 2))[0]?.item
  }

  const leaseWith = (marks: number): Lease => ({
    user: 'u1',
    token: 'mine',
    uncertain: false,
    quarantine: { until: 0, destructive: false },
    failures: 0,
    marks,
  })

  describe('the rules of the queue', () => {
    it('hold for a mark, of a repo that is there and of one that is not', async () => {
      await given.store.repos.mark('u1', NOW)
      expect(await stored()).toEqual(marked(unmarked('u1'), NOW))
      const check = async (repo: RepoState, now: number): Promise<void> => {
        await put(repo)
        await given.store.repos.mark('u1', now)
        expect(await stored()).toEqual(marked(repo, now))
      }
      await fc.assert(fc.asyncProperty(anyRepo, aTime, check), { numRuns: 150 })
    })

    it('hold for the sweep, of a repo that is there and of one that is not', async () => {
      await given.store.moods.add(unrepeated(aMood()))
      await given.store.repos.sweep('', 10, NOW)
      expect(await stored()).toEqual(reminded(unmarked('u1'), NOW))
      const check = async (repo: RepoState, now: number): Promise<void> => {
        await put(repo)
        await given.store.repos.sweep('', 10, now)
        expect(await stored()).toEqual(reminded(repo, now))
      }
      await fc.assert(fc.asyncProperty(anyRepo, aTime, check), RUNS)
    })

    it('hold for a claim', async () => {
      const check = async (repo: RepoState, now: number): Promise<void> => {
        await put(repo)
        const lease = await given.store.repos.claim('w', now, now + 9, QUARANTINE)
        const taken = { token: lease?.token ?? '', owner: 'w', until: now + 9 }
        const expected = claimed(repo, taken, now, QUARANTINE)
        expect(lease).toEqual(expected && leaseOf(expected))
        expect(await stored()).toEqual(expected ?? repo)
      }
      await fc.assert(fc.asyncProperty(anyRepo, aTime, check), { numRuns: 80 })
    })

    it('hold for what a holder does, with its own lease and with a lost one', async () => {
      const marks = fc.nat({ max: 3 })
      await fc.assert(
        fc.asyncProperty(aRepo, aRelease, marks, aTime, async (repo, release, seen, now) => {
          const lease = leaseWith(seen)
          await put(repo)
          const noted = notedDestructive(repo, lease)
          expect(await given.store.repos.noteDestructive(lease)).toBe(noted !== null)
          expect(await stored()).toEqual(noted ?? repo)
          const longer = renewed(noted ?? repo, lease, now)
          expect(await given.store.repos.renew(lease, now)).toBe(longer !== null)
          expect(await stored()).toEqual(longer ?? repo)
          await given.store.repos.release(lease, release, now)
          expect(await stored()).toEqual(released(longer ?? repo, lease, release, now) ?? repo)
        }),
        RUNS,
      )
    })

    it('let no mark get lost when marks race with a release', async () => {
      for (let i = 0; i < 10; i++) {
        await given.store.repos.mark('u1', NOW)
        const lease = (await given.store.repos.claim('w', NOW, NOW + 9, QUARANTINE))!
        const rest = { dueAt: null, uncertain: false, quarantine: lease.quarantine, failures: 0 }
        const marks = Array.from({ length: 8 }, () => given.store.repos.mark('u1', NOW))
        await Promise.all([...marks.slice(0, 4), given.store.repos.release(lease, rest, NOW), ...marks.slice(4)])
        expect((await stored())?.dueAt).toBe(NOW)
      }
    })

    it('give each of many repos to one of many workers who race for them', async () => {
      const users = Array.from({ length: 20 }, (_, i) => `u${i}`)
      await Promise.all(users.map((user) => given.store.repos.mark(user, NOW)))
      const leases = await Promise.all(
        Array.from({ length: 24 }, (_, i) => given.store.repos.claim(`w${i}`, NOW, NOW + 9, QUARANTINE)),
      )
      const claims = leases.flatMap((lease) => (lease ? [lease.user] : []))
      expect(claims.toSorted()).toEqual(users.toSorted())
    })
  })
}
