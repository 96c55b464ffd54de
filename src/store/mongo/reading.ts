/**
 * Reads moods out of documents that may hold anything. Odd ones are passed over, so that a page is full while there are
 * good moods for it, and a caller who goes on after a page's last mood misses none.
 */

import { BSON, type Collection, type Db, type Document, type Filter, type Sort } from 'mongodb'
import type { Mood } from '../../domain/mood.ts'
import { isOdd, type StoredDocument } from '../../domain/odd.ts'
import { type OddMood, readMood, type ReadMood, TEXT_FIELDS, twinMood, withoutUtf8 } from '../../domain/read-mood.ts'
import { COLLECTIONS } from './collections.ts'
import type { MoodDocument } from './documents.ts'
import type { Indexes } from './indexes.ts'
import { storedMood } from './stored.ts'
import { twinsAmong } from './twins.ts'

export const NOT_DELETED = { $in: [false, null] }

/** The moods, as a store reads them. */
export interface MoodSource {
  readonly moods: Collection<MoodDocument>
  /** Whether the database keeps two moods of a user from having one number or record key. */
  readonly areUnique: boolean
}

export function moodSource(db: Db, { areMoodsUnique }: Pick<Indexes, 'areMoodsUnique'>): MoodSource {
  return { moods: db.collection<MoodDocument>(COLLECTIONS.moods), areUnique: areMoodsUnique }
}

export interface PageQuery {
  readonly filter: Filter<MoodDocument>
  readonly sort: Sort
  readonly limit: number
  /** Which of the moods that it selects are meant: a filter cannot tell all that the reader can. */
  readonly isMeant?: (mood: ReadMood) => boolean
}

/** Up to `limit` good moods. One request, unless a document among the first `limit` is odd. */
export async function goodMoods(source: MoodSource, query: PageQuery): Promise<ReadMood[]> {
  const { filter, sort, limit, isMeant = () => true } = query
  const found = await source.moods.find(filter, { sort, limit }).toArray()
  const good = (await readAll(source, found)).filter((reading): reading is ReadMood => !isOdd(reading)).filter(isMeant)
  if (found.length < limit || good.length === limit) return good
  return goodOfMany(source, query)
}

/** The same, however many odd ones come first. */
async function goodOfMany(source: MoodSource, query: PageQuery): Promise<ReadMood[]> {
  const { filter, sort, limit, isMeant = () => true } = query
  const good: ReadMood[] = []
  await using cursor = source.moods.find(filter, { sort })
  for await (const document of cursor) {
    const [reading] = await readAll(source, [document])
    if (reading && !isOdd(reading) && isMeant(reading)) good.push(reading)
    if (good.length === limit) break
  }
  return good
}

/** The first good mood that is not deleted. */
export async function firstMood(source: MoodSource, filter: Filter<MoodDocument>, sort: Sort): Promise<Mood | null> {
  return (await goodMoods(source, { filter, sort, limit: 1, isMeant: isUndeleted }))[0]?.mood ?? null
}

function isUndeleted({ mood }: ReadMood): boolean {
  return mood.deleted === null
}

/** One reading for each document, in their order. */
export async function readAll(
  { moods, areUnique }: MoodSource,
  documents: readonly MoodDocument[],
): Promise<(ReadMood | OddMood)[]> {
  const read = (await storedMoods(moods, documents)).map(readMood)
  if (areUnique) return read
  const twins = await twinsAmong(moods, documents)
  return read.map((reading, i) => {
    const field = twins.get(documents[i]!)
    return field === undefined || isOdd(reading) ? reading : twinMood(reading, field)
  })
}

/** The same documents as their reader takes them. */
export async function storedMoods(
  moods: Collection<MoodDocument>,
  documents: readonly MoodDocument[],
): Promise<StoredDocument[]> {
  const stored = documents.map(storedMood)
  for (const [i, document] of documents.entries()) {
    const doubtful = TEXT_FIELDS.filter((field) => (document as Document)[field]?.includes?.('\uFFFD') === true)
    if (doubtful.length === 0 || !(await isBroken(moods, document._id))) continue
    const { id, values } = stored[i]!
    stored[i] = { id, values: withoutUtf8(values, doubtful) }
  }
  return stored
}

/**
 * Whether bytes of these fields are no UTF-8. The driver puts a replacement character in their place, which an author may
 * have written as well.
 */
async function isBroken(moods: Collection<MoodDocument>, _id: MoodDocument['_id']): Promise<boolean> {
  const projection = Object.fromEntries(TEXT_FIELDS.map((field) => [field, 1]))
  try {
    return (await moods.findOne({ _id }, { projection, enableUtf8Validation: true })) === null
  } catch (error) {
    if (error instanceof BSON.BSONError) return true
    throw error
  }
}
