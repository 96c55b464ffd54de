/** Removals that repairs have ordered, in MongoDB. */

import type { Collection, Db } from 'mongodb'
import type { Removal } from '../../domain/jobs.ts'
import type { RemovalStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'

/** One document for each user who has any. */
export interface RemovalsDocument {
  readonly _id: string
  readonly removals: Removal[]
}

export class MongoRemovals implements RemovalStore {
  readonly #removals: Collection<RemovalsDocument>

  constructor(db: Db) {
    this.#removals = db.collection<RemovalsDocument>(COLLECTIONS.removals)
  }

  async add(user: string, removals: readonly Removal[]): Promise<void> {
    if (removals.length === 0) return
    const change = { $addToSet: { removals: { $each: [...removals] } } }
    await this.#removals.updateOne({ _id: user }, change, { upsert: true })
  }

  async of(user: string): Promise<readonly Removal[]> {
    return (await this.#removals.findOne({ _id: user }))?.removals ?? []
  }

  async finish(user: string, rkeys: readonly string[]): Promise<void> {
    await this.#removals.updateOne({ _id: user }, { $pull: { removals: { rkey: { $in: [...rkeys] } } } })
    await this.#removals.deleteOne({ _id: user, removals: { $size: 0 } })
  }
}
