/** All that is stored in MongoDB, as it is: finding what is odd, and mending it by compare-and-set on the bytes that were read. */

import { createHash } from 'node:crypto'
import { Binary, BSON, type Collection, type Db, type Document } from 'mongodb'
import { type FoundOdd, oddityIn } from '../../domain/mend.ts'
import { isOdd, type Odd } from '../../domain/odd.ts'
import { type KindName, KINDS } from '../../domain/readers.ts'
import type { DataStore, MendedDocument, ScannedPiece } from '../../ports/data.ts'
import { COLLECTIONS } from './collections.ts'
import type { MoodDocument } from './documents.ts'
import { translated } from './errors.ts'
import { bytesOf, holdsExactly, valueOf } from './exactly.ts'
import { documentId, idOf } from './ids.ts'
import { type MendDocument, mendIn } from './mends.ts'
import { pageOf } from './pages.ts'
import { type MoodSource, readAll, storedMoods } from './reading.ts'
import { Shared } from './shared.ts'
import { storedDocument } from './stored.ts'

/** Documents of one piece: enough that asking for it costs little beside reading it. */
const PIECE = 1_000

/** Types as they are stored: a 64-bit 1 is not a 1. */
const TYPED = { promoteValues: false } as const

export class MongoData implements DataStore {
  readonly #db: Db
  readonly #mends: Collection<MendDocument>
  readonly #moods: MoodSource

  constructor(db: Db, moods: MoodSource) {
    this.#db = db
    this.#moods = moods
    this.#mends = db.collection<MendDocument>(COLLECTIONS.mends)
  }

  async collections() {
    const names = KIND_NAMES.map((kind) => COLLECTIONS[kind])
    const count = async (name: string) => ({ name, documents: await this.#of(name).estimatedDocumentCount() })
    return Promise.all(names.map(count))
  }

  /** One cursor over the collection, in the order in which the server reads it the fastest. */
  async *scan(collection: string, stop: AbortSignal): AsyncGenerator<ScannedPiece> {
    const documents = this.#of(collection)
    try {
      const shared = new Shared(documents, await documents.estimatedDocumentCount())
      for await (const read of pieces(documents, stop)) {
        shared.see(read)
        yield { documents: read.length, odd: await this.#oddOf(collection, read) }
      }
      for await (const odd of shared.found(stop)) {
        yield { documents: 0, odd: await this.#readable(collection, odd) }
      }
    } catch (error) {
      throw translated(error)
    }
  }

  async #oddOf(collection: string, documents: readonly MoodDocument[]): Promise<FoundOdd[]> {
    const kind = kindOf(collection)
    if (kind === null) return []
    const read = kind === 'moods' ? await storedMoods(this.#of(collection), documents) : documents.map(storedDocument)
    const odd = read.map((stored) => oddityIn(kind, stored)).filter((each) => each !== null)
    return kind === 'moods' && !this.#moods.areUnique ? [...odd, ...(await this.#twins(documents))] : odd
  }

  /** Moods that are odd only because others are as they are. */
  async #twins(documents: readonly MoodDocument[]): Promise<FoundOdd[]> {
    const twins = (await readAll(this.#moods, documents)).filter(
      (reading) => isOdd(reading) && reading.kind === 'shared',
    )
    return (twins as Odd[]).map((odd) => Object.assign(odd, { mending: null }))
  }

  /** Those whose documents are odd in no other way: of the others it is said already. */
  async #readable(collection: string, shared: readonly Odd[]): Promise<FoundOdd[]> {
    const documents = await this.#of(collection)
      .find({ _id: { $in: shared.map(({ id }) => id) } })
      .toArray()
    const others = new Set((await this.#oddOf(collection, documents)).map(({ id }) => id))
    return shared.filter(({ id }) => !others.has(id)).map((odd) => Object.assign(odd, { mending: null }))
  }

  async mend(collection: string, id: string, now: number): Promise<boolean> {
    const documents = this.#of(collection)
    const _id = idIn(collection, id)
    const typed = await documents.findOne({ _id }, TYPED)
    if (typed === null) return false
    // As every other reader sees it.
    const [odd] = await this.#oddOf(collection, [BSON.deserialize(BSON.serialize(typed)) as MoodDocument])
    if (!odd?.mending) return false
    const fields = odd.mending.changes.map(({ field, value }) => ({
      path: field,
      before: at(typed, field),
      after: value,
    }))
    await this.#keep({ collection, id: _id, user: odd.user, fields, at: new Date(now) })
    const exact = fields.map(({ path, before }) => holdsExactly(path, before))
    const update = { $set: Object.fromEntries(fields.map(({ path, after }) => [path, after])) }
    return changed(documents, { _id, $expr: { $and: exact } }, update)
  }

  async #keep({ fields, ...rest }: Kept): Promise<void> {
    const bytes = fields.map(({ path, before, after }) => {
      return { path, before: new Binary(bytesOf(before)), after: new Binary(bytesOf(after)) }
    })
    const hash = createHash('sha256').update(BSON.serialize({ in: rest.collection, id: rest.id }))
    for (const { path, before } of bytes) hash.update(path).update(before.buffer)
    const _id = hash.digest('hex')
    await this.#mends.updateOne({ _id }, { $set: { ...rest, fields: bytes } }, { upsert: true })
  }

  async mended(after: string, limit: number): Promise<readonly MendedDocument[]> {
    const page = { filter: { _id: { $gt: after } }, sort: { _id: 1 }, limit } as const
    const kept = await pageOf(this.#mends, page, (documents) => documents.map(mendIn))
    return Promise.all(
      kept.map(async (mend) => ({
        key: mend._id,
        collection: mend.collection,
        id: mend.collection === COLLECTIONS.moods ? idOf(mend.id).text : String(mend.id),
        user: mend.user,
        fields: mend.fields.map(({ path }) => path),
        at: mend.at.getTime(),
        standing: await this.#standing(mend),
      })),
    )
  }

  async #standing({ collection, id, fields }: MendDocument): Promise<MendedDocument['standing']> {
    const typed = await this.#of(collection).findOne({ _id: id }, TYPED)
    if (typed === null) return 'gone'
    const holds = (side: 'before' | 'after'): boolean =>
      fields.every((field) => bytesOf(at(typed, field.path)).equals(field[side].buffer))
    if (holds('after')) return 'mended'
    return holds('before') ? 'as_before' : 'changed'
  }

  async unmend(key: string): Promise<boolean> {
    const kept = await this.#mends.findOne({ _id: key })
    const mend = kept && mendIn(kept)
    if (!mend) return false
    const { collection, id, fields } = mend
    const exact = fields.map(({ path, after }) => holdsExactly(path, valueOf(after.buffer)))
    // A pipeline, because its literals may hold fields such as `$date`.
    const before = fields.map(({ path, before: bytes }) => [path, { $literal: valueOf(bytes.buffer) }])
    const update = [{ $set: Object.fromEntries(before) as Document }]
    return changed(this.#of(collection), { _id: id, $expr: { $and: exact } }, update)
  }

  async forget(user: string): Promise<void> {
    await this.#mends.deleteMany({ user })
  }

  #of(collection: string): Collection<MoodDocument> {
    return this.#db.collection<MoodDocument>(collection)
  }
}

interface Kept extends Omit<MendDocument, '_id' | 'fields'> {
  readonly fields: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[]
}

/** All documents of a collection. The server looks for the next ones while a caller reads these. */
async function* pieces(documents: Collection<MoodDocument>, stop: AbortSignal): AsyncGenerator<MoodDocument[]> {
  await using cursor = documents.find({}, { batchSize: PIECE })
  let more = cursor.hasNext()
  try {
    while (!stop.aborted && (await more)) {
      const read = cursor.readBufferedDocuments()
      more = cursor.hasNext()
      // A caller who goes away meanwhile is told of nothing.
      more.catch(() => null)
      yield read
    }
  } finally {
    await more.catch(() => null)
  }
}

const KIND_NAMES = Object.keys(KINDS) as KindName[]

/** What a collection's documents are; null for a collection that no reader knows. */
function kindOf(collection: string): KindName | null {
  return KIND_NAMES.find((kind) => COLLECTIONS[kind] === collection) ?? null
}

/** The `_id` of a document whose id is not odd. */
function idIn(collection: string, id: string): MoodDocument['_id'] {
  return collection === COLLECTIONS.moods ? documentId(id) : id
}

/** The value at a path, as it is stored. Every way to a field that can be mended leads through objects. */
function at(document: Document, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => (inner as Document | null | undefined)?.[name], document)
}

/** Makes one change, if the document is still as the filter says. @returns whether it was */
async function changed(
  documents: Collection<MoodDocument>,
  filter: Document,
  update: Document | Document[],
): Promise<boolean> {
  // A collection may have rules of its own for what text is the same.
  const { matchedCount } = await documents.updateOne(filter, update, { collation: { locale: 'simple' } })
  return matchedCount === 1
}
