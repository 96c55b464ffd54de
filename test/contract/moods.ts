/** What every store must do with moods, as authors and readers see them. */

import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { COUNT_MOST } from '../../src/domain/odd.ts'
import { isVisibleTo, type Mood, saysTheSame } from '../../src/domain/mood.ts'
import { rkeyFor } from '../../src/domain/record.ts'
import { published, withdrawn } from '../../src/domain/sync.ts'
import { aMood, FIRST, NOW, unrepeated } from '../support/moods.ts'
import type { Given } from './store.ts'

interface Draft {
  readonly user: string
  readonly offset: number
  readonly isPrivate: boolean
  readonly isDeleted: boolean
}

export function moodContract(given: Given): void {
  describe('moods', () => {
    it('a mood comes back as it was saved, also after a restart', async () => {
      const mood = await given.add({ text: 'fine 🌊', intensity: 3, context: 'tea\nand cake', isPrivate: true })
      expect(await given.other.moods.byId(mood.id)).toEqual(mood)
      await given.reopen()
      expect(await given.store.moods.byId(mood.id)).toEqual(mood)
      expect(await given.store.moods.byId('f'.repeat(24))).toBeNull()
      expect(await given.store.moods.byId('no id at all')).toBeNull()
    })

    it('the time of a mood’s last change is known, whoever made it', async () => {
      const { moods, work } = given.store
      const mood = await given.add()
      expect(await moods.changedAt(mood.id)).toBe(mood.when)
      await moods.save([{ ...mood, intensity: 3 }], NOW + 5_000)
      expect(await given.other.moods.changedAt(mood.id)).toBe(NOW + 5_000)
      await work.settle([{ id: mood.id, version: 2, next: withdrawn(mood.sync) }], NOW + 9_000)
      expect(await given.other.moods.changedAt(mood.id)).toBe(NOW + 9_000)
      expect(await moods.changedAt('f'.repeat(24))).toBeNull()
    })

    it('a record key is unique among a user’s moods: one that is taken is salted', async () => {
      const first = await given.add()
      const second = aMood()
      const salted = rkeyFor(second.when, second.id, 1)
      const { rkey } = first.sync
      const clash = { ...second, sync: { ...second.sync, rkey } }
      expect((await given.store.moods.add(unrepeated(clash))).mood.sync.rkey).toBe(salted)
      const elsewhere = aMood({ user: 'u2' })
      const { mood } = await given.store.moods.add(unrepeated({ ...elsewhere, sync: { ...elsewhere.sync, rkey } }))
      expect(mood.sync.rkey).toBe(rkey)
      expect(await given.store.moods.byId(second.id)).toMatchObject({ ordinal: 2, sync: { rkey: salted } })
    })

    it('a user’s moods are numbered without gap or overlap, also when many are added at the same time', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? given.store : given.other).moods.add(unrepeated(aMood()))),
      )
      const ordinals = answers.map(({ mood }) => mood.ordinal).toSorted((a, b) => a - b)
      expect(ordinals).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
      expect(await given.store.moods.lastOrdinal('u1')).toBe(20)
      expect(await given.store.moods.lastOrdinal('u2')).toBe(0)
    })

    it('a number after which no other can be read is nobody’s: the next mood is numbered as if it were not there', async () => {
      const none = COUNT_MOST + 1
      const beyond = { ...unrepeated(aMood()), numbered: () => aMood({ ordinal: none }) }
      await given.store.moods.add(beyond)
      expect(await given.store.moods.lastOrdinal('u1')).toBe(0)
      const { mood } = await given.store.moods.add(unrepeated(aMood()))
      expect(await given.store.moods.byId(mood.id)).toEqual(mood)
    })

    it('a mood that repeats the latest undeleted one is not added, also when many come at the same time', async () => {
      const say = (text: string, isPrivate = false, { moods } = given.store) => {
        const mood = aMood({ text, isPrivate })
        return moods.add({ ...unrepeated(mood), repeats: (latest) => saysTheSame(latest, mood) })
      }
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => say('same', false, i % 2 === 0 ? given.store : given.other)),
      )
      expect(answers.filter(({ added }) => added)).toHaveLength(1)
      expect(new Set(answers.map(({ mood }) => mood.id)).size).toBe(1)
      expect((await say('same', true)).added).toBe(true)
      const { mood } = await say('same')
      expect(mood.ordinal).toBe(3)
      await given.store.moods.save([{ ...mood, deleted: { by: 'author', records: 'withdraw' } }], NOW)
      expect((await say('same', true)).added).toBe(false)
      expect((await say('same')).mood.ordinal).toBe(4)
    })

    it('the feed lists moods newest first, in pages without gap or overlap', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.nat({ max: 5 }), { maxLength: 12 }),
          fc.integer({ min: 1, max: 5 }),
          async (times, limit) => {
            const user = `page-${randomUUID()}`
            const moods = []
            for (const offset of times) moods.push(await given.add({ user, when: NOW + offset }))
            const expected = moods.toSorted((a, b) => b.when - a.when || (a.id < b.id ? 1 : -1)).map((mood) => mood.id)
            const seen: string[] = []
            for (let after = null; ;) {
              const page = await given.store.moods.feed({ users: [user], viewer: null, limit, after })
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

    it('a private mood is in no feed but its author’s own, a deleted one in none', async () => {
      const open = await given.add({ when: NOW + 1 })
      const secret = await given.add({ when: NOW + 2, isPrivate: true })
      await given.add({ when: NOW + 3, deleted: { by: 'author', records: 'withdraw' } })
      const ids = async (users: string[] | null, viewer: string | null) =>
        (await given.store.moods.feed({ users, viewer, limit: 9, after: null })).map((mood) => mood.id)
      expect(await ids(null, null)).toEqual([open.id])
      expect(await ids(null, 'u1')).toEqual([open.id])
      expect(await ids(['u1'], null)).toEqual([open.id])
      expect(await ids(['u1'], 'u2')).toEqual([open.id])
      expect(await ids(['u1'], 'u1')).toEqual([secret.id, open.id])
      expect(await ids(['u1', 'u2'], 'u1')).toEqual([secret.id, open.id])
      expect(await ids(['u1', 'u1'], 'u1')).toEqual([secret.id, open.id])
      expect(await ids(['nobody'], null)).toEqual([])
      expect(await ids([], 'u1')).toEqual([])
    })

    it('changes are listed in their order, from a position on', async () => {
      const a = await given.add({ when: NOW })
      const b = await given.add({ when: NOW + 1 })
      await given.store.work.settle(
        [{ id: a.id, version: 1, next: published(a.sync, 'at://x', 'cid', FIRST) }],
        NOW + 2,
      )
      const changes = await given.store.moods.changes({ changedAt: NOW - 1, id: '' }, 10)
      expect(changes.map(({ mood }) => [mood.id, mood.version])).toEqual([
        [b.id, 1],
        [a.id, 2],
      ])
      const rest = await given.store.moods.changes(changes[0]!.position, 10)
      expect(rest.map(({ mood }) => mood.id)).toEqual([a.id])
      expect(await given.store.moods.changes(changes[1]!.position, 10)).toEqual([])
    })

    it('a mood is purged by its id and version, and stays when it has changed since it was read', async () => {
      const { moods, work } = given.store
      const [first, second, third] = [await given.add(), await given.add(), await given.add({ user: 'u2' })]
      await moods.save([{ ...third, intensity: 3 }], NOW)
      expect(await moods.purgeMoods([first, third, { id: 'f'.repeat(24), version: 1 }])).toBe(1)
      expect(await moods.purgeMoods([first])).toBe(0)
      expect(await moods.purgeMoods([])).toBe(0)
      expect(await moods.byId(first.id)).toBeNull()
      expect(await moods.byId(second.id)).toEqual(second)
      expect(await moods.byId(third.id)).toMatchObject({ intensity: 3, version: 2 })
      expect(await work.due('u1', NOW, 9)).toEqual([second])
    })

    it('a mood whose id is taken is refused, and the one that has it stays', async () => {
      const mood = await given.add()
      await expect(given.store.moods.add(unrepeated({ ...mood, user: 'u2', text: 'other' }))).rejects.toThrow()
      expect(await given.store.moods.byId(mood.id)).toEqual(mood)
      expect(await given.store.moods.lastOrdinal('u2')).toBe(0)
    })

    it('the feed of any users, for any viewer, is what may be seen, newest first', async () => {
      const users = fc.constantFrom('u1', 'u2', 'u3')
      const someMoods = fc.array(
        fc.record({ user: users, offset: fc.nat({ max: 3 }), isPrivate: fc.boolean(), isDeleted: fc.boolean() }),
        { maxLength: 10 },
      )
      const chosen = fc.option(fc.uniqueArray(users))
      const check = async (drafts: readonly Draft[], who: string[] | null, viewer: string | null, limit: number) => {
        await given.clear()
        const added: Mood[] = []
        for (const { user, offset, isPrivate, isDeleted } of drafts) {
          const deleted = isDeleted ? ({ by: 'author', records: 'keep' } as const) : null
          added.push(await given.add({ user, when: NOW + offset, isPrivate, deleted }))
        }
        const isListed = (mood: Mood): boolean =>
          who === null ? isVisibleTo(mood, null) : who.includes(mood.user) && isVisibleTo(mood, viewer)
        const expected = added.filter(isListed).toSorted((a, b) => b.when - a.when || (a.id < b.id ? 1 : -1))
        const seen: Mood[] = []
        for (let last: Mood | undefined; ;) {
          const after = last ? { when: last.when, id: last.id } : null
          const page = await given.store.moods.feed({ users: who, viewer, limit, after })
          expect(page.length).toBeLessThanOrEqual(limit)
          last = page.at(-1)
          if (!last) break
          seen.push(...page)
        }
        expect(seen).toEqual(expected)
      }
      const limits = fc.integer({ min: 1, max: 5 })
      await fc.assert(fc.asyncProperty(someMoods, chosen, fc.option(users), limits, check), { numRuns: 25 })
    })

    it('changes are listed by time and id, each once, in pages that begin after a position', async () => {
      const moods = [await given.add(), await given.add({ user: 'u2', isPrivate: true }), await given.add()]
      await given.add({ when: NOW - 5, deleted: { by: 'nuke', records: 'keep' } })
      await given.store.moods.save(moods.slice(1), NOW + 1)
      const seen: string[] = []
      for (let after = { changedAt: 0, id: '' }; ;) {
        const page = await given.store.moods.changes(after, 1)
        if (!page[0]) break
        expect(page).toHaveLength(1)
        seen.push(`${page[0].position.changedAt - NOW} ${page[0].mood.id}`)
        expect(page[0].position.id).toBe(page[0].mood.id)
        after = page[0].position
      }
      expect(seen.slice(1)).toEqual([`0 ${moods[0]!.id}`, `1 ${moods[1]!.id}`, `1 ${moods[2]!.id}`])
      expect(seen).toHaveLength(4)
    })

    it('a change is saved only on the version it was made from, each by itself', async () => {
      const [first, second] = [await given.add(), await given.add()]
      const change = { intensity: 7, context: 'tea', isPrivate: true } as const
      const deleted = { by: 'nuke', records: 'withdraw' } as const
      const next = [
        { ...first, ...change, deleted, sync: published(first.sync, 'at://x', 'cid', FIRST) },
        { ...second, version: 9, ...change },
        aMood(),
      ]
      expect(await given.store.moods.save(next, NOW + 3)).toEqual(new Set([first.id]))
      expect(await given.store.moods.save(next, NOW + 4)).toEqual(new Set())
      expect(await given.store.moods.save([], NOW + 4)).toEqual(new Set())
      await given.reopen()
      expect(await given.store.moods.byId(first.id)).toEqual({ ...next[0], version: 2 })
      expect(await given.store.moods.byId(second.id)).toEqual(second)
      expect(await given.store.moods.byId(next[2]!.id)).toBeNull()
      const changes = await given.store.moods.changes({ changedAt: NOW, id: 'f'.repeat(24) }, 9)
      expect(changes.map(({ position }) => position)).toEqual([{ changedAt: NOW + 3, id: first.id }])
      // What can be left out is left out again.
      const plain = { ...next[0]!, version: 2, intensity: null, context: null, isPrivate: false, deleted: null }
      expect(await given.store.moods.save([plain], NOW + 5)).toEqual(new Set([first.id]))
      expect(await given.store.moods.byId(first.id)).toEqual({ ...plain, version: 3 })
    })

    it('a change leaves author, number, text and time of a mood as they were', async () => {
      const mood = await given.add()
      const forged = { ...mood, user: 'u2', ordinal: 9, text: 'other', when: NOW + 9, intensity: 1 }
      expect(await given.store.moods.save([forged], NOW)).toEqual(new Set([mood.id]))
      expect(await given.store.moods.byId(mood.id)).toEqual({ ...mood, intensity: 1, version: 2 })
    })

    it('of changes to one mood that are saved at the same time one is kept', async () => {
      const mood = await given.add()
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => {
          return (i % 2 === 0 ? given.store : given.other).moods.save([{ ...mood, intensity: i + 1 }], NOW)
        }),
      )
      const kept = answers.flatMap((ids, i) => (ids.size === 1 ? [i + 1] : []))
      expect(kept).toHaveLength(1)
      expect(await given.store.moods.byId(mood.id)).toEqual({ ...mood, intensity: kept[0], version: 2 })
    })

    it('a change to a record key that another mood of the user has is not kept, and harms no other', async () => {
      const [first, second, third] = [await given.add(), await given.add(), await given.add()]
      const { rkey } = first.sync
      const next = [
        { ...second, sync: published({ ...second.sync, rkey }, 'at://x', 'cid', FIRST) },
        { ...third, intensity: 3 },
      ]
      expect(await given.store.moods.save(next, NOW)).toEqual(new Set([third.id]))
      expect(await given.store.moods.byId(first.id)).toEqual(first)
      expect(await given.store.moods.byId(second.id)).toEqual(second)
      const free = {
        ...second,
        sync: published({ ...second.sync, rkey: rkeyFor(NOW, 'free', 0) }, 'at://x', 'cid', FIRST),
      }
      expect(await given.store.moods.save([free], NOW)).toEqual(new Set([second.id]))
      expect(await given.store.moods.byId(second.id)).toEqual({ ...free, version: 2 })
    })

    it('a user’s moods are read for a nuke, and the nuked ones to restore them, up to a number', async () => {
      const nuked = { by: 'nuke', records: 'keep' } as const
      const kept = await given.add()
      const gone = await given.add({ deleted: nuked })
      await given.add({ deleted: { by: 'author', records: 'withdraw' } })
      const secret = await given.add({ isPrivate: true })
      await given.add({ user: 'u2' })
      await given.add({ user: 'u2', deleted: nuked })
      const idsOf = async (which: 'undeleted' | 'nuked', through: number, limit = 9, after: Mood | null = null) =>
        (await given.store.moods.ofUser('u1', which, through, after, limit)).map(({ id }) => id)
      expect(await idsOf('undeleted', 4)).toEqual([kept.id, secret.id])
      expect(await idsOf('undeleted', 4, 1)).toEqual([kept.id])
      expect(await idsOf('undeleted', 4, 9, kept)).toEqual([secret.id])
      expect(await idsOf('undeleted', 4, 9, secret)).toEqual([])
      expect(await idsOf('undeleted', 3)).toEqual([kept.id])
      expect(await idsOf('undeleted', 0)).toEqual([])
      expect(await idsOf('nuked', 9)).toEqual([gone.id])
      expect(await idsOf('nuked', 1)).toEqual([])
      expect(await given.store.moods.ofUser('u3', 'undeleted', 9, null, 9)).toEqual([])
    })

    it('the history of a user is all of their moods, in pages that begin after one', async () => {
      const moods = [
        await given.add({ deleted: { by: 'author', records: 'withdraw' } }),
        await given.add({ isPrivate: true }),
        await given.add({ when: NOW - 1 }),
      ]
      await given.add({ user: 'u2' })
      const all = await given.store.moods.history('u1', null, 9)
      expect(all.toSorted((a, b) => a.ordinal - b.ordinal)).toEqual(moods)
      const [first, second, third] = all
      expect(await given.store.moods.history('u1', null, 2)).toEqual([first, second])
      expect(await given.store.moods.history('u1', second!, 2)).toEqual([third])
      expect(await given.store.moods.history('u1', third!, 2)).toEqual([])
      expect(await given.store.moods.history('u3', null, 2)).toEqual([])
    })

    it('authors are listed once each, in order, in pages that begin after one', async () => {
      expect(await given.store.moods.authors('', 9)).toEqual([])
      for (const user of ['b', 'a', 'B', 'b', 'a']) await given.add({ user })
      await given.add({ user: 'c', deleted: { by: 'author', records: 'keep' } })
      await given.add({ user: 'd', isPrivate: true })
      expect(await given.store.moods.authors('', 9)).toEqual(['B', 'a', 'b', 'c', 'd'])
      expect(await given.store.moods.authors('', 2)).toEqual(['B', 'a'])
      expect(await given.store.moods.authors('a', 2)).toEqual(['b', 'c'])
      expect(await given.store.moods.authors('bb', 2)).toEqual(['c', 'd'])
      expect(await given.store.moods.authors('d', 2)).toEqual([])
    })

    it('a user’s moods are purged without trace, a page at a time, and nobody else’s', async () => {
      for (let i = 0; i < 3; i++) await given.add({ isPrivate: i === 0 })
      const others = await given.add({ user: 'u2' })
      expect(await given.store.moods.purge('u1', 2)).toBe(2)
      expect(await given.store.moods.purge('u1', 2)).toBe(1)
      expect(await given.store.moods.purge('u1', 2)).toBe(0)
      await given.reopen()
      expect(await given.store.moods.history('u1', null, 9)).toEqual([])
      expect(await given.store.moods.lastOrdinal('u1')).toBe(0)
      expect(await given.store.archive.count('moods')).toBe(1)
      expect(await given.store.moods.byId(others.id)).toEqual(others)
    })

    it('the number of a deleted mood is not given again', async () => {
      const mood = await given.add()
      await given.store.moods.save([{ ...mood, deleted: { by: 'author', records: 'withdraw' } }], NOW)
      expect(await given.store.moods.lastOrdinal('u1')).toBe(1)
      expect((await given.add()).ordinal).toBe(2)
    })
  })
}
