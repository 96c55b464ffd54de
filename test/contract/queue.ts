/** What every store must do with the queue of repos. */

import { describe, expect, it } from 'vitest'
import { newAccount, opened } from '../../src/domain/account.ts'
import { newErasure } from '../../src/domain/erasure.ts'
import { held, type HoldReason } from '../../src/domain/sync.ts'
import { type Lease, marked, unmarked } from '../../src/domain/queue.ts'
import { NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

const QUARANTINE = 1000
const calm = { until: 0, destructive: false }
const done = { dueAt: null, uncertain: false, quarantine: calm, failures: 0 }

export function queueContract(given: Given): void {
  async function claimed(at: number, until = at + 100): Promise<Lease> {
    const lease = await given.store.repos.claim('w', at, until, QUARANTINE)
    if (!lease) throw new Error('nothing to claim')
    return lease
  }

  describe('repos', () => {
    it('a repo is claimed once, by whoever comes first, the longest due first', async () => {
      const { repos } = given.store
      await repos.mark('u2', NOW + 1)
      await repos.mark('u1', NOW)
      await repos.mark('u3', NOW + 9)
      expect((await claimed(NOW + 1)).user).toBe('u1')
      const leases = await Promise.all(
        [1, 2, 3, 4].map((n) =>
          (n % 2 === 0 ? repos : given.other.repos).claim(`w${n}`, NOW + 1, NOW + 100, QUARANTINE),
        ),
      )
      expect(leases.flatMap((lease) => (lease ? [lease.user] : []))).toEqual(['u2'])
    })

    it('a claim among users takes the repo of one of them that has been due the longest, or none', async () => {
      const { repos } = given.store
      for (const [i, user] of ['u1', 'u2', 'u3', 'u4'].entries()) await repos.mark(user, NOW + i)
      const among = (...users: string[]) => given.other.repos.claim('w', NOW + 9, NOW + 100, QUARANTINE, users)
      expect(await among()).toBeNull()
      expect(await among('u9', 'u')).toBeNull()
      expect((await among('u4', 'u3', 'u9'))?.user).toBe('u3')
      expect(await among('u3')).toBeNull()
      const leases = await Promise.all([1, 2, 3, 4].map(() => among('u2', 'u4')))
      expect(leases.flatMap((lease) => (lease ? [lease.user] : [])).toSorted()).toEqual(['u2', 'u4'])
      expect((await claimed(NOW + 9)).user).toBe('u1')
      await repos.mark('not due', NOW + 50)
      expect(await among('not due')).toBeNull()
    })

    it('a repo is free again after its lease ends, and uncertain if it was not released', async () => {
      await given.store.repos.mark('u1', NOW)
      const first = await claimed(NOW)
      expect(first.uncertain).toBe(false)
      expect(await given.store.repos.claim('w', NOW + 99, NOW + 200, QUARANTINE)).toBeNull()
      const second = await claimed(NOW + 100)
      expect(second.uncertain).toBe(true)
      expect(await given.store.repos.renew(first, NOW + 500)).toBe(false)
      await given.store.repos.release(first, done, NOW + 101)
      expect(await given.store.repos.claim('w', NOW + 150, NOW + 300, QUARANTINE)).toBeNull()
    })

    it('a repo is read as it is, whoever holds it, and is null until it first has work', async () => {
      const { repos } = given.store
      expect(await repos.get('u1')).toBeNull()
      await repos.mark('u1', NOW)
      const waiting = marked(unmarked('u1'), NOW)
      expect(await given.other.repos.get('u1')).toEqual(waiting)
      const { token } = await claimed(NOW)
      const lease = { token, owner: 'w', until: NOW + 100 }
      expect(await given.other.repos.get('u1')).toEqual({ ...waiting, lease })
      await given.reopen()
      expect(await given.store.repos.get('u1')).toEqual({ ...waiting, lease })
      expect(await given.store.repos.get('u2')).toBeNull()
      await given.store.repos.forget('u1')
      expect(await given.other.repos.get('u1')).toBeNull()
    })

    it('a repo that is read while it is released is the one from before or the one after', async () => {
      const { repos } = given.store
      for (let i = 0; i < 5; i++) {
        await repos.mark('u1', NOW)
        const lease = await claimed(NOW)
        const taken = await repos.get('u1')
        const [, seen] = await Promise.all([repos.release(lease, done, NOW), given.other.repos.get('u1')])
        const free = await repos.get('u1')
        expect(free).toMatchObject({ dueAt: null, lease: null })
        expect([taken, free]).toContainEqual(seen)
      }
    })

    it('a repo stays with a holder who renews its lease', async () => {
      await given.store.repos.mark('u1', NOW)
      const lease = await claimed(NOW)
      expect(await given.store.repos.renew(lease, NOW + 500)).toBe(true)
      expect(await given.store.repos.claim('w', NOW + 499, NOW + 600, QUARANTINE)).toBeNull()
      expect(await given.store.repos.claim('w', NOW + 500, NOW + 600, QUARANTINE)).not.toBeNull()
    })

    it('a released repo rests until it is due, or marked', async () => {
      await given.store.repos.mark('u1', NOW)
      await given.store.repos.release(await claimed(NOW), done, NOW)
      expect(await given.store.repos.claim('w', NOW + 10_000, NOW + 10_001, QUARANTINE)).toBeNull()
      await given.store.repos.mark('u1', NOW)
      await given.store.repos.release(await claimed(NOW), { ...done, dueAt: NOW + 50 }, NOW)
      expect(await given.store.repos.claim('w', NOW + 49, NOW + 50, QUARANTINE)).toBeNull()
      expect((await claimed(NOW + 50)).uncertain).toBe(false)
    })

    it('a repo that is marked during a pass is due again at its release', async () => {
      await given.store.repos.mark('u1', NOW)
      const lease = await claimed(NOW)
      await given.store.repos.mark('u1', NOW + 1)
      await given.store.repos.release(lease, done, NOW + 2)
      expect((await claimed(NOW + 2)).user).toBe('u1')
    })

    it('a repo that failed is uncertain and backs off, whatever marks come in', async () => {
      await given.store.repos.mark('u1', NOW)
      const lease = await claimed(NOW)
      await given.store.repos.mark('u1', NOW)
      await given.store.repos.release(lease, { ...done, dueAt: NOW + 50, uncertain: true, failures: 3 }, NOW)
      await given.store.repos.mark('u1', NOW + 1)
      expect(await given.store.repos.claim('w', NOW + 49, NOW + 90, QUARANTINE)).toBeNull()
      expect(await claimed(NOW + 50)).toMatchObject({ uncertain: true, failures: 3 })
    })

    it('the sweep finds, in pages, the repos whose work is not marked', async () => {
      for (const user of ['a', 'b', 'c']) {
        await given.add({ user })
        await given.add({ user })
      }
      await given.add({ user: 'd', isPrivate: true })
      await given.store.accounts.add(newAccount('e', 'eve'))
      let pages = 0
      for (let after: string | null = ''; after !== null; pages++) after = await given.store.repos.sweep(after, 3, NOW)
      expect(pages).toBeGreaterThan(1)
      const users = []
      for (let lease; (lease = await given.store.repos.claim('w', NOW, NOW + 100, QUARANTINE));) users.push(lease.user)
      expect(users.toSorted()).toEqual(['a', 'b', 'c', 'e'])
    })

    it('the sweep leaves a repo that backs off alone', async () => {
      await given.add({ user: 'u1' })
      await given.store.repos.mark('u1', NOW)
      await given.store.repos.release(await claimed(NOW), { ...done, dueAt: NOW + 50, failures: 1 }, NOW)
      await given.store.repos.sweep('', 10, NOW + 1)
      expect(await given.store.repos.claim('w', NOW + 49, NOW + 90, QUARANTINE)).toBeNull()
    })

    it('a lost lease notes, renews and releases nothing', async () => {
      await given.store.repos.mark('u1', NOW)
      const lost = await claimed(NOW)
      const lease = (await given.other.repos.claim('other', NOW + 100, NOW + 200, QUARANTINE))!
      expect(lease).toMatchObject({ user: 'u1', quarantine: { until: NOW + 100 + QUARANTINE } })
      expect(lease.token).not.toBe(lost.token)
      expect(await given.store.repos.noteDestructive(lost)).toBe(false)
      expect(await given.store.repos.renew(lost, NOW + 900)).toBe(false)
      await given.store.repos.release(lost, { ...done, dueAt: NOW, failures: 7 }, NOW + 101)
      expect(await given.other.repos.renew(lease, NOW + 300)).toBe(true)
      await given.reopen()
      const next = await claimed(NOW + 300, NOW + 400)
      expect(next).toMatchObject({ uncertain: true, failures: 0, quarantine: { destructive: false } })
    })

    it('a note of something destructive outlives the worker that wrote it', async () => {
      await given.store.repos.mark('u1', NOW)
      expect(await given.store.repos.noteDestructive(await claimed(NOW))).toBe(true)
      await given.reopen()
      const next = await claimed(NOW + 100)
      expect(next).toMatchObject({ uncertain: true, quarantine: { destructive: true } })
      await given.store.repos.release(next, { ...done, dueAt: NOW + 101 }, NOW + 101)
      expect(await claimed(NOW + 101)).toMatchObject({ uncertain: false, quarantine: calm })
    })

    it('a repo that is forgotten has no mark, no lease and no memory', async () => {
      await given.store.repos.mark('u1', NOW)
      await given.store.repos.mark('u2', NOW + 1)
      const lease = await claimed(NOW)
      await given.store.repos.forget('u1')
      await expect(given.store.repos.forget('u1')).resolves.toBeUndefined()
      expect(await given.store.repos.renew(lease, NOW + 900)).toBe(false)
      expect(await given.store.repos.noteDestructive(lease)).toBe(false)
      await given.store.repos.release(lease, { ...done, dueAt: NOW }, NOW)
      expect((await claimed(NOW + 200)).user).toBe('u2')
      expect(await given.other.repos.claim('w', NOW + 200, NOW + 201, QUARANTINE)).toBeNull()
      await given.store.repos.mark('u1', NOW)
      expect(await claimed(NOW)).toMatchObject({ user: 'u1', uncertain: false, failures: 0, quarantine: calm })
    })

    it('users with moods held for a reason are listed once each, in order, in pages that begin after one', async () => {
      const hold = async (user: string, reason: HoldReason): Promise<void> => {
        const mood = await given.add({ user })
        await given.store.work.settle([{ id: mood.id, version: 1, next: held(mood.sync, reason) }], NOW)
      }
      for (const user of ['b', 'a', 'b', 'c', 'b', 'd']) await hold(user, 'no_account')
      await hold('aa', 'federation_off')
      await given.add({ user: 'bb' })
      expect(await given.store.repos.held('no_account', '', 9)).toEqual(['a', 'b', 'c', 'd'])
      expect(await given.store.repos.held('no_account', '', 2)).toEqual(['a', 'b'])
      expect(await given.store.repos.held('no_account', 'b', 2)).toEqual(['c', 'd'])
      expect(await given.store.repos.held('no_account', 'd', 2)).toEqual([])
      expect(await given.store.repos.held('federation_off', '', 2)).toEqual(['aa'])
      expect(await given.store.repos.held('kept', '', 2)).toEqual([])
    })

    it('the sweep finds work of every kind, and no user without any', async () => {
      const { accounts, erasures, intents, removals, repos } = given.store
      await given.add({ user: 'mood' })
      await given.add({ user: 'private', isPrivate: true })
      for (const user of ['pending', 'requeue', 'ready']) await accounts.claimHandle(user, user)
      await accounts.add(newAccount('pending', 'pending'))
      const ready = opened(newAccount('requeue', 'requeue'), 'did:plc:a', 'http://pds', 's')
      await accounts.add(ready)
      await accounts.add({ ...ready, user: 'ready', handle: 'ready', did: 'did:plc:b', requeue: false })
      await intents.begin({ user: 'intent', kind: 'nuke', records: 'keep', through: 1 })
      await removals.add('removal', [{ rkey: 'a', cid: 'x' }])
      await removals.add('removed', [{ rkey: 'a', cid: 'x' }])
      await removals.finish('removed', ['a'])
      await erasures.begin(newErasure('receipt-1', 'erasure', 'tombstone', NOW))
      const over = await erasures.begin(newErasure('receipt-2', 'erased', 'tombstone', NOW))
      await erasures.save({ ...over, user: null })
      for (let after: string | null = ''; after !== null;) after = await repos.sweep(after, 2, NOW)
      const users = []
      for (let lease; (lease = await repos.claim('w', NOW, NOW + 100, QUARANTINE));) users.push(lease.user)
      expect(users.toSorted()).toEqual(['erasure', 'intent', 'mood', 'pending', 'removal', 'requeue'])
    })

    it('a listener is told of marks where the store can tell, and of none after it has stopped', async () => {
      let told = 0
      const heard = new AbortController()
      const listening = given.store.repos.listen(() => {
        told++
        heard.abort()
      })
      // The listener starts in its own time: a mark that came before is found by polling.
      for (let n = 0; given.tellsOfMarks && !heard.signal.aborted; n++) await given.other.repos.mark(`u${n}`, NOW)
      listening[Symbol.dispose]()
      const before = told
      await given.other.repos.mark('late', NOW)
      expect(told).toBe(before)
      expect(() => listening[Symbol.dispose]()).not.toThrow()
    })
  })
}
