/** Pages of what waits: for a reason to go away, for an operator, or to be purged. */

import { describe, expect, it } from 'vitest'
import { newAccount, refused, retried } from '../../src/domain/account.ts'
import { enqueued, held, rejected } from '../../src/domain/sync.ts'
import { NOW } from '../support/moods.ts'
import type { Add, Get } from './store.ts'

export function pagesContract(get: Get, add: Add): void {
  describe('moods', () => {
    it('that are held for a reason are listed in pages, until they are enqueued', async () => {
      const ids: string[] = []
      for (let i = 0; i < 3; i++) {
        const mood = await add()
        ids.push(mood.id)
        await get().work.settle([{ id: mood.id, version: 1, next: held(mood.sync, 'no_account') }], NOW)
      }
      await add({ isPrivate: true })
      const other = await add({ user: 'u2' })
      await get().work.settle([{ id: other.id, version: 1, next: held(other.sync, 'no_account') }], NOW)
      const first = await get().work.held('u1', 'no_account', '', 2)
      const rest = await get().work.held('u1', 'no_account', first.at(-1)!.id, 2)
      const all = [...first, ...rest]
      expect(all.map(({ id }) => id)).toEqual(ids)
      expect(await get().work.held('u1', 'no_account', ids[2]!, 2)).toEqual([])
      expect(await get().work.held('u1', 'kept', '', 2)).toEqual([])
      const next = all.map(({ id, version, sync }) => ({ id, version, next: enqueued(sync, NOW + 1) }))
      expect((await get().work.settle(next, NOW + 1)).size).toBe(3)
      expect(await get().work.held('u1', 'no_account', '', 2)).toEqual([])
      expect(await get().work.count()).toMatchObject({ states: { pending: 3, local: 2 } })
      expect(await get().work.nextDue('u1')).toBe(NOW + 1)
    })

    it('that are rejected are listed in pages, for one reason or for all', async () => {
      const ids: string[] = []
      for (const code of ['A', 'B', 'A']) {
        const mood = await add({ user: `u${ids.length}` })
        const next = rejected(mood.sync, { code, message: 'no', at: NOW })
        await get().work.settle([{ id: mood.id, version: 1, next }], NOW)
        ids.push(mood.id)
      }
      await add({ user: 'u9' })
      const idsOf = async (code: string | null, after: string) =>
        (await get().work.rejected(code, after, 2)).map(({ id }) => id)
      expect(await idsOf(null, '')).toEqual(ids.slice(0, 2))
      expect(await idsOf(null, ids[1]!)).toEqual([ids[2]])
      expect(await idsOf('A', '')).toEqual([ids[0], ids[2]])
      expect(await idsOf('A', ids[0]!)).toEqual([ids[2]])
      expect(await idsOf('C', '')).toEqual([])
      expect((await get().work.rejected('B', '', 9))[0]).toEqual(await get().moods.byId(ids[1]!))
    })

    it('are purged one by one, but not a mood that has changed since it was read', async () => {
      const { moods, work } = get()
      const [first, second, third] = [await add(), await add(), await add({ user: 'u2' })]
      await moods.save([{ ...third, intensity: 3 }], NOW)
      expect(await moods.purgeMoods([first, third, { id: 'f'.repeat(24), version: 1 }])).toBe(1)
      expect(await moods.purgeMoods([first])).toBe(0)
      expect(await moods.purgeMoods([])).toBe(0)
      expect(await moods.byId(first.id)).toBeNull()
      expect(await moods.byId(second.id)).toEqual(second)
      expect(await moods.byId(third.id)).toMatchObject({ intensity: 3, version: 2 })
      expect(await work.due('u1', NOW, 9)).toEqual([second])
    })
  })

  describe('accounts', () => {
    it('that need attention are listed in pages, for one reason or for all', async () => {
      const { accounts } = get()
      const stored = []
      for (const [user, code] of [
        ['a', 'A'],
        ['b', 'B'],
        ['c', 'A'],
      ] as const) {
        await accounts.claimHandle(user, `name-${user}`)
        const account = await accounts.add(newAccount(user, `name-${user}`))
        stored.push((await accounts.save(refused(account, { code, message: 'no', at: NOW })))!)
      }
      await accounts.add(newAccount('d', 'name-d'))
      const [a, b, c] = stored
      expect(await accounts.needingAttention(null, '', 2)).toEqual([a, b])
      expect(await accounts.needingAttention(null, 'b', 2)).toEqual([c])
      expect(await accounts.needingAttention('A', '', 2)).toEqual([a, c])
      expect(await accounts.needingAttention('A', 'a', 2)).toEqual([c])
      expect(await accounts.needingAttention('C', '', 2)).toEqual([])
      await accounts.save(retried(a!))
      expect(await accounts.needingAttention('A', '', 2)).toEqual([c])
    })
  })
}
