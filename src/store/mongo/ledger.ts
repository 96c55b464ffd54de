/** Budgets in MongoDB: one document for each account and host, changed only from the revision it was read at. */

import type { Collection, Db, Document } from 'mongodb'
import { isDeepStrictEqual } from 'node:util'
import {
  type Answer,
  answeredOddly,
  answeredWell,
  blocked,
  type FailingHost,
  failingHost,
  LEDGER,
  HOST_KEYS,
  informed,
  type LedgerEntry,
  type Limit,
  reachable,
  type Reservation,
  reserve,
  unreachable,
  UNUSED,
} from '../../domain/budget.ts'
import type { HostFacts } from '../../domain/host-facts.ts'
import { isOdd } from '../../domain/odd.ts'
import { readLedgerEntry } from '../../domain/read-notes.ts'
import type { Unwell } from '../../domain/unwell.ts'
import type { LedgerStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey } from './errors.ts'
import { storedDocument } from './stored.ts'

export interface LedgerDocument {
  readonly _id: string
  readonly entry: LedgerEntry
  readonly revision: number
}

/** What is noted, for each key. @returns null where nothing is, or it cannot be read */
export function ledgerIn(document: Document) {
  return readLedgerEntry(storedDocument(document))
}

function entryIn(document: Document | null): LedgerEntry | null {
  const reading = document && ledgerIn(document)
  return reading && !isOdd(reading) ? reading.entry : null
}

export class MongoLedger implements LedgerStore {
  readonly #ledger: Collection<LedgerDocument>

  constructor(db: Db) {
    this.#ledger = db.collection<LedgerDocument>(COLLECTIONS.ledger)
  }

  async get(key: string): Promise<LedgerEntry | null> {
    return entryIn(await this.#ledger.findOne({ _id: key }))
  }

  async reserve(key: string, reservation: Reservation, now: number): Promise<Answer> {
    return this.#change(key, (before) => {
      const { entry, ...answer } = reserve(before, reservation, now)
      return { entry, answer }
    })
  }

  async block(key: string, until: number, limits?: readonly Limit[]): Promise<void> {
    await this.#change(key, (entry) => ({ entry: blocked(entry, until, limits), answer: null }))
  }

  async unreachable(
    key: string,
    certain: boolean,
    waitMs: (failures: number) => number,
    now: number,
    askedAt?: number,
  ): Promise<void> {
    await this.#change(key, (entry) => {
      return { entry: unreachable(entry, certain, waitMs(entry.failures + 1), now, askedAt), answer: null }
    })
  }

  async noteUnwell(key: string, note: Pick<Unwell, 'method' | 'said'>, now: number, askedAt: number): Promise<void> {
    await this.#change(key, (entry) => ({ entry: answeredOddly(entry, note, now, askedAt), answer: null }))
  }

  async noteWell(key: string, methods: readonly string[]): Promise<void> {
    await this.#change(key, (entry) => ({ entry: answeredWell(entry, methods), answer: null }))
  }

  async know(key: string, facts: HostFacts | null): Promise<void> {
    await this.#change(key, (entry) => ({ entry: informed(entry, facts), answer: null }))
  }

  async failing(limit: number, after = ''): Promise<readonly FailingHost[]> {
    const ofHost = { $gt: LEDGER.requests(after), $lt: HOST_KEYS.before }
    const inTrouble = [{ 'entry.failures': { $gt: 0 } }, { 'entry.unwell.0': { $exists: true } }]
    const found = this.#ledger.find({ _id: ofHost, $or: inTrouble }, { sort: { _id: 1 }, limit })
    return (await found.toArray()).flatMap((document) => {
      const entry = entryIn(document)
      return entry === null ? [] : [failingHost(document._id, entry)]
    })
  }

  async reachable(key: string): Promise<void> {
    await this.#change(key, (entry) => ({ entry: reachable(entry), answer: null }))
  }

  async forget(key: string): Promise<void> {
    await this.#ledger.deleteOne({ _id: key })
  }

  /** If another process changes the entry meanwhile, the change is made again from the new entry. */
  async #change<T>(key: string, change: (before: LedgerEntry) => { entry: LedgerEntry; answer: T }): Promise<T> {
    for (;;) {
      const document = await this.#ledger.findOne({ _id: key })
      const before = entryIn(document) ?? UNUSED
      const { entry, answer } = change(before)
      if (isDeepStrictEqual(entry, before)) return answer
      if (await this.#put(key, document, entry)) return answer
    }
  }

  async #put(key: string, before: Document | null, entry: LedgerEntry): Promise<boolean> {
    const revision: unknown = before?.['revision']
    const isKnown = typeof revision === 'number' && Number.isSafeInteger(revision)
    try {
      const change = { $set: { entry, revision: isKnown ? revision + 1 : 1 } }
      // One whose revision cannot be read is written over: budgets are made again by use.
      const asRead = before === null ? { _id: key, revision: 0 } : { _id: key, ...(isKnown ? { revision } : {}) }
      const done = await this.#ledger.updateOne(asRead, change, { upsert: before === null })
      return done.matchedCount + done.upsertedCount === 1
    } catch (error) {
      if (takenKey(error) === null) throw error
      return false
    }
  }
}
