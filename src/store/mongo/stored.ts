/** Documents as the readers take them: plain values, and nothing of the database's own types. The one place that makes them. */

import { BSON, type Document } from 'mongodb'
import { Foreign, type StoredDocument, type Values } from '../../domain/odd.ts'
import { idOf, nameOf } from './ids.ts'

/** A mood, whose id may be an ObjectId. */
export function storedMood({ _id, ...fields }: Document): StoredDocument {
  return { id: idOf(_id), values: plainValues(fields) }
}

/** A document of any other kind, whose id is text. */
export function storedDocument({ _id, ...fields }: Document): StoredDocument {
  return { id: nameOf(_id), values: plainValues(fields) }
}

function plainValues(fields: Document): Values {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]))
}

function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(plain)
  if (Object.getPrototypeOf(value) === Object.prototype) return plainValues(value)
  // The driver makes its timestamps of the class of its long integers.
  const isLong = value instanceof BSON.Long && !(value instanceof BSON.Timestamp)
  const isNumber = isLong || value instanceof BSON.Decimal128
  return new Foreign(isNumber ? value.toString() : null)
}
