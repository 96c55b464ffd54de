/** Rows that are put back to work, in pages, while others change them. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newAccount, refused } from '../../src/domain/account.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { enqueued, held, rejected } from '../../src/domain/sync.ts'
import { retry } from '../../src/operate/retry.ts'
import type { Store, WorkStore } from '../../src/ports/store.ts'
import { openSqlite } from '../../src/store/sqlite/index.ts'
import { enqueueHeld } from '../../src/sync/enqueue-held.ts'
import { temporaryFolder } from '../support/installation.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'

const clock = { now: () => NOW + 9 }
const never = new AbortController().signal
const error = { code: 'X', message: 'no', at: NOW }

let store: Store
const cleanup: AsyncDisposable[] = []

beforeEach(async () => {
  const folder = await temporaryFolder()
  store = openSqlite(`${folder.path}/moods.sqlite`)
  cleanup.push(folder, store)
})
afterEach(async () => {
  for (const each of cleanup.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

/** @param count moods of `u1`, each with this state */
async function fill(count: number, next: (mood: Mood) => Mood['sync']): Promise<Mood[]> {
  const added = await Promise.all(Array.from({ length: count }, () => store.moods.add(unrepeated(aMood()))))
  const moods = added.map(({ mood }) => mood)
  await store.work.settle(
    moods.map((mood) => ({ id: mood.id, version: 1, next: next(mood) })),
    NOW,
  )
  return moods
}

/** The store, in which something else happens before the first results are kept. */
function racing(happens: () => Promise<unknown>): WorkStore {
  let hasHappened = false
  return new Proxy(store.work, {
    get(target, name) {
      if (name !== 'settle') return Reflect.get(target, name).bind(target) as unknown
      return async (...args: Parameters<WorkStore['settle']>) => {
        if (!hasHappened) await happens()
        hasHappened = true
        return target.settle(...args)
      }
    },
  })
}

async function change(id: string): Promise<void> {
  const mood = (await store.moods.byId(id))!
  await store.moods.save([{ ...mood, text: 'other' }], NOW)
}

describe('enqueueHeld', () => {
  it('enqueues more moods than fit a page', async () => {
    await fill(1200, ({ sync }) => held(sync, 'no_account'))
    expect(await enqueueHeld(store.work, clock, 'u1', 'no_account')).toBe(true)
    expect((await store.work.count()).states).toMatchObject({ pending: 1200, local: 0 })
    expect(await store.work.nextDue('u1')).toBe(NOW + 9)
  })

  it('ends when a mood changes meanwhile, and reports that one is left', async () => {
    const moods = await fill(501, ({ sync }) => held(sync, 'no_account'))
    const work = racing(() => change(moods[0]!.id))
    expect(await enqueueHeld(work, clock, 'u1', 'no_account')).toBe(false)
    expect((await store.work.count()).states).toMatchObject({ pending: 500, local: 1 })
    expect(await enqueueHeld(work, clock, 'u1', 'no_account')).toBe(true)
    expect((await store.work.count()).states).toMatchObject({ pending: 501, local: 0 })
  })

  it('stops between two pages', async () => {
    await fill(501, ({ sync }) => held(sync, 'no_account'))
    let pages = 0
    expect(await enqueueHeld(store.work, clock, 'u1', 'no_account', () => pages++ > 0)).toBe(false)
    expect((await store.work.count()).states).toMatchObject({ pending: 500, local: 1 })
  })
})

describe('retry', () => {
  it('puts pages of moods and accounts back to work, marks their repos, and reports how far it is', async () => {
    await fill(600, ({ sync }) => rejected(sync, error))
    const account = await store.accounts.add(newAccount('u2', 'bob'))
    await store.accounts.save(refused(account, error))
    const said: string[] = []
    const say = (what: string, done: number, total: number): number => said.push(`${what} ${done}/${total}`)
    expect(await retry({ store, clock }, { code: null, execute: false }, say, never)).toEqual({
      executed: false,
      moods: 600,
      accounts: 1,
    })
    expect(said).toEqual([])
    const unknown = retry({ store, clock }, { code: 'Y', execute: true }, say, never)
    await expect(unknown).rejects.toThrow('nothing waits for an operator with the reason Y; the reasons are X')
    expect(await retry({ store, clock }, { code: 'X', execute: true }, say, never)).toEqual({
      executed: true,
      moods: 600,
      accounts: 1,
    })
    expect(said).toEqual([
      'accounts put back to work 1/1',
      'moods put back to work 500/600',
      'moods put back to work 600/600',
    ])
    expect((await store.accounts.count()).states).toMatchObject({ pending: 1, needs_attention: 0 })
    const claimed = [
      await store.repos.claim('w', NOW + 9, NOW + 99, 0),
      await store.repos.claim('w', NOW + 9, NOW + 99, 0),
    ]
    expect(claimed.map((lease) => lease?.user).toSorted()).toEqual(['u1', 'u2'])
  })

  it('tries each mood once, also when all are rejected again at once', async () => {
    const moods = await fill(501, ({ sync }) => rejected(sync, error))
    const again = async (): Promise<void> => {
      for (const { id } of moods) {
        const { version, sync } = (await store.moods.byId(id))!
        if (sync.state === 'pending') await store.work.settle([{ id, version, next: rejected(sync, error) }], NOW)
      }
    }
    const says = { settles: 0 }
    const work = new Proxy(store.work, {
      get(target, name) {
        if (name !== 'settle') return Reflect.get(target, name).bind(target) as unknown
        return async (...args: Parameters<WorkStore['settle']>) => {
          const kept = await target.settle(...args)
          says.settles++
          await again()
          return kept
        }
      },
    })
    const done = await retry({ store: { ...store, work }, clock }, { code: null, execute: true }, () => {}, never)
    expect(done).toMatchObject({ moods: 501 })
    expect(says.settles).toBe(2)
  })

  it('does not count a mood that changed meanwhile', async () => {
    const moods = await fill(3, ({ sync }) => rejected(sync, error))
    const work = racing(async () => {
      const mood = (await store.moods.byId(moods[1]!.id))!
      await store.moods.save([{ ...mood, sync: enqueued(mood.sync, NOW) }], NOW)
    })
    const done = await retry({ store: { ...store, work }, clock }, { code: null, execute: true }, () => {}, never)
    expect(done).toMatchObject({ moods: 2 })
    expect((await store.work.count()).states).toMatchObject({ pending: 3, rejected: 0 })
  })

  it('stops between two pages, and marks what has been put back by then', async () => {
    await fill(501, ({ sync }) => rejected(sync, error))
    const stop = new AbortController()
    const done = await retry({ store, clock }, { code: null, execute: true }, () => stop.abort(), stop.signal)
    expect(done).toMatchObject({ moods: 500 })
    expect((await store.repos.claim('w', NOW + 9, NOW + 99, 0))?.user).toBe('u1')
  })
})
