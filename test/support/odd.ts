/** Documents of moods as nobody should have written them, and an oracle, without code of the product, of which are good. */

import { createConnection, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Binary, Decimal128, type Document, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } from 'mongodb'

const WHEN = new Date('2024-03-01T12:00:00.000Z')

/** One of each type, and those that are nasty to compare, sort, or compute with. */
export const NASTY: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  7,
  -1,
  3.5,
  NaN,
  Infinity,
  1e300,
  new Int32(5),
  Long.fromString('1709294400000'),
  Long.MAX_VALUE,
  Decimal128.fromString('7'),
  Decimal128.fromString('NaN'),
  '',
  'true',
  'zzz',
  'a/b',
  '\uFEFFbom',
  '2024-03-01T12:00:00',
  '2024-03-01T12:00:00Z',
  'pending',
  WHEN,
  new Date(0),
  new Date(-1),
  new Date('0001-01-01T00:00:00Z'),
  new Date('2003-04-03T00:00:00Z'),
  new Date('9999-12-31T23:59:59Z'),
  new Date(8.64e15),
  [],
  [false],
  [null],
  [WHEN],
  [1e300, 3],
  ['u-list'],
  {},
  { $date: '2024-03-01T12:00:00Z' },
  { a: { b: [1] } },
  new ObjectId('65e1c3b8a3b4852ff8b0ffff'),
  new UUID('0123456789abcdef0123456789abcdef'),
  new Binary(Buffer.from('bytes')),
  new Timestamp({ t: 1, i: 1 }),
  new MinKey(),
  new MaxKey(),
  /x/,
]

const ABSENT = Symbol('absent')

/** The document with each of its fields replaced by each nasty value, or left out. */
export function variants(good: Document): Document[] {
  const names = Object.keys(good).filter((name) => name !== '_id')
  return names.flatMap((name) => [...NASTY, ABSENT].map((value) => withField(good, name, value)))
}

export function withField({ ...document }: Document, name: string, value: unknown): Document {
  if (value === ABSENT) delete document[name]
  else document[name] = value
  return document
}

const FIELDS = ['user', 'mood', 'when', 'intensity', 'context', 'isPrivate', 'deleted', 'atproto']
const ENGINE = ['state', 'rkey', 'uri', 'cid', 'dueAt', 'attempts', 'hold', 'error', 'version', 'changedAt', 'ordinal']

/** Ids that moods cannot have; those that they can are in {@link oddDocuments} too. */
const ODD_IDS: readonly unknown[] = [
  7001,
  new UUID('0123456789abcdef0123456789abcdee'),
  { a: 1 },
  Long.MAX_VALUE,
  '',
  WHEN,
]

/** Every field with every value, one document for each. @param users whose they are, in turn */
export function oddDocuments(users: readonly string[]): Document[] {
  const documents: Document[] = []
  const add = (fields: Document) => {
    const n = documents.length
    const document: Document = {
      _id: new ObjectId(`65e1c3b8a3b4852ff8${String(n).padStart(6, '0')}`),
      user: users[n % users.length],
      mood: `odd ${n}`,
      when: new Date(WHEN.getTime() + Math.floor(n / 3)),
      ...fields,
    }
    documents.push(Object.fromEntries(Object.entries(document).filter(([, value]) => value !== ABSENT)))
  }
  for (const name of FIELDS) for (const value of [...NASTY, ABSENT]) add({ [name]: value })
  const engine = { state: 'local', rkey: ABSENT, hold: 'no_account', dueAt: null, version: 1, changedAt: WHEN }
  for (const name of ENGINE) {
    for (const value of NASTY) {
      const rkey = `k${String(documents.length).padStart(12, '2')}`
      add({ atproto: { ...engine, rkey, [name]: value } })
      add({ atproto: { ...engine, rkey: `${rkey}b`, state: 'pending', dueAt: WHEN, [name]: value } })
    }
  }
  for (const _id of ODD_IDS) add({ _id })
  for (let i = 0; i < 40; i++) {
    // The same digits as an ObjectId's, as a database has them that was restored from JSON.
    add({ _id: `65e1c3b8a3b4852ff8${String(i).padStart(6, '0')}` })
    add({ _id: `text-65e1c3b8a3b4852ff8${String(i).padStart(6, '0')}` })
    add({ _id: `name ${String.fromCodePoint(0xff00 + i)} ${String.fromCodePoint(0x1f600 + i)}` })
  }
  return documents
}

const STATES = new Set<unknown>(['local', 'pending', 'published', 'withdrawn', 'rejected'])
const HOLDS = new Set<unknown>(['no_account', 'private', 'federation_off', 'kept', 'backfill'])

export const isNone = (value: unknown): boolean => value === null || value === undefined
export const isText = (value: unknown): boolean => typeof value === 'string'
export const isDate = (value: unknown): boolean =>
  value instanceof Date && value.getTime() >= 0 && value.getTime() < Date.UTC(2255, 5)
export const isWhole = (value: unknown, least: number, most = 2 ** 52): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most
export const isObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** Whether a document, as the driver reads it, is a mood for certain. */
export function isGood({ _id, user, mood, when, intensity, context, isPrivate, deleted, atproto }: Document): boolean {
  const isId = _id instanceof ObjectId || (isText(_id) && _id !== '' && _id.length <= 512)
  const isFlag = (value: unknown) => isNone(value) || typeof value === 'boolean'
  return (
    isId &&
    isText(user) &&
    user !== '' &&
    isText(mood) &&
    isDate(when) &&
    (isNone(intensity) || isWhole(intensity, 1, 10)) &&
    (isNone(context) || isText(context)) &&
    isFlag(isPrivate) &&
    isFlag(deleted) &&
    (isNone(atproto) || (isObject(atproto) && isGoodState(atproto) && isGoodDeletion(atproto, deleted)))
  )
}

/** Who deleted it and what is to become of its record: only where it is deleted. */
function isGoodDeletion({ deletion, firstPublished: first }: Document, deleted: unknown): boolean {
  const isDeletion =
    isObject(deletion) &&
    ['author', 'nuke'].includes(deletion['by'] as string) &&
    ['withdraw', 'keep'].includes(deletion['records'] as string)
  const isFirst = isObject(first) && isDate(first['at']) && typeof first['direct'] === 'boolean'
  return (isNone(deletion) || (isDeletion && deleted === true)) && (isNone(first) || isFirst)
}

function isGoodState({
  state,
  dueAt,
  uri,
  cid,
  attempts,
  hold,
  error,
  version,
  changedAt,
  ordinal,
}: Document): boolean {
  const isCount = (value: unknown, least: number) => isNone(value) || isWhole(value, least)
  const isNumbered = isCount(version, 1) && isCount(ordinal, 1) && (isNone(changedAt) || isDate(changedAt))
  if (isNone(state)) return isNumbered
  return (
    isNumbered &&
    STATES.has(state) &&
    (isDate(dueAt) || (isNone(dueAt) && state !== 'pending')) &&
    [uri, cid].every((value) => isNone(value) || isText(value)) &&
    isCount(attempts, 0) &&
    (isNone(hold) || HOLDS.has(hold)) &&
    isNone(error)
  )
}

/**
 * A way to the server on which `@@@` becomes three bytes that are half of a surrogate pair, and no UTF-8: drivers write
 * no such thing, programs have.
 */
export async function breakingUtf8(to: { readonly host: string; readonly port: number }) {
  const server = createServer((client) => {
    const upstream = createConnection(to)
    client.on('data', (data) => {
      for (let at = data.indexOf('@@@'); at >= 0; at = data.indexOf('@@@')) data.set([0xed, 0xa0, 0xbd], at)
      upstream.write(data)
    })
    upstream.pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  }
}
