/** What the last audit of each repo found, in MongoDB. */

import type { Collection, Db } from 'mongodb'
import type { AuditStore, StoredAudit } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'

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

  async forget(user: string): Promise<void> {
    await this.#audits.deleteOne({ _id: user })
  }
}
