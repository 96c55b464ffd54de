/** Values that only one document of a collection may have, and that several have: found for a check of the data, with flat memory. */

import type { Collection } from 'mongodb'
import { type Odd, sharedOdd } from '../../domain/odd.ts'
import { COLLECTIONS } from './collections.ts'
import { nameOf } from './ids.ts'
import type { MoodDocument } from './documents.ts'

/** Found documents are handed on so many at a time. */
const PIECE = 1_000

/** The field of each collection, and whether it is told apart from others by case alone. */
const UNIQUE: Readonly<Record<string, { readonly field: string; readonly foldsCase: boolean }>> = {
  [COLLECTIONS.users]: { field: 'atproto.did', foldsCase: false },
  [COLLECTIONS.handles]: { field: 'handle', foldsCase: true },
}

interface Held {
  readonly _id: unknown
  readonly value: string
  /** The same for values that differ by case alone. */
  readonly key: string
}

/**
 * The documents of a collection whose value another one has as well, or one that differs by case alone: sorted by the server,
 * so that they come one beside the other.
 *
 * @returns oddities, in pieces
 */
export async function* sharedIn(collection: Collection<MoodDocument>, stop: AbortSignal): AsyncGenerator<Odd[]> {
  const unique = UNIQUE[collection.collectionName]
  if (unique === undefined) return
  const { field, foldsCase } = unique
  const path = `$${field}`
  const key = foldsCase ? { $toLower: path } : path
  // Along the index; but of a list, each value would be meant.
  const meant = { $match: { [field]: { $gt: '' }, $expr: { $eq: [{ $type: path }, 'string'] } } }
  // Most databases have none, which the server finds out without sending anything.
  const several = [{ $group: { _id: key, n: { $sum: 1 } } }, { $match: { n: { $gt: 1 } } }, { $limit: 1 }]
  const [any] = await collection.aggregate([meant, ...several], { allowDiskUse: true }).toArray()
  if (any === undefined) return
  const sorted = [{ $project: { value: path, key } }, { $sort: { key: 1, value: 1, _id: 1 } }]
  await using cursor = collection.aggregate<Held>([meant, ...sorted], { allowDiskUse: true })
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
