/** What the last looks at each repo found, in MongoDB: one document for each repo, changed only from the revision it was read at. */

import type { Collection, Db, Document } from 'mongodb'
import { type Look, looked, NEVER_LOOKED, type RepoLooks } from '../../domain/looks.ts'
import { isOdd } from '../../domain/odd.ts'
import { readLooks } from '../../domain/read-notes.ts'
import type { AuditStore, StoredAudit } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { takenKey } from './errors.ts'
import { pageOf } from './pages.ts'
import { storedDocument } from './stored.ts'

/** `revision` is missing in documents of earlier versions. */
type AuditDocument = RepoLooks & { readonly _id: string; readonly revision?: number }

/** Fields of earlier versions, which kept only the last look. */
const EARLIER = { at: '', rev: '', counts: '', findings: '', code: '' } as const

/** Null for one that cannot be read, which is as if its repo had never been looked at. */
function auditIn(document: Document): StoredAudit | null {
  const reading = readLooks(storedDocument(document))
  return isOdd(reading) ? null : reading
}

function auditsIn(documents: readonly Document[]): (StoredAudit | null)[] {
  return documents.map(auditIn)
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
      const audit = document && auditIn(document)
      const next = looked(audit ? { good: audit.good, failed: audit.failed } : NEVER_LOOKED, look)
      if (await this.#put(user, document, next)) return
    }
  }

  async #put(user: string, before: Document | null, looks: RepoLooks): Promise<boolean> {
    const revision: unknown = before?.['revision']
    const isKnown = typeof revision === 'number' && Number.isSafeInteger(revision)
    const next = { ...looks, revision: isKnown ? revision + 1 : 1 }
    // One whose revision cannot be read is written over.
    const asRead = {
      _id: user,
      ...(isKnown ? { revision } : {}),
      ...(before !== null && 'revision' in before ? {} : { revision: { $exists: false } }),
    }
    try {
      if (before === null) await this.#audits.insertOne({ _id: user, ...next })
      else return (await this.#audits.updateOne(asRead, { $set: next, $unset: EARLIER })).matchedCount === 1
      return true
    } catch (error) {
      if (takenKey(error) === null) throw error
      return false
    }
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>> {
    const found = await this.#audits.find({ _id: { $in: [...users] } }).toArray()
    return new Map(auditsIn(found).flatMap((audit) => (audit === null ? [] : [[audit.user, audit] as const])))
  }

  async page(after: string, limit: number): Promise<readonly StoredAudit[]> {
    return pageOf(this.#audits, { filter: { _id: { $gt: after } }, sort: { _id: 1 }, limit }, auditsIn)
  }

  async forget(user: string): Promise<void> {
    await this.#audits.deleteOne({ _id: user })
  }
}
