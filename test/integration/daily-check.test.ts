/** The check of the data that workers repeat once a day. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Events } from '../../src/observe/events.ts'
import { DailyCheck } from '../../src/operate/daily-check.ts'
import type { DataStore } from '../../src/ports/data.ts'
import type { Store } from '../../src/ports/store.ts'
import { openSqlite } from '../../src/store/sqlite/index.ts'
import { recordedLog } from '../support/events.ts'
import { temporaryFolder } from '../support/installation.ts'
import { aMood, NOW, unrepeated } from '../support/moods.ts'

const DAY = 24 * 3_600_000
const never = new AbortController().signal

describe('the daily check', () => {
  let cleanup: AsyncDisposableStack
  let now: number
  let scans: number
  /** Two processes. */
  let stores: readonly Store[]
  let onScan: () => Promise<void> | void

  /** The same store, which tells of each scan. */
  function watched(store: Store): Store {
    const data: DataStore = new Proxy(store.data, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        const method = value.bind(target) as (...args: unknown[]) => unknown
        if (name !== 'scan') return method
        return async function* (collection: string, stop: AbortSignal) {
          // Every check looks at the moods once.
          if (collection === 'moods') {
            scans++
            await onScan()
          }
          yield* store.data.scan(collection, stop)
        }
      },
    })
    return { ...store, data }
  }

  function worker(i: number, store = stores[i]!) {
    const { log, take } = recordedLog()
    return {
      check: new DailyCheck({ store, clock: { now: () => now }, events: new Events(log), owner: `w${i}` }),
      take,
    }
  }

  beforeEach(async () => {
    cleanup = new AsyncDisposableStack()
    const folder = cleanup.use(await temporaryFolder())
    const open = () => watched(cleanup.use(openSqlite(`${folder.path}/moods.sqlite`)))
    stores = [open(), open()]
    ;[now, scans] = [NOW, 0]
    onScan = () => {}
    await stores[0]!.moods.add(unrepeated(aMood()))
  })
  afterEach(() => cleanup.disposeAsync())

  const last = () => stores[1]!.tasks.last('check')

  it('is made when there was none, and again a day later, not before', async () => {
    const [{ check }] = [worker(0)]
    await check.look(never)
    expect(await last()).toMatchObject({ at: NOW, documents: 1, odd: 0 })
    expect(scans).toBe(1)
    now = NOW + DAY - 1
    await check.look(never)
    await worker(1).check.look(never)
    expect(scans).toBe(1)
    now = NOW + DAY
    await worker(1).check.look(never)
    await check.look(never)
    expect([scans, await last()]).toMatchObject([2, { at: NOW + DAY }])
  })

  it('is made by one worker at a time', async () => {
    onScan = async () => {
      onScan = () => {}
      // Another one looks while this one is at work.
      await worker(1).check.look(never)
    }
    await worker(0).check.look(never)
    expect(scans).toBe(1)
    expect(await last()).not.toBeNull()
  })

  it('ends at once with its worker, keeps no half a result, and is made by the next one', async () => {
    const stop = new AbortController()
    onScan = () => stop.abort()
    await worker(0).check.look(stop.signal)
    expect([scans, await last()]).toEqual([1, null])
    onScan = () => {}
    await worker(1).check.look(never)
    expect([scans, await last()]).toMatchObject([2, { documents: 1 }])
  })

  it('is given up where another worker has taken it, because this one was away for longer than its claim', async () => {
    onScan = async () => {
      onScan = () => {}
      now += 3_600_000
      await worker(1).check.look(never)
      now += 1
      await stores[1]!.tasks.claim('check', 'w1', now, now + 60_000)
      await stores[1]!.tasks.note('check', { at: now, documents: 77, odd: 0, mendable: 0, groups: [] })
    }
    await worker(0).check.look(never)
    expect([scans, await last()]).toMatchObject([2, { documents: 77 }])
  })

  it('that fails is logged once, and tried again', async () => {
    onScan = () => Promise.reject(new Error('no'))
    const { check, take } = worker(0)
    await check.look(never)
    await check.look(never)
    expect(take()).toMatchObject([{ msg: 'unexpected error', where: 'data check' }])
    onScan = () => {}
    await check.look(never)
    expect(await last()).toMatchObject({ documents: 1 })
  })

  it('is run by a worker until that ends', async () => {
    const stop = new AbortController()
    const running = worker(0).check.run(stop.signal)
    stop.abort()
    await running
    expect(scans).toBe(0)
  })
})
