/** Erasures in MongoDB: one for each receipt. */

import type { Collection, Db, Document, Filter } from 'mongodb'
import type { Erasure } from '../../domain/erasure.ts'
import { isOdd, type Odd } from '../../domain/odd.ts'
import { unreadableErasure } from '../../domain/odd-reasons.ts'
import { readErasure } from '../../domain/read-jobs.ts'
import type { ErasurePosition, ErasureStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey, UNNAMED_KEY } from './errors.ts'
import { pageOf } from './pages.ts'
import { storedDocument } from './stored.ts'
import { Together } from './together.ts'

export type ErasureDocument = Omit<Erasure, 'receipt' | 'requestedAt' | 'user'> & {
  readonly _id: string
  readonly requestedAt: Date
  /** Not there once the job is done. */
  readonly user?: string
}

export function erasureIn(document: Document): Erasure | Odd {
  return readErasure(storedDocument(document))
}

export class MongoErasures implements ErasureStore {
  readonly #erasures: Collection<ErasureDocument>
  readonly #byUser = new Together<string, Erasure | Odd | null>((users) => this.#ofEach(users))

  constructor(db: Db) {
    this.#erasures = db.collection<ErasureDocument>(COLLECTIONS.erasures)
  }

  async begin(erasure: Erasure): Promise<Erasure> {
    const { receipt, requestedAt, tombstone, done, trouble, version } = erasure
    const user = erasure.user!
    for (;;) {
      try {
        await this.#erasures.insertOne({
          _id: receipt,
          user,
          tombstone,
          requestedAt: new Date(requestedAt),
          done,
          trouble,
          version,
        })
        return erasure
      } catch (error) {
        // Only a job of the same user stands in its place; a receipt that is taken is a defect.
        const taken = takenKey(error)
        if (taken !== 'user' && taken !== UNNAMED_KEY) throw error
        const current = await this.byUser(user)
        if (current && isOdd(current)) throw unreadableErasure(current)
        if (current) return current
        if (taken === UNNAMED_KEY) throw error
      }
    }
  }

  byUser(user: string): Promise<Erasure | Odd | null> {
    return this.#byUser.ask(user)
  }

  async #ofEach(users: readonly string[]): Promise<(Erasure | Odd | null)[]> {
    const found = await this.#erasures.find({ user: { $in: [...new Set(users)] } }).toArray()
    return users.map((user) => {
      // A list is found by each user in it.
      const document = found.find((one) => (Array.isArray(one.user) ? one.user.includes(user) : one.user === user))
      return document ? erasureIn(document) : null
    })
  }

  async byReceipt(receipt: string): Promise<Erasure | Odd | null> {
    const document = await this.#erasures.findOne({ _id: receipt })
    return document && erasureIn(document)
  }

  async save(erasure: Erasure): Promise<Erasure | null> {
    const { receipt, user, done, trouble, version } = erasure
    const forgotten = user === null ? { $unset: { user: '' as const } } : {}
    const change = { $set: { done, trouble, version: version + 1 }, ...forgotten }
    const { matchedCount } = await this.#erasures.updateOne({ _id: receipt, version }, change)
    return matchedCount === 1 ? { ...erasure, version: version + 1 } : null
  }

  async open(after: ErasurePosition | null, limit: number): Promise<readonly Erasure[]> {
    const at = new Date(after?.requestedAt ?? 0)
    const later = { $or: [{ requestedAt: { $gt: at } }, { _id: { $gt: after?.receipt ?? '' } }] }
    const filter = { user: { $exists: true }, requestedAt: { $gte: at }, ...later }
    return this.#page(filter, limit, (reading) => (isOdd(reading) ? null : reading))
  }

  odd(limit: number): Promise<readonly Odd[]> {
    return this.#page({ user: { $exists: true } }, limit, (reading) => (isOdd(reading) ? reading : null))
  }

  /** Of those that are not finished. */
  #page<T>(filter: Filter<ErasureDocument>, limit: number, meant: (reading: Erasure | Odd) => T | null): Promise<T[]> {
    return pageOf(this.#erasures, { filter, sort: { requestedAt: 1, _id: 1 }, limit }, (documents) =>
      documents.map((document) => meant(erasureIn(document))),
    )
  }
}
