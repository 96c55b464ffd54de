/** What every store must do with moods, as work for the engine. */

import { describe, expect, it } from 'vitest'
import type { Mood } from '../../src/domain/mood.ts'
import {
  adopted,
  delayed,
  enqueued,
  forgotten,
  held,
  published,
  rejected,
  unseen,
  withdrawn,
} from '../../src/domain/sync.ts'
import { aMood, FIRST, NOW } from '../support/moods.ts'
import type { Given } from './store.ts'

export function workContract(given: Given): void {
  describe('work', () => {
    it('a user’s pending moods that are due are found, the longest due first', async () => {
      const late = await given.add({ when: NOW + 2 })
      const early = await given.add({ when: NOW + 1 })
      await given.add({ when: NOW + 9 })
      await given.add({ isPrivate: true })
      await given.add({ user: 'u2' })
      const due = await given.store.work.due('u1', NOW + 2, 10)
      expect(due.map((mood) => mood.id)).toEqual([early.id, late.id])
      expect((await given.store.work.due('u1', NOW + 2, 1)).map((mood) => mood.id)).toEqual([early.id])
      expect(await given.store.work.nextDue('u1')).toBe(NOW + 1)
      expect(await given.store.work.nextDue('u3')).toBeNull()
    })

    it('a mood that is due further ahead than a mood can be is found after all that are due, and one that is due soon is not', async () => {
      const ahead = await given.add({ when: NOW + 2 * 3_600_000 })
      const far = await given.add({ when: NOW + 12 * 365 * 86_400_000 })
      await given.add({ when: NOW + 59_000 })
      expect((await given.store.work.due('u1', NOW, 10)).map((mood) => mood.id)).toEqual([ahead.id, far.id])
      const due = await given.add({ when: NOW - 1 })
      expect((await given.store.work.due('u1', NOW, 2)).map((mood) => mood.id)).toEqual([due.id, ahead.id])
    })

    it('the pending mood that has been due the longest is found among all users, and the next ones after it', async () => {
      const { work } = given.store
      expect(await work.oldestPending(9)).toEqual([])
      await given.add({ isPrivate: true })
      expect(await work.oldestPending(9)).toEqual([])
      const later = await given.add({ user: 'u2', when: NOW + 5 })
      const oldest = await given.add({ user: 'u3', when: NOW + 1 })
      const next = await given.add({ user: 'u1', when: NOW + 3 })
      await given.reopen()
      expect(await given.other.work.oldestPending(1)).toEqual([oldest])
      expect(await given.other.work.oldestPending(2)).toEqual([oldest, next])
      expect(await given.other.work.oldestPending(9)).toEqual([oldest, next, later])
      const done = { id: oldest.id, version: 1, next: published(oldest.sync, 'at://x', 'cid', FIRST) }
      await given.store.work.settle([done], NOW + 9)
      expect((await given.other.work.oldestPending(1))[0]).toEqual(next)
      await given.store.work.settle([{ id: next.id, version: 1, next: delayed(next.sync, NOW + 50) }], NOW + 9)
      expect((await given.other.work.oldestPending(1))[0]).toEqual(later)
      await given.store.work.settle([{ id: later.id, version: 1, next: withdrawn(later.sync) }], NOW + 9)
      expect(await given.other.work.oldestPending(1)).toMatchObject([{ id: next.id, sync: { dueAt: NOW + 50 } }])
    })

    it('of moods that have been due equally long the one with the lowest id is the oldest', async () => {
      const ids: string[] = []
      for (const user of ['u2', 'u1', 'u3']) ids.push((await given.add({ user, when: NOW })).id)
      expect((await given.store.work.oldestPending(9)).map(({ id }) => id)).toEqual(ids.toSorted())
    })

    it('a search for the oldest pending mood during a change gives the mood from before it or the next one', async () => {
      for (let i = 0; i < 5; i++) {
        const oldest = await given.add({ user: 'u2', when: NOW - 10 })
        const next = await given.add({ when: NOW - 5 })
        const done = { id: oldest.id, version: 1, next: published(oldest.sync, 'at://x', 'cid', FIRST) }
        const [, seen] = await Promise.all([given.store.work.settle([done], NOW), given.other.work.oldestPending(1)])
        expect([oldest, next]).toContainEqual(seen[0])
        expect((await given.other.work.oldestPending(1))[0]).toEqual(next)
        await given.store.work.settle([{ id: next.id, version: 1, next: withdrawn(next.sync) }], NOW)
      }
    })

    it('when a mood was first published is kept with its result, whatever becomes of it later, and over a restart', async () => {
      const mood = await given.add()
      expect(mood.sync.firstPublished).toBeNull()
      const first = { ...FIRST, direct: false }
      await given.store.work.settle(
        [{ id: mood.id, version: 1, next: published(mood.sync, 'at://x', 'cid', first) }],
        NOW,
      )
      const there = (await given.other.moods.byId(mood.id))!
      expect(there.sync.firstPublished).toEqual(first)
      await given.store.moods.save([{ ...there, sync: forgotten(there.sync) }], NOW + 9)
      await given.reopen()
      const back = (await given.store.moods.byId(mood.id))!
      expect(back.sync).toMatchObject({ state: 'local', firstPublished: first })
      const again = adopted(back.sync, { rkey: back.sync.rkey, uri: 'at://x', cid: 'cid' }, NOW + 20)
      await given.store.moods.save([{ ...back, sync: again }], NOW + 20)
      expect((await given.other.moods.byId(mood.id))!.sync.firstPublished).toEqual(first)
    })

    it('a result is kept only on the version it was computed from', async () => {
      const a = await given.add()
      const b = await given.add()
      const result = ({ id, version, sync }: Mood) => ({ id, version, next: published(sync, 'at://x', 'cid', FIRST) })
      expect(await given.store.work.settle([result(a), result({ ...b, version: 7 })], NOW)).toEqual(new Set([a.id]))
      const stale = { id: a.id, version: a.version, next: withdrawn(a.sync) }
      expect(await given.store.work.settle([stale], NOW)).toEqual(new Set())
      expect(await given.store.moods.byId(a.id)).toEqual({
        ...a,
        version: 2,
        sync: published(a.sync, 'at://x', 'cid', FIRST),
      })
      expect(await given.store.moods.byId(b.id)).toEqual(b)
    })

    it('every state is kept as it is given, and counted', async () => {
      const error = { code: 'X', message: 'x', at: NOW }
      const states = [
        (mood: Mood) => held(mood.sync, 'no_account'),
        (mood: Mood) => withdrawn(mood.sync),
        (mood: Mood) => rejected(mood.sync, error),
        (mood: Mood) => enqueued(mood.sync, NOW + 5),
      ]
      for (const step of states) {
        const mood = await given.add()
        const next = step(mood)
        await given.store.work.settle([{ id: mood.id, version: 1, next }], NOW)
        expect((await given.store.moods.byId(mood.id))?.sync).toEqual(next)
      }
      expect(await given.store.work.count()).toMatchObject({
        states: { local: 1, pending: 1, published: 0, withdrawn: 1, rejected: 1 },
        rejected: { X: 1 },
      })
    })

    it('moods held for a reason are listed in pages, until they are enqueued', async () => {
      const ids: string[] = []
      for (let i = 0; i < 3; i++) {
        const mood = await given.add()
        ids.push(mood.id)
        await given.store.work.settle([{ id: mood.id, version: 1, next: held(mood.sync, 'no_account') }], NOW)
      }
      await given.add({ isPrivate: true })
      const other = await given.add({ user: 'u2' })
      await given.store.work.settle([{ id: other.id, version: 1, next: held(other.sync, 'no_account') }], NOW)
      const first = await given.store.work.held('u1', 'no_account', '', 2)
      const rest = await given.store.work.held('u1', 'no_account', first.at(-1)!.id, 2)
      const all = [...first, ...rest]
      expect(all.map(({ id }) => id)).toEqual(ids)
      expect(await given.store.work.held('u1', 'no_account', ids[2]!, 2)).toEqual([])
      expect(await given.store.work.held('u1', 'kept', '', 2)).toEqual([])
      const next = all.map(({ id, version, sync }) => ({ id, version, next: enqueued(sync, NOW + 1) }))
      expect((await given.store.work.settle(next, NOW + 1)).size).toBe(3)
      expect(await given.store.work.held('u1', 'no_account', '', 2)).toEqual([])
      expect(await given.store.work.count()).toMatchObject({ states: { pending: 3, local: 2 } })
      expect(await given.store.work.nextDue('u1')).toBe(NOW + 1)
    })

    it('rejected moods are listed in pages, for one reason or for all', async () => {
      const ids: string[] = []
      for (const code of ['A', 'B', 'A']) {
        const mood = await given.add({ user: `u${ids.length}` })
        const next = rejected(mood.sync, { code, message: 'no', at: NOW })
        await given.store.work.settle([{ id: mood.id, version: 1, next }], NOW)
        ids.push(mood.id)
      }
      await given.add({ user: 'u9' })
      const idsOf = async (code: string | null, after: string) =>
        (await given.store.work.rejected(code, after, 2)).map(({ id }) => id)
      expect(await idsOf(null, '')).toEqual(ids.slice(0, 2))
      expect(await idsOf(null, ids[1]!)).toEqual([ids[2]])
      expect(await idsOf('A', '')).toEqual([ids[0], ids[2]])
      expect(await idsOf('A', ids[0]!)).toEqual([ids[2]])
      expect(await idsOf('C', '')).toEqual([])
      expect((await given.store.work.rejected('B', '', 9))[0]).toEqual(await given.store.moods.byId(ids[1]!))
    })

    it('a mood that is added is due at once, also after a restart', async () => {
      const mood = await given.add()
      await given.reopen()
      expect(await given.store.work.due('u1', NOW, 9)).toEqual([mood])
      expect(await given.store.work.due('u1', NOW - 1, 9)).toEqual([])
      expect(await given.store.work.nextDue('u1')).toBe(NOW)
    })

    it('a mood that is settled is due when its result says so, and not otherwise', async () => {
      const [later, done] = [await given.add(), await given.add()]
      const next = [
        { id: later.id, version: 1, next: delayed(later.sync, NOW + 50) },
        { id: done.id, version: 1, next: withdrawn(done.sync) },
      ]
      await given.store.work.settle(next, NOW)
      expect(await given.store.work.due('u1', NOW + 49, 9)).toEqual([])
      expect((await given.store.work.due('u1', NOW + 50, 9)).map(({ id }) => id)).toEqual([later.id])
      expect(await given.store.work.nextDue('u1')).toBe(NOW + 50)
      expect(await given.other.moods.byId(done.id)).toMatchObject({ version: 2, sync: { state: 'withdrawn' } })
    })

    it('of results for one mood that are settled at the same time one is kept', async () => {
      const mood = await given.add()
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => {
          const next = published(mood.sync, 'at://x', `cid-${i}`, FIRST)
          return (i % 2 === 0 ? given.store : given.other).work.settle([{ id: mood.id, version: 1, next }], NOW)
        }),
      )
      const kept = answers.flatMap((ids, i) => (ids.has(mood.id) ? [`cid-${i}`] : []))
      expect(kept).toHaveLength(1)
      expect(await given.store.moods.byId(mood.id)).toMatchObject({ version: 2, sync: { cid: kept[0] } })
    })

    it('a result and a change by the author that race leave one of them, and never a mixture', async () => {
      for (let i = 0; i < 5; i++) {
        const mood = await given.add()
        const next = published(mood.sync, 'at://x', 'cid', FIRST)
        const edit = { ...mood, isPrivate: true, sync: enqueued(mood.sync, NOW + 1) }
        const [settled, saved] = await Promise.all([
          given.store.work.settle([{ id: mood.id, version: 1, next }], NOW),
          given.other.moods.save([edit], NOW),
        ])
        expect(settled.size + saved.size).toBe(1)
        const expected = saved.size === 1 ? edit : { ...mood, sync: next }
        expect(await given.store.moods.byId(mood.id)).toEqual({ ...expected, version: 2 })
      }
    })

    it('no results, and a result for a mood that there is not, keep nothing', async () => {
      expect(await given.store.work.settle([], NOW)).toEqual(new Set())
      const { id, sync } = aMood()
      expect(await given.store.work.settle([{ id, version: 1, next: withdrawn(sync) }], NOW)).toEqual(new Set())
      expect(await given.store.moods.byId(id)).toBeNull()
    })

    it('the moods of some users are counted, and those that are pending, as a process beside sees them', async () => {
      const [first, second] = [await given.add({ user: 'u1' }), await given.add({ user: 'u1' })]
      await given.add({ user: 'u2', isPrivate: true })
      await given.add({ user: 'u3' })
      const gone = await given.add({ user: 'u1', deleted: { by: 'author', records: 'withdraw' } })
      expect(gone.deleted).not.toBeNull()
      const { work } = given.other
      expect(await work.countOf(['u1', 'u2', 'nobody'])).toEqual(
        new Map([
          ['u1', 3],
          ['u2', 1],
        ]),
      )
      expect(await work.pendingOf(['u1', 'u2', 'nobody'])).toEqual(new Map([['u1', 3]]))
      const next = published(first.sync, 'at://x', 'cid', FIRST)
      // Only one of two results for the same version counts.
      const results = [given.store, given.other].map(({ work: of }) =>
        of.settle([{ id: first.id, version: 1, next }], NOW),
      )
      await Promise.all(results)
      expect(await work.pendingOf(['u1'])).toEqual(new Map([['u1', 2]]))
      await given.store.work.settle([{ id: second.id, version: 1, next: held(second.sync, 'no_account') }], NOW)
      expect([await work.countOf(['u1']), await work.pendingOf(['u1'])]).toEqual([
        new Map([['u1', 3]]),
        new Map([['u1', 1]]),
      ])
      expect([await work.countOf([]), await work.pendingOf([])]).toEqual([new Map(), new Map()])
    })

    it('moods are counted by state, deleted ones together, held ones and rejected ones by reason', async () => {
      const none = { local: 0, pending: 0, published: 0, withdrawn: 0, rejected: 0 }
      const noneHeld = { no_account: 0, private: 0, federation_off: 0, kept: 0, backfill: 0 }
      expect(await given.store.work.count()).toEqual({ states: none, deleted: 0, held: noneHeld, rejected: {} })
      for (const code of ['A', 'B', 'A']) {
        const mood = await given.add()
        const next = rejected(mood.sync, { code, message: 'why', at: NOW })
        await given.store.work.settle([{ id: mood.id, version: 1, next }], NOW)
      }
      await given.add({ user: 'u2', isPrivate: true })
      for (const hold of ['no_account', 'backfill', 'no_account'] as const) {
        const mood = await given.add({ user: 'u2' })
        await given.store.work.settle([{ id: mood.id, version: 1, next: held(mood.sync, hold) }], NOW)
      }
      const hidden = [{ isPrivate: true }, { isPrivate: true, deleted: true }, { deleted: true }]
      for (const { isPrivate = false, deleted: isDeleted = false } of hidden) {
        const mood = await given.add({ user: 'u4' })
        const sync = unseen(mood.sync)
        const deletion = isDeleted ? ({ by: 'author', records: 'keep' } as const) : null
        await given.store.moods.save([{ ...mood, isPrivate, deleted: deletion, sync }], NOW)
      }
      const [rejectedOne] = await given.store.work.rejected(null, '', 1)
      const gone = await given.add({ user: 'u3' })
      const deleted = { by: 'author', records: 'withdraw' } as const
      const taken = [rejectedOne!, { ...gone, sync: withdrawn(gone.sync) }].map((mood) =>
        Object.assign(mood, { deleted }),
      )
      await given.store.moods.save(taken, NOW)
      expect(await given.other.work.count()).toEqual({
        states: { ...none, local: 7, withdrawn: 1, rejected: 3 },
        deleted: 4,
        held: { ...noneHeld, private: 3, kept: 1, no_account: 2, backfill: 1 },
        rejected: { A: 2, B: 1 },
      })
    })
  })
}
