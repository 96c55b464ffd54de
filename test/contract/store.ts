/**
 * What every store must do. Each adapter runs this one suite: all methods of all ports, and their races between two
 * connections. An adapter that passes can carry the product.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Mood } from '../../src/domain/mood.ts'
import type { Store } from '../../src/ports/store.ts'
import { aMood, unrepeated } from '../support/moods.ts'
import { accountContract } from './accounts.ts'
import { archiveContract } from './archive.ts'
import { auditContract } from './audits.ts'
import { sightingContract } from './sightings.ts'
import { dataContract } from './data.ts'
import { erasureContract } from './erasures.ts'
import { intentContract } from './intents.ts'
import { oddContract } from './odd.ts'
import { ledgerContract } from './ledger.ts'
import { removalContract } from './removals.ts'
import { policyContract } from './policy.ts'
import { moodContract } from './moods.ts'
import { queueContract } from './queue.ts'
import { queueRulesContract } from './queue-rules.ts'
import { Recorder } from './recorder.ts'
import { taskContract } from './tasks.ts'
import { workContract } from './work.ts'
import { workerContract } from './workers.ts'

/** A database for the suite. Disposing of it removes all trace. */
export interface TestDatabase extends AsyncDisposable {
  /** One more connection, as another process has it. The caller disposes of it. */
  connect(): Promise<Store>
  /** Removes every item, of all ports. */
  clear(): Promise<void>
  /** Writes what no mood may have in the place of its `isPrivate`, past the store. */
  spoil(id: string): Promise<void>
  /** Whether one connection hears of the marks of another. */
  readonly tellsOfMarks: boolean
}

/** What each part of the suite works with: two connections to one database, which is empty before each test. */
export interface Given {
  readonly store: Store
  /** The same data as another process sees it. */
  readonly other: Store
  /** Ends both connections and makes them again: what is there now survives a restart. */
  reopen(): Promise<void>
  /** Removes every item. */
  clear(): Promise<void>
  /** Makes a mood odd, past the store. */
  spoil(id: string): Promise<void>
  readonly tellsOfMarks: boolean
  /** Saves one more mood, whatever was said before. */
  add(fields?: Partial<Mood>): Promise<Mood>
}

class Connections implements Given {
  readonly #open: () => Promise<TestDatabase>
  readonly #recorder: Recorder
  #database: TestDatabase | null = null
  #stores: readonly Store[] = []

  constructor(open: () => Promise<TestDatabase>, recorder: Recorder) {
    this.#open = open
    this.#recorder = recorder
  }

  get store(): Store {
    return this.#stores[0]!
  }

  get other(): Store {
    return this.#stores[1]!
  }

  get tellsOfMarks(): boolean {
    return this.#database!.tellsOfMarks
  }

  async start(): Promise<void> {
    this.#database = await this.#open()
    await this.#connect(this.#database)
  }

  async #connect(database: TestDatabase): Promise<void> {
    this.#stores = [this.#recorder.record(await database.connect()), this.#recorder.record(await database.connect())]
  }

  async #disconnect(): Promise<void> {
    for (const store of this.#stores) await store[Symbol.asyncDispose]()
    this.#stores = []
  }

  async clear(): Promise<void> {
    await this.#database!.clear()
  }

  async spoil(id: string): Promise<void> {
    await this.#database!.spoil(id)
  }

  async reopen(): Promise<void> {
    await this.#disconnect()
    await this.#connect(this.#database!)
  }

  async add(fields: Partial<Mood> = {}): Promise<Mood> {
    const { mood, added } = await this.store.moods.add(unrepeated(aMood(fields)))
    expect(added).toBe(true)
    return mood
  }

  async stop(): Promise<void> {
    await this.#disconnect()
    await this.#database?.[Symbol.asyncDispose]()
  }
}

/**
 * Defines the suite for one store.
 *
 * @param open makes an empty database
 */
export function describeStore(name: string, open: () => Promise<TestDatabase>): void {
  describe(`store contract: ${name}`, () => {
    const recorder = new Recorder()
    const given = new Connections(open, recorder)

    beforeAll(() => given.start(), 60_000)
    beforeEach(() => given.clear())
    afterAll(() => given.stop())

    moodContract(given)
    workContract(given)
    oddContract(given)
    accountContract(given)
    queueContract(given)
    queueRulesContract(given)
    auditContract(given)
    sightingContract(given)
    erasureContract(given)
    intentContract(given)
    ledgerContract(given)
    workerContract(given)
    taskContract(given)
    removalContract(given)
    policyContract(given)
    dataContract(given)
    archiveContract(given)

    it('a store that can be used passes its check, and has a name', async () => {
      await expect(given.store.check()).resolves.toBeUndefined()
      expect(given.store.name).not.toBe('')
      expect(given.other.name).toBe(given.store.name)
    })

    it('a store tells what time it has', async () => {
      // On this machine, every store has the same clock; to the millisecond, and that is rounded.
      const before = Date.now()
      const time = await given.store.time()
      expect(time).toBeGreaterThanOrEqual(before - 1)
      expect(time).toBeLessThanOrEqual(Date.now() + 1)
    })

    // Last, so that all others have run.
    it('every method of every port is called by this suite', () => {
      expect(recorder.uncalled()).toEqual([])
    })
  })
}
