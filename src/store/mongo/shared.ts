/** Values that only one document of a collection may have, and that several have: found for a check of the data, with flat memory. */

import type { Collection, Document } from 'mongodb'
import { type Odd, sharedOdd } from '../../domain/odd.ts'
import { Seen } from '../../domain/seen.ts'
import { COLLECTIONS } from './collections.ts'
import { nameOf } from './ids.ts'
import type { MoodDocument } from './documents.ts'

/** Found documents are handed on so many at a time. */
const PIECE = 1_000

/** Most values that the server is told; where more may be shared, it sorts all of them. */
const MOST_TOLD = 5_000

interface Unique {
  readonly field: string
  /** Whether values are alike that differ by case alone, of the letters whose case the server knows. */
  readonly foldsCase: boolean
  readonly valueIn: (document: Document) => unknown
}

const UNIQUE: Readonly<Record<string, Unique>> = {
  [COLLECTIONS.users]: {
    field: 'atproto.did',
    foldsCase: false,
    valueIn: ({ atproto }) => (atproto as Document | null | undefined)?.['did'],
  },
  [COLLECTIONS.handles]: { field: 'handle', foldsCase: true, valueIn: ({ handle }) => handle as unknown },
}

/** Sees the documents of one collection go by, each once, and then finds those that share a value. */
export class Shared {
  readonly #collection: Collection<MoodDocument>
  readonly #unique: Unique | undefined
  readonly #seen: Seen
  /** Values that may have been there before, as they are compared; null where they are too many to be told. */
  #suspects: Set<string> | null = new Set()

  /** @param expected about how many documents there are */
  constructor(collection: Collection<MoodDocument>, expected: number) {
    this.#collection = collection
    this.#unique = UNIQUE[collection.collectionName]
    this.#seen = new Seen(this.#unique ? expected : 0)
  }

  see(documents: readonly Document[]): void {
    if (this.#unique === undefined) return
    const { valueIn, foldsCase } = this.#unique
    for (const document of documents) {
      const value = valueIn(document)
      if (typeof value !== 'string' || value === '') continue
      const key = foldsCase ? folded(value) : value
      if (this.#seen.again(key)) this.#suspects?.add(key)
    }
    if (this.#suspects !== null && this.#suspects.size > MOST_TOLD) this.#suspects = null
  }

  /**
   * The documents whose value another one has as well, or one that differs by case alone: sorted by the server, so that they
   * come one beside the other.
   *
   * @returns oddities, in pieces
   */
  async *found(stop: AbortSignal): AsyncGenerator<Odd[]> {
    if (this.#unique === undefined || this.#suspects?.size === 0) return
    const { field } = this.#unique
    const told = this.#suspects === null ? null : [...this.#suspects]
    await using cursor = this.#collection.aggregate<Held>(
      ...(told === null ? amongAll(this.#unique) : amongThese(this.#unique, told)),
    )
    let found: Odd[] = []
    const note = (held: Held, isShared: boolean): void => {
      const { text, isOdd } = nameOf(held._id)
      // What is odd about the id is said already.
      if (!isOdd) found.push(sharedOdd(text, field, isShared ? 'shared' : 'alike'))
    }
    let before: Held | null = null
    let current: Held | null = null
    for await (const next of cursor) {
      if (current) noteIfAlike(before, current, next, note)
      before = current
      current = next
      if (found.length >= PIECE) {
        yield found
        found = []
      }
      if (stop.aborted) return
    }
    if (current) noteIfAlike(before, current, null, note)
    if (found.length > 0) yield found
  }
}

type Aggregation = Parameters<Collection<MoodDocument>['aggregate']>

const BY_VALUE = { $sort: { key: 1, value: 1, _id: 1 } }

function keyOf({ field, foldsCase }: Unique): unknown {
  return foldsCase ? { $toLower: `$${field}` } : `$${field}`
}

/** Of a list, each value would be meant otherwise. */
function isText({ field }: Unique): Document {
  return { $eq: [{ $type: `$${field}` }, 'string'] }
}

function heldOf(unique: Unique): Document {
  return { $project: { value: `$${unique.field}`, key: keyOf(unique) } }
}

/** Along the index. */
function amongAll(unique: Unique): Aggregation {
  const match = { [unique.field]: { $gt: '' }, $expr: isText(unique) }
  return [[{ $match: match }, heldOf(unique), BY_VALUE], { allowDiskUse: true }]
}

function amongThese(unique: Unique, told: readonly string[]): Aggregation {
  const { field, foldsCase } = unique
  if (!foldsCase) return [[{ $match: { [field]: { $in: told }, $expr: isText(unique) } }, heldOf(unique), BY_VALUE]]
  // No index knows of case, and without one the server looks through the collection more than twice as fast.
  const match = { $expr: { $cond: [isText(unique), { $in: [keyOf(unique), told] }, false] } }
  return [[{ $match: match }, heldOf(unique), BY_VALUE], { hint: { $natural: 1 } }]
}

/** As the server folds case. */
function folded(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

interface Held {
  readonly _id: unknown
  readonly value: string
  /** The same for values that differ by case alone. */
  readonly key: string
}

function noteIfAlike(
  before: Held | null,
  current: Held,
  next: Held | null,
  note: (held: Held, isShared: boolean) => void,
): void {
  const others = [before, next].filter((other) => other?.key === current.key)
  if (others.length > 0)
    note(
      current,
      others.some((other) => other?.value === current.value),
    )
}
