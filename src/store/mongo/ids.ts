/**
 * Ids of moods in MongoDB: ObjectIds, which are their 24 hex digits elsewhere, and text, which is itself. Text of 24 hex
 * digits, as a database has it that was restored from JSON, may stand beside the ObjectId of the same digits, and gets a
 * prefix elsewhere: each id means one document.
 */

import { BSON, type Document, ObjectId, UUID } from 'mongodb'
import { byBytes } from '../../domain/byte-order.ts'
import { isUserName, type StoredDocument } from '../../domain/odd.ts'

export type MoodId = ObjectId | string

const OBJECT_ID = /^[0-9a-f]{24}$/

const TEXT = 'text-'
/** Text that would be taken for an ObjectId, or for text with a prefix. */
const NEEDS_PREFIX = /^(text-)*[0-9a-f]{24}$/

const DIGITS = /^-?\d{1,15}$/

/** Every `_id` that a record may mean by this name: a program that wrote the record may have kept ids of another type. */
export function namedIds(name: string): MoodId[] {
  const odd: unknown[] = [
    ...(OBJECT_ID.test(name) ? [name] : []),
    ...(DIGITS.test(name) ? [Number(name)] : []),
    ...(UUID.isValid(name) ? [new UUID(name)] : []),
  ]
  return [documentId(name), ...(odd as MoodId[])]
}

/** How much of an odd id is shown. */
const SHOWN = 80

/** The `_id` of a mood's document. */
export function documentId(id: string): MoodId {
  if (OBJECT_ID.test(id)) return new ObjectId(id)
  return NEEDS_PREFIX.test(id) ? id.slice(TEXT.length) : id
}

/** The mood's id of a document's `_id`, or (odd) a name for one that moods cannot have: of another type, empty, not UTF-8. */
export function idOf(_id: unknown): StoredDocument['id'] {
  if (_id instanceof ObjectId) return { text: _id.toHexString(), isOdd: false }
  const { text, isOdd } = nameOf(_id)
  return { text: !isOdd && NEEDS_PREFIX.test(text) ? TEXT + text : text, isOdd }
}

/** The same of a document whose `_id` is text, as in all other collections. */
export function nameOf(_id: unknown): StoredDocument['id'] {
  return isUserName(_id) ? { text: _id, isOdd: false } : { text: shownId(_id), isOdd: true }
}

function shownId(_id: unknown): string {
  if (typeof _id === 'string') return _id.slice(0, SHOWN)
  try {
    return BSON.EJSON.stringify(_id).slice(0, SHOWN)
  } catch {
    return typeof _id
  }
}

/** Selects what comes after an id. Strings come before ObjectIds, and a comparison stays within one kind. */
export function afterId(id: string): Document {
  if (id === '') return {}
  const key = documentId(id)
  return typeof key === 'string'
    ? { $or: [{ _id: { $gt: key } }, { _id: { $type: 'objectId' } }] }
    : { _id: { $gt: key } }
}

/** Selects what comes before an id. */
export function beforeId(id: string): Document {
  const key = documentId(id)
  return typeof key === 'string'
    ? { _id: { $lt: key } }
    : { $or: [{ _id: { $lt: key } }, { _id: { $type: 'string' } }] }
}

/** The order of ids in the database: text by its bytes, then ObjectIds. */
export function compareIds(a: string, b: string): number {
  const [left, right] = [documentId(a), documentId(b)]
  if (typeof left !== typeof right) return typeof left === 'string' ? -1 : 1
  return byBytes(left.toString(), right.toString())
}
