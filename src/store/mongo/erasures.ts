/** Erasures in MongoDB: one for each receipt. */

import type { Collection, Db } from 'mongodb'
import type { Erasure } from '../../domain/erasure.ts'
import type { ErasurePosition, ErasureStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey, UNNAMED_KEY } from './errors.ts'

export type ErasureDocument = Omit<Erasure, 'receipt' | 'requestedAt' | 'user'> & {
  readonly _id: string
  readonly requestedAt: Date
  /** Not there once the job is done. */
  readonly user?: string
}

export function toErasure({ _id, user, tombstone, requestedAt, done, version }: ErasureDocument): Erasure {
  return { receipt: _id, user: user ?? null, tombstone, requestedAt: requestedAt.getTime(), done, version }
}

export class MongoErasures implements ErasureStore {
  readonly #erasures: Collection<ErasureDocument>

  constructor(db: Db) {
    this.#erasures = db.collection<ErasureDocument>(COLLECTIONS.erasures)
  }

  async begin(erasure: Erasure): Promise<Erasure> {
    const { receipt, requestedAt, tombstone, done, version } = erasure
    const user = erasure.user!
    for (;;) {
      try {
        await this.#erasures.insertOne({
          _id: receipt,
          user,
          tombstone,
          requestedAt: new Date(requestedAt),
          done,
          version,
        })
        return erasure
      } catch (error) {
        // Only a job of the same user stands in its place; a receipt that is taken is a defect.
        const taken = takenKey(error)
        if (taken !== 'user' && taken !== UNNAMED_KEY) throw error
        const current = await this.byUser(user)
        if (current) return current
        if (taken === UNNAMED_KEY) throw error
      }
    }
  }

  async byUser(user: string): Promise<Erasure | null> {
    const document = await this.#erasures.findOne({ user })
    return document && toErasure(document)
  }

  async byReceipt(receipt: string): Promise<Erasure | null> {
    const document = await this.#erasures.findOne({ _id: receipt })
    return document && toErasure(document)
  }

  async save(erasure: Erasure): Promise<Erasure | null> {
    const { receipt, user, done, version } = erasure
    const change = { $set: { done, version: version + 1 }, ...(user === null ? { $unset: { user: '' as const } } : {}) }
    const { matchedCount } = await this.#erasures.updateOne({ _id: receipt, version }, change)
    return matchedCount === 1 ? { ...erasure, version: version + 1 } : null
  }

  async open(after: ErasurePosition | null, limit: number): Promise<readonly Erasure[]> {
    const at = new Date(after?.requestedAt ?? 0)
    const later = { $or: [{ requestedAt: { $gt: at } }, { _id: { $gt: after?.receipt ?? '' } }] }
    const filter = { user: { $exists: true }, requestedAt: { $gte: at }, ...later }
    return (await this.#erasures.find(filter, { sort: { requestedAt: 1, _id: 1 }, limit }).toArray()).map(toErasure)
  }
}
