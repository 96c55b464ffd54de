/** Removals that repairs have ordered, in MongoDB. */

import type { Collection, Db, Document } from 'mongodb'
import type { Removal } from '../../domain/jobs.ts'
import { isOdd, type Odd } from '../../domain/odd.ts'
import { readRemovals, type UserRemovals } from '../../domain/read-jobs.ts'
import type { RemovalStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey } from './errors.ts'
import { storedDocument } from './stored.ts'
import { documentsById, type Together } from './together.ts'

/** One document for each user who has any. */
export interface RemovalsDocument {
  readonly _id: string
  readonly removals: Removal[]
}

/** Selects documents that order something: two holders who finish at once may leave one that orders nothing. */
export const HAS_REMOVALS: Document = { 'removals.0': { $exists: true } }

export function removalsIn(document: Document): UserRemovals | Odd {
  return readRemovals(storedDocument(document))
}

export class MongoRemovals implements RemovalStore {
  readonly #removals: Collection<RemovalsDocument>
  readonly #byUser: Together<string, RemovalsDocument | null>

  constructor(db: Db) {
    this.#removals = db.collection<RemovalsDocument>(COLLECTIONS.removals)
    this.#byUser = documentsById(this.#removals)
  }

  async add(user: string, removals: readonly Removal[]): Promise<void> {
    if (removals.length === 0) return
    const added = [...new Map(removals.map((removal) => [removal.rkey, removal])).values()]
    const isReplaced = { $in: ['$$this.rkey', { $literal: added.map(({ rkey }) => rkey) }] }
    const kept = { $filter: { input: { $ifNull: ['$removals', []] }, cond: { $not: [isReplaced] } } }
    const change = [{ $set: { removals: { $concatArrays: [kept, { $literal: added }] } } }]
    const before = await this.#removals.findOne({ _id: user })
    // Orders that cannot be read come again with the repair that finds them wanting.
    if (before && isOdd(removalsIn(before))) await this.#removals.updateOne({ _id: user }, { $set: { removals: [] } })
    try {
      await this.#removals.updateOne({ _id: user }, change, { upsert: true })
    } catch (error) {
      // Another process made the document at the same time; now it is there.
      if (takenKey(error) === null) throw error
      await this.add(user, removals)
    }
  }

  async of(user: string): Promise<readonly Removal[]> {
    const document = await this.#byUser.ask(user)
    const reading = document && removalsIn(document)
    return reading && !isOdd(reading) ? reading.removals : []
  }

  async finish(user: string, rkeys: readonly string[]): Promise<void> {
    const isDone = { rkey: { $in: [...rkeys] } }
    const isOpen = { $elemMatch: { rkey: { $nin: [...rkeys] } } }
    // One write either way: of the whole document where all is done, else of a part.
    const { deletedCount } = await this.#removals.deleteOne({ _id: user, removals: { $not: isOpen } })
    const isList = { removals: { $type: 'array' as const } }
    if (deletedCount === 0) await this.#removals.updateOne({ _id: user, ...isList }, { $pull: { removals: isDone } })
  }

  async forget(user: string): Promise<void> {
    await this.#removals.deleteOne({ _id: user })
  }
}
