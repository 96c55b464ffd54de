/** What audits found, and what repairs have ordered, in MongoDB. */

import type { Collection, Db } from 'mongodb'
import type { AuditStore, RemovalStore, StoredAudit, SwitchStore } from '../../ports/store.ts'
import type { Removal } from '../../domain/jobs.ts'
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

type AuditDocument = Omit<StoredAudit, 'user'> & { readonly _id: string }

function toAudit({ _id: user, ...rest }: AuditDocument): StoredAudit {
  return { user, ...rest }
}

export class MongoAudits implements AuditStore {
  readonly #audits: Collection<AuditDocument>

  constructor(db: Db) {
    this.#audits = db.collection<AuditDocument>(COLLECTIONS.audits)
  }

  async put({ user, ...rest }: StoredAudit): Promise<void> {
    await this.#audits.replaceOne({ _id: user }, rest, { upsert: true })
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>> {
    const found = await this.#audits.find({ _id: { $in: [...users] } }).toArray()
    return new Map(found.map((document) => [document._id, toAudit(document)]))
  }

  async page(after: string, limit: number): Promise<readonly StoredAudit[]> {
    return (await this.#audits.find({ _id: { $gt: after } }, { sort: { _id: 1 }, limit }).toArray()).map(toAudit)
  }

  async remove(user: string): Promise<void> {
    await this.#audits.deleteOne({ _id: user })
  }
}

interface SwitchDocument {
  readonly _id: 'publishing'
  readonly isOff: boolean
}

export class MongoSwitch implements SwitchStore {
  readonly #switches: Collection<SwitchDocument>

  constructor(db: Db) {
    this.#switches = db.collection<SwitchDocument>(COLLECTIONS.switches)
  }

  async isOff(): Promise<boolean> {
    return (await this.#switches.findOne({ _id: 'publishing' }))?.isOff ?? false
  }

  async turn(isOff: boolean): Promise<void> {
    await this.#switches.updateOne({ _id: 'publishing' }, { $set: { isOff } }, { upsert: true })
  }
}
