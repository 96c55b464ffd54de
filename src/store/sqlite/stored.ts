/**
 * Columns as the readers of `domain/` take them: plain values. A row may hold anything that SQLite lets in, since a person
 * with a shell, a dump, or an earlier version may have written it. The one place that makes them.
 */

import { Foreign, isUserName, isValues, type StoredDocument, type Values } from '../../domain/odd.ts'

/** A row as it is read, of which nothing is certain. */
export type StoredRow<Row> = { readonly [Column in keyof Row]: unknown }

/** A key that is text in the row. */
export function idOf(value: unknown): StoredDocument['id'] {
  if (isUserName(value)) return { text: value, isOdd: false }
  return { text: Buffer.isBuffer(value) ? value.toString('hex') : String(value), isOdd: true }
}

/** Text or a number as it is; bytes are nothing that a column may hold. */
export function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? new Foreign(null) : value
}

/** A flag that is kept as 0 or 1; any other value as it is. */
export function flag(value: unknown): unknown {
  return value === 0 || value === 1 ? value === 1 : plain(value)
}

/** A time that is kept in ms since 1970; any other value as it is. */
export function date(value: unknown): unknown {
  return typeof value === 'number' ? new Date(value) : plain(value)
}

/** What a text of JSON says; the text itself where it is none. */
export function json(value: unknown): unknown {
  try {
    return typeof value === 'string' ? (JSON.parse(value) as unknown) : plain(value)
  } catch {
    return value
  }
}

/** The fields of a text of JSON. @param otherwise the field that stands for a text which has none */
export function jsonFields(value: unknown, otherwise: string): Values {
  const said = json(value)
  return isValues(said) ? said : { [otherwise]: said }
}

/** The code of an error that a column keeps as JSON, in SQL; null where the text is no JSON. */
export const CODE = `CASE WHEN json_valid(error) THEN json_extract(error, '$.code') END`
