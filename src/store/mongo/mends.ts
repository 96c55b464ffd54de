/** What is kept of documents that were mended, as documents. */

import { Binary, BSON, type Document } from 'mongodb'
import type { MoodDocument } from './documents.ts'
import { nameOf } from './ids.ts'

/** What is kept of a document that was mended. Its id is made of what was there, so that keeping it twice keeps it once. */
export interface MendDocument {
  readonly _id: string
  readonly collection: string
  readonly id: MoodDocument['_id']
  readonly user: string | null
  /** The value of each field before and after, with its type: `bytesOf` of `exactly.ts`. */
  readonly fields: readonly { readonly path: string; readonly before: Binary; readonly after: Binary }[]
  readonly at: Date
}

/** The same as it is read; null for one that cannot be, from which nothing is put back. */
export function mendIn(document: Document): MendDocument | null {
  const { _id, collection, user, fields, at } = document
  const areFields = Array.isArray(fields) && fields.every(isField)
  const isNamed = !nameOf(_id).isOdd && typeof collection === 'string' && (user === null || typeof user === 'string')
  return isNamed && areFields && at instanceof Date ? (document as MendDocument) : null
}

function isField(field: unknown): boolean {
  const { path, before, after } = (field ?? {}) as Document
  return typeof path === 'string' && isKept(before) && isKept(after)
}

function isKept(bytes: unknown): boolean {
  if (!(bytes instanceof Binary)) return false
  try {
    return 'value' in BSON.deserialize(bytes.buffer)
  } catch (error) {
    // Also the error of the driver's own class, for bytes that are no document.
    if (error instanceof Error) return false
    throw error
  }
}
