/** Documents as the readers take them: plain values, and nothing of the database's own types. The one place that makes them. */

import { BSON, type Document } from 'mongodb'
import { Foreign, type StoredDocument, type Values } from '../../domain/odd.ts'
import { idOf, nameOf } from './ids.ts'

/** A mood, whose id may be an ObjectId. */
export function storedMood(document: Document): StoredDocument {
  return { id: idOf(document['_id']), values: plainValues(document, '_id') }
}

/** A document of any other kind, whose id is text. */
export function storedDocument(document: Document): StoredDocument {
  return { id: nameOf(document['_id']), values: plainValues(document, '_id') }
}

/**
 * Nearly every document has plain values alone, and is taken as it is: copying it would take longer than reading it.
 *
 * @param unread a field that is left as it is: the id of a document, which its reader is given by itself
 */
function plainValues(fields: Document, unread: string | null = null): Values {
  let copy: Document | null = null
  for (const name in fields) {
    if (name === unread) continue
    const value: unknown = fields[name]
    const next = plain(value)
    if (Object.is(next, value)) continue
    copy ??= { ...fields }
    copy[name] = next
  }
  return copy ?? fields
}

/** @returns the value itself where it is plain */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) {
    const next = value.map(plain)
    return next.every((each, i) => Object.is(each, value[i])) ? value : next
  }
  if (Object.getPrototypeOf(value) === Object.prototype) return plainValues(value)
  // The driver makes its timestamps of the class of its long integers.
  const isLong = value instanceof BSON.Long && !(value instanceof BSON.Timestamp)
  const isNumber = isLong || value instanceof BSON.Decimal128
  return new Foreign(isNumber ? value.toString() : null)
}
