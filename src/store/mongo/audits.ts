/** What the last looks at each repo found, in MongoDB: one document for each repo, changed only from the revision it was read at. */

import type { AnyBulkWriteOperation, Collection, Db, Document } from 'mongodb'
import { chunks } from '../../domain/chunks.ts'
import { type Look, looked, NEVER_LOOKED, type RepoLooks } from '../../domain/looks.ts'
import { isOdd } from '../../domain/odd.ts'
import { readLooks } from '../../domain/read-notes.ts'
import type { AuditStore, StoredAudit } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { isOnlyTaken } from './errors.ts'
import { pageOf } from './pages.ts'
import { storedDocument } from './stored.ts'

/** `revision` is missing in documents of earlier versions. */
type AuditDocument = RepoLooks & { readonly _id: string; readonly revision?: number }

/** Documents written at once. */
const PAGE = 500

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

/** The write of a user's document after a look, which hits only the one that was read. */
function writeOf(user: string, before: Document | null, look: Look): AnyBulkWriteOperation<AuditDocument> {
  const audit = before && auditIn(before)
  const looks = looked(audit ? { good: audit.good, failed: audit.failed } : NEVER_LOOKED, look)
  const revision: unknown = before?.['revision']
  const isKnown = typeof revision === 'number' && Number.isSafeInteger(revision)
  const next = { ...looks, revision: isKnown ? revision + 1 : 1 }
  if (before === null) return { insertOne: { document: { _id: user, ...next } } }
  // One whose revision cannot be read is written over.
  const asRead = {
    _id: user,
    ...(isKnown ? { revision } : {}),
    ...('revision' in before ? {} : { revision: { $exists: false } }),
  }
  return { updateOne: { filter: asRead, update: { $set: next, $unset: EARLIER } } }
}

export class MongoAudits implements AuditStore {
  readonly #audits: Collection<AuditDocument>

  constructor(db: Db) {
    this.#audits = db.collection<AuditDocument>(COLLECTIONS.audits)
  }

  /** If another process notes a look meanwhile, this one is added to that. */
  async note(user: string, look: Look): Promise<void> {
    while (!(await this.#putAll(new Map([[user, look]])))) continue
  }

  async noteAll(looks: ReadonlyMap<string, Look>): Promise<void> {
    for (const page of chunks([...looks], PAGE)) {
      if (await this.#putAll(new Map(page))) continue
      // Which of them came too late, the answer does not tell; a look that is noted twice is noted once.
      for (const [user, look] of page) await this.note(user, look)
    }
  }

  /** @returns false where one of these documents was changed by another process meanwhile */
  async #putAll(looks: ReadonlyMap<string, Look>): Promise<boolean> {
    const found = await this.#audits.find({ _id: { $in: [...looks.keys()] } }).toArray()
    const before = new Map(found.map((document) => [document._id, document]))
    const writes = [...looks].map(([user, look]) => writeOf(user, before.get(user) ?? null, look))
    if (writes.length === 0) return true
    try {
      const { insertedCount, matchedCount } = await this.#audits.bulkWrite(writes, { ordered: false })
      return insertedCount + matchedCount === writes.length
    } catch (error) {
      if (!isOnlyTaken(error)) throw error
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
