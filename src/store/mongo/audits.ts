/** What the last looks at each repo found, in MongoDB: one document for each repo, changed only from the revision it was read at. */

import type { Collection, Db } from 'mongodb'
import { type Look, looked, NEVER_LOOKED, type RepoLooks } from '../../domain/looks.ts'
import type { AuditStore, StoredAudit } from '../../ports/store.ts'
import { looksIn, type StoredLooks } from '../audit-form.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey } from './errors.ts'

/** `revision` is missing in documents of earlier versions. */
type AuditDocument = StoredLooks & { readonly _id: string; readonly revision?: number }

function toAudit(document: AuditDocument): StoredAudit {
  return { user: document._id, ...looksIn(document) }
}

export class MongoAudits implements AuditStore {
  readonly #audits: Collection<AuditDocument>

  constructor(db: Db) {
    this.#audits = db.collection<AuditDocument>(COLLECTIONS.audits)
  }

  /** If another process notes a look meanwhile, this one is added to that. */
  async note(user: string, look: Look): Promise<void> {
    for (;;) {
      const document = await this.#audits.findOne({ _id: user })
      const next = looked(document ? looksIn(document) : NEVER_LOOKED, look)
      if (await this.#put(user, document, next)) return
    }
  }

  async #put(user: string, before: AuditDocument | null, looks: RepoLooks): Promise<boolean> {
    const next = { ...looks, revision: (before?.revision ?? 0) + 1 }
    const asRead = { _id: user, revision: before?.revision ?? { $exists: false } }
    try {
      if (before === null) await this.#audits.insertOne({ _id: user, ...next })
      else return (await this.#audits.replaceOne(asRead, next)).matchedCount === 1
      return true
    } catch (error) {
      if (takenKey(error) === null) throw error
      return false
    }
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
