/** What every store must do. Each adapter runs this one suite. */

import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newAccount, opened } from '../../src/domain/account.ts'
import { type Mood, saysTheSame } from '../../src/domain/mood.ts'
import { rkeyFor } from '../../src/domain/record.ts'
import { enqueued, held, published, rejected, withdrawn } from '../../src/domain/sync.ts'
import type { Store } from '../../src/ports/store.ts'
import type { Lease } from '../../src/domain/queue.ts'
import { archiveContract } from './archive.ts'
import { pagesContract } from './pages.ts'
import { queueRulesContract } from './queue.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'

/** @param open an empty store; disposing of it removes all trace */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store

    beforeEach(async () => {
      store = await open()
    })
    afterEach(() => store[Symbol.asyncDispose]())

    async function add(fields: Partial<Mood> = {}): Promise<Mood> {
      const { mood, added } = await store.moods.add(unrepeated(aMood(fields)))
      expect(added).toBe(true)
      return mood
    }

    moodContract(() => store, add)
    accountContract(() => store)
    queueContract(() => store, add)
    queueRulesContract(() => store)
    pagesContract(() => store, add)
    archiveContract(() => store)
  })
}

export type Get = () => Store
export type Add = (fields?: Partial<Mood>) => Promise<Mood>

function moodContract(get: Get, add: Add): void {
  describe('moods', () => {
    it('come back as they were saved', async () => {
      const mood = await add({ text: 'fine 🌊', intensity: 3, context: 'tea\nand cake', isPrivate: true })
      expect(await get().moods.byId(mood.id)).toEqual(mood)
      expect(await get().moods.byId('f'.repeat(24))).toBeNull()
    })

    it('have unique record keys per user: one that is taken is salted', async () => {
      const first = await add()
      const second = aMood()
      const salted = rkeyFor(second.when, second.id, 1)
      const { rkey } = first.sync
      const clash = { ...second, sync: { ...second.sync, rkey } }
      expect((await get().moods.add(unrepeated(clash))).mood.sync.rkey).toBe(salted)
      const elsewhere = aMood({ user: 'u2' })
      const { mood } = await get().moods.add(unrepeated({ ...elsewhere, sync: { ...elsewhere.sync, rkey } }))
      expect(mood.sync.rkey).toBe(rkey)
      expect(await get().moods.byId(second.id)).toMatchObject({ ordinal: 2, sync: { rkey: salted } })
    })

    it('are numbered without gap or overlap, also when many race', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => get().moods.add(unrepeated(aMood()))))
      const ordinals = answers.map(({ mood }) => mood.ordinal).toSorted((a, b) => a - b)
      expect(ordinals).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
      expect(await get().moods.lastOrdinal('u1')).toBe(20)
      expect(await get().moods.lastOrdinal('u2')).toBe(0)
    })

    it('that repeat the latest undeleted one are not added, also when many race', async () => {
      const say = (text: string, isPrivate = false) => {
        const mood = aMood({ text, isPrivate })
        return get().moods.add({ ...unrepeated(mood), repeats: (latest) => saysTheSame(latest, mood) })
      }
      const answers = await Promise.all(Array.from({ length: 20 }, () => say('same')))
      expect(answers.filter(({ added }) => added)).toHaveLength(1)
      expect(new Set(answers.map(({ mood }) => mood.id)).size).toBe(1)
      expect((await say('same', true)).added).toBe(true)
      const { mood } = await say('same')
      expect(mood.ordinal).toBe(3)
      await get().moods.save([{ ...mood, deleted: { by: 'author', records: 'withdraw' } }], NOW)
      expect((await say('same', true)).added).toBe(false)
      expect((await say('same')).mood.ordinal).toBe(4)
    })

    it('are listed newest first, in pages without gap or overlap', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.nat({ max: 5 }), { maxLength: 12 }),
          fc.integer({ min: 1, max: 5 }),
          async (times, limit) => {
            const user = `page-${randomUUID()}`
            const moods = []
            for (const offset of times) moods.push(await add({ user, when: NOW + offset }))
            const expected = moods.toSorted((a, b) => b.when - a.when || (a.id < b.id ? 1 : -1)).map((mood) => mood.id)
            const seen: string[] = []
            for (let after = null; ;) {
              const page = await get().moods.feed({ users: [user], viewer: null, limit, after })
              seen.push(...page.map((mood) => mood.id))
              const last = page.at(-1)
              if (!last) break
              after = { when: last.when, id: last.id }
            }
            expect(seen).toEqual(expected)
          },
        ),
        { numRuns: 15 },
      )
    })

    it('that are private or deleted are in no list but the author’s own', async () => {
      const open = await add({ when: NOW + 1 })
      const secret = await add({ when: NOW + 2, isPrivate: true })
      await add({ when: NOW + 3, deleted: { by: 'author', records: 'withdraw' } })
      const ids = async (users: string[] | null, viewer: string | null) =>
        (await get().moods.feed({ users, viewer, limit: 9, after: null })).map((mood) => mood.id)
      expect(await ids(null, null)).toEqual([open.id])
      expect(await ids(null, 'u1')).toEqual([open.id])
      expect(await ids(['u1'], null)).toEqual([open.id])
      expect(await ids(['u1'], 'u2')).toEqual([open.id])
      expect(await ids(['u1'], 'u1')).toEqual([secret.id, open.id])
      expect(await ids(['u1', 'u2'], 'u1')).toEqual([secret.id, open.id])
      expect(await ids([], 'u1')).toEqual([])
    })

    it('that are pending and due are found, oldest first, and nobody else’s', async () => {
      const late = await add({ when: NOW + 2 })
      const early = await add({ when: NOW + 1 })
      await add({ when: NOW + 9 })
      await add({ isPrivate: true })
      await add({ user: 'u2' })
      const due = await get().work.due('u1', NOW + 2, 10)
      expect(due.map((mood) => mood.id)).toEqual([early.id, late.id])
      expect((await get().work.due('u1', NOW + 2, 1)).map((mood) => mood.id)).toEqual([early.id])
      expect(await get().work.nextDue('u1')).toBe(NOW + 1)
      expect(await get().work.nextDue('u3')).toBeNull()
    })

    it('keep a result only on the version it was computed from', async () => {
      const a = await add()
      const b = await add()
      const result = ({ id, version, sync }: Mood) => ({ id, version, next: published(sync, 'at://x', 'cid') })
      expect(await get().work.settle([result(a), result({ ...b, version: 7 })], NOW)).toEqual(new Set([a.id]))
      const stale = { id: a.id, version: a.version, next: withdrawn(a.sync) }
      expect(await get().work.settle([stale], NOW)).toEqual(new Set())
      expect(await get().moods.byId(a.id)).toEqual({ ...a, version: 2, sync: published(a.sync, 'at://x', 'cid') })
      expect(await get().moods.byId(b.id)).toEqual(b)
    })

    it('keep every state as it is given', async () => {
      const error = { code: 'X', message: 'x', at: NOW }
      const states = [
        (mood: Mood) => held(mood.sync, 'no_account'),
        (mood: Mood) => withdrawn(mood.sync),
        (mood: Mood) => rejected(mood.sync, error),
        (mood: Mood) => enqueued(mood.sync, NOW + 5),
      ]
      for (const step of states) {
        const mood = await add()
        const next = step(mood)
        await get().work.settle([{ id: mood.id, version: 1, next }], NOW)
        expect((await get().moods.byId(mood.id))?.sync).toEqual(next)
      }
      expect(await get().work.count()).toEqual({
        states: { local: 1, pending: 1, published: 0, withdrawn: 1, rejected: 1 },
        rejected: { X: 1 },
      })
    })

    it('are told of in the order of their changes', async () => {
      const a = await add({ when: NOW })
      const b = await add({ when: NOW + 1 })
      await get().work.settle([{ id: a.id, version: 1, next: published(a.sync, 'at://x', 'cid') }], NOW + 2)
      const changes = await get().moods.changes({ changedAt: NOW - 1, id: '' }, 10)
      expect(changes.map(({ mood }) => [mood.id, mood.version])).toEqual([
        [b.id, 1],
        [a.id, 2],
      ])
      const rest = await get().moods.changes(changes[0]!.position, 10)
      expect(rest.map(({ mood }) => mood.id)).toEqual([a.id])
      expect(await get().moods.changes(changes[1]!.position, 10)).toEqual([])
    })
  })
}

function accountContract(get: Get): void {
  describe('accounts', () => {
    it('give a handle to one user, and a user one handle', async () => {
      const { accounts } = get()
      expect(await accounts.claimHandle('u1', 'alice')).toBe('claimed')
      expect(await accounts.claimHandle('u1', 'alice')).toBe('claimed')
      expect(await accounts.claimHandle('u2', 'alice')).toBe('taken')
      expect(await accounts.claimHandle('u1', 'bob')).toBe('has_other')
      expect(await accounts.handlesOf(['u1', 'u2'])).toEqual(new Map([['u1', 'alice']]))
      expect(await accounts.usersOf(['alice', 'bob'])).toEqual(new Map([['alice', 'u1']]))
    })

    it('give a handle to one of many who race for it', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => get().accounts.claimHandle(`u${i}`, 'alice')),
      )
      expect(answers.filter((answer) => answer === 'claimed')).toHaveLength(1)
    })

    it('are added once, and saved only by whoever knows the latest version', async () => {
      const { accounts } = get()
      const fresh = newAccount('u1', 'alice')
      await accounts.claimHandle('u1', 'alice')
      expect(await accounts.byUser('u1')).toBeNull()
      expect(await accounts.add(fresh)).toEqual(fresh)
      const ready = opened(
        { ...fresh, pdsHandle: 'alice.test', candidate: 1, sealedPassword: 'p' },
        'did:plc:a',
        'http://pds',
        's',
      )
      expect(await accounts.save(ready)).toEqual({ ...ready, version: 2 })
      expect(await accounts.save(ready)).toBeNull()
      expect(await accounts.add(newAccount('u1', 'alice'))).toEqual({ ...ready, version: 2 })
      expect(await accounts.byDid('did:plc:a')).toEqual({ ...ready, version: 2 })
      expect(await accounts.byDid('did:plc:b')).toBeNull()
      expect(await accounts.count()).toEqual({ states: { pending: 0, ready: 1, needs_attention: 0 }, attention: {} })
    })

    it('are not made by saving', async () => {
      expect(await get().accounts.save(newAccount('u1', 'alice'))).toBeNull()
      expect(await get().accounts.byUser('u1')).toBeNull()
    })
  })
}

const QUARANTINE = 1000
const calm = { until: 0, destructive: false }
const done = { dueAt: null, uncertain: false, quarantine: calm, failures: 0 }

function queueContract(get: Get, add: Add): void {
  async function claimed(at: number, until = at + 100): Promise<Lease> {
    const lease = await get().repos.claim('w', at, until, QUARANTINE)
    if (!lease) throw new Error('nothing to claim')
    return lease
  }

  describe('repos', () => {
    it('are claimed once, by whoever comes first, the longest due first', async () => {
      const { repos } = get()
      await repos.mark('u2', NOW + 1)
      await repos.mark('u1', NOW)
      await repos.mark('u3', NOW + 9)
      expect((await claimed(NOW + 1)).user).toBe('u1')
      const leases = await Promise.all([1, 2, 3, 4].map((n) => repos.claim(`w${n}`, NOW + 1, NOW + 100, QUARANTINE)))
      expect(leases.flatMap((lease) => (lease ? [lease.user] : []))).toEqual(['u2'])
    })

    it('are free again after the lease ends, and uncertain if nobody gave them back', async () => {
      await get().repos.mark('u1', NOW)
      const first = await claimed(NOW)
      expect(first.uncertain).toBe(false)
      expect(await get().repos.claim('w', NOW + 99, NOW + 200, QUARANTINE)).toBeNull()
      const second = await claimed(NOW + 100)
      expect(second.uncertain).toBe(true)
      expect(await get().repos.renew(first, NOW + 500)).toBe(false)
      await get().repos.release(first, done, NOW + 101)
      expect(await get().repos.claim('w', NOW + 150, NOW + 300, QUARANTINE)).toBeNull()
    })

    it('stay with a holder who renews', async () => {
      await get().repos.mark('u1', NOW)
      const lease = await claimed(NOW)
      expect(await get().repos.renew(lease, NOW + 500)).toBe(true)
      expect(await get().repos.claim('w', NOW + 499, NOW + 600, QUARANTINE)).toBeNull()
      expect(await get().repos.claim('w', NOW + 500, NOW + 600, QUARANTINE)).not.toBeNull()
    })

    it('rest when released with nothing to do, or until they are due', async () => {
      await get().repos.mark('u1', NOW)
      await get().repos.release(await claimed(NOW), done, NOW)
      expect(await get().repos.claim('w', NOW + 10_000, NOW + 10_001, QUARANTINE)).toBeNull()
      await get().repos.mark('u1', NOW)
      await get().repos.release(await claimed(NOW), { ...done, dueAt: NOW + 50 }, NOW)
      expect(await get().repos.claim('w', NOW + 49, NOW + 50, QUARANTINE)).toBeNull()
      expect((await claimed(NOW + 50)).uncertain).toBe(false)
    })

    it('that are marked while being worked on are due again at once', async () => {
      await get().repos.mark('u1', NOW)
      const lease = await claimed(NOW)
      await get().repos.mark('u1', NOW + 1)
      await get().repos.release(lease, done, NOW + 2)
      expect((await claimed(NOW + 2)).user).toBe('u1')
    })

    it('remember failures and uncertainty, and back off whatever marks come in', async () => {
      await get().repos.mark('u1', NOW)
      const lease = await claimed(NOW)
      await get().repos.mark('u1', NOW)
      await get().repos.release(lease, { ...done, dueAt: NOW + 50, uncertain: true, failures: 3 }, NOW)
      await get().repos.mark('u1', NOW + 1)
      expect(await get().repos.claim('w', NOW + 49, NOW + 90, QUARANTINE)).toBeNull()
      expect(await claimed(NOW + 50)).toMatchObject({ uncertain: true, failures: 3 })
    })

    it('with work that nobody marked are found by the sweep, in pages', async () => {
      for (const user of ['a', 'b', 'c']) {
        await add({ user })
        await add({ user })
      }
      await add({ user: 'd', isPrivate: true })
      await get().accounts.add(newAccount('e', 'eve'))
      let pages = 0
      for (let after: string | null = ''; after !== null; pages++) after = await get().repos.sweep(after, 3, NOW)
      expect(pages).toBeGreaterThan(1)
      const users = []
      for (let lease; (lease = await get().repos.claim('w', NOW, NOW + 100, QUARANTINE));) users.push(lease.user)
      expect(users.toSorted()).toEqual(['a', 'b', 'c', 'e'])
    })

    it('that back off are left alone by the sweep', async () => {
      await add({ user: 'u1' })
      await get().repos.mark('u1', NOW)
      await get().repos.release(await claimed(NOW), { ...done, dueAt: NOW + 50, failures: 1 }, NOW)
      await get().repos.sweep('', 10, NOW + 1)
      expect(await get().repos.claim('w', NOW + 49, NOW + 90, QUARANTINE)).toBeNull()
    })
  })
}
