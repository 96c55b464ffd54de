/** Comparing stored values byte for byte, within one write. The server's own comparison takes 1, 1.0 and a 64-bit 1 for equal. */

import { BSON, type Document } from 'mongodb'

/** The names that `$type` gives to the types of BSON, by their numbers (https://bsonspec.org/spec.html). */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'double',
  2: 'string',
  3: 'object',
  8: 'bool',
  9: 'date',
  10: 'null',
  16: 'int',
  18: 'long',
  19: 'decimal',
}

/** A value as bytes, with its type. @param value as the driver reads it with `promoteValues: false` */
export function bytesOf(value: unknown): Buffer {
  return Buffer.from(BSON.serialize({ value }))
}

/** What {@link bytesOf} was made of, in a form that is written back as the same bytes. */
export function valueOf(bytes: Uint8Array): unknown {
  return BSON.deserialize(bytes, { promoteValues: false })['value']
}

/**
 * An expression that is true where a field holds exactly this value. It is made for the values that can be mended and
 * those that they become: scalars, and objects of those.
 *
 * @param field path of the field, as in `atproto.dueAt`
 * @returns never true for a value of another kind, such as a list
 */
export function holdsExactly(field: string, value: unknown): Document {
  return same(`$${field}`, value, 0)
}

function same(expression: unknown, value: unknown, depth: number): Document {
  const type = TYPE_NAMES[bytesOf(value)[4]!] ?? 'none'
  const equal = { $eq: [expression, { $literal: value }] }
  // Of all values, only what is of the right type is looked at more closely.
  return {
    $cond: [{ $eq: [{ $type: expression }, type] }, { $and: [equal, ...closer(expression, value, depth)] }, false],
  }
}

function closer(expression: unknown, value: unknown, depth: number): Document[] {
  // Decimals have several forms of one number, and zeros a sign.
  if (value instanceof BSON.Decimal128) return [{ $eq: [{ $toString: expression }, value.toString()] }]
  if (value instanceof BSON.Double && value.value === 0) {
    return [{ $eq: [{ $toString: expression }, Object.is(value.value, -0) ? '-0' : '0'] }]
  }
  return isObject(value) ? [sameFields(expression, Object.entries(value), depth)] : []
}

function sameFields(expression: unknown, entries: readonly (readonly [string, unknown])[], depth: number): Document {
  const name = `fields${depth}`
  const each = entries.flatMap(([key, value], i) => [
    { $eq: [{ $arrayElemAt: [`$$${name}.k`, i] }, { $literal: key }] },
    same({ $arrayElemAt: [`$$${name}.v`, i] }, value, depth + 1),
  ])
  const isAll = { $eq: [{ $size: `$$${name}` }, entries.length] }
  return { $let: { vars: { [name]: { $objectToArray: expression } }, in: { $and: [isAll, ...each] } } }
}

function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
