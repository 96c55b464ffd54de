/** Databases that others have filled: 500 good moods of 25 users, and any number of documents with something odd about them. */

import { BSON, Decimal128, type Document, Long, ObjectId } from 'mongodb'
import fc from 'fast-check'
import { NASTY } from '../support/odd.ts'
import { FIRST, goodUser, MOODS_OF_EACH, oddUser, USERS } from './people.ts'

export interface OddDatabase {
  readonly moods: readonly Document[]
  readonly users: readonly Document[]
  readonly handles: readonly Document[]
}

const digits = (n: number): string => `64${String(n).padStart(22, '0')}`

/** A mood as an application writes it, in one of the forms that are good: ids and fields differ. */
function goodMood(n: number): Document {
  const shapes: readonly Document[] = [
    {},
    { _id: digits(n - 1) },
    { _id: `mood-${n}`, isPrivate: null, deleted: null },
    { isPrivate: false, deleted: false, intensity: 1 + (n % 10) },
    { atproto: null, context: 'a context', tags: ['not ours', Long.fromNumber(n)] },
    { atproto: {}, intensity: null },
    { isPrivate: true },
    { deleted: true },
  ]
  return {
    _id: new ObjectId(digits(n)),
    user: goodUser(n % USERS),
    mood: `good ${n}`,
    when: new Date(FIRST + n * 60_000),
    ...shapes[n % shapes.length],
  }
}

const value: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: fc.constantFrom(...NASTY), weight: 4 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 40 }), weight: 1 },
  { arbitrary: fc.double(), weight: 1 },
  { arbitrary: fc.date({ noInvalidDate: true }), weight: 1 },
  { arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((big) => Long.fromBigInt(big)), weight: 1 },
  { arbitrary: fc.integer().map((n) => Decimal128.fromString(String(n))), weight: 1 },
  { arbitrary: fc.array(fc.constantFrom(...NASTY), { maxLength: 3 }), weight: 1 },
)

const OURS = ['user', 'mood', 'when', 'intensity', 'context', 'isPrivate', 'deleted', 'atproto'] as const
const OF_THE_ENGINE = [
  'state',
  'rkey',
  'uri',
  'cid',
  'dueAt',
  'attempts',
  'hold',
  'error',
  'version',
  'changedAt',
  'ordinal',
  'deletion',
  'firstPublished',
] as const

const oursSpoiled = fc.dictionary(fc.constantFrom(...OURS), fc.option(value, { nil: undefined }), {
  minKeys: 1,
  maxKeys: 2,
})
const engineSpoiled = fc
  .tuple(
    fc.constantFrom<Document>({ state: 'local', hold: 'backfill' }, { state: 'pending', dueAt: new Date(FIRST) }),
    fc.dictionary(fc.constantFrom(...OF_THE_ENGINE), value, { minKeys: 1, maxKeys: 2 }),
  )
  .map(([state, spoiled]) => ({ atproto: { ...state, version: 1, changedAt: new Date(FIRST), ...spoiled } }))
const id = fc.oneof(value, fc.constantFrom(digits(7), `text-${digits(7)}`)).map((_id) => ({ _id }))
const spoiling = fc.oneof(
  { arbitrary: oursSpoiled, weight: 6 },
  { arbitrary: engineSpoiled, weight: 3 },
  { arbitrary: id, weight: 1 },
)

const AT = new Date(FIRST)
const userShapes = fc.oneof(
  value.map((atproto) => ({ atproto })),
  fc
    .dictionary(fc.constantFrom('did', 'handle', 'password', 'sealed', 'state', 'pds', 'version', 'error'), value, {
      minKeys: 1,
    })
    .map((atproto) => ({ atproto })),
  value.map((code) => ({ code })),
)

/** What is said by every such document besides is that it is one, so that it is known wherever it turns up. */
function spoiledMood(n: number, fields: Document): Document {
  const plain = {
    _id: new ObjectId(digits(n)),
    user: goodUser(n % USERS),
    mood: `odd ${n}`,
    when: new Date(FIRST + n * 60_000),
  }
  const all = Object.entries({ ...plain, ...fields, mark: `odd ${n}` })
  return Object.fromEntries(all.filter(([, each]) => each !== undefined))
}

/** Two moods of one user under one key, or of one number, are a contradiction that a start refuses: not what is tried here. */
function withoutTwins(moods: readonly Document[]): Document[] {
  const seen = new Set<string>()
  return moods.filter(({ user, atproto }) => {
    const { rkey, ordinal } = (atproto ?? {}) as Document
    const keys = [rkey, ordinal].flatMap((key, i) => (key === undefined ? [] : [BSON.EJSON.stringify([user, key, i])]))
    const isTwin = keys.some((key) => seen.has(key))
    for (const key of keys) seen.add(key)
    return !isTwin
  })
}

/**
 * @param documents how many odd ones
 * @param seed the same numbers give the same database
 */
export function oddDatabase(documents: number, seed: number): OddDatabase {
  const parts = { users: Math.ceil(documents / 20), handles: Math.ceil(documents / 20) }
  const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(arbitrary, { numRuns, seed })
  const good = Array.from({ length: USERS * MOODS_OF_EACH }, (_, n) => goodMood(n))
  const spoiled = sample(spoiling, documents - parts.users - parts.handles)
  const odd = withoutTwins(spoiled.map((fields, i) => spoiledMood(good.length + i, fields)))
  const people = Array.from({ length: USERS }, (_, n) => ({ _id: goodUser(n), code: `ac${n}`, when: AT }))
  const names = Array.from({ length: USERS }, (_, n) => ({ _id: goodUser(n), handle: `person-${n}` }))
  return {
    moods: [...good, ...odd],
    users: [
      ...people,
      ...sample(userShapes, parts.users).map((shape, n) => Object.assign({ _id: oddUser(n), code: `odd ${n}` }, shape)),
    ],
    handles: [...names, ...sample(value, parts.handles).map((handle, n) => ({ _id: oddUser(n), handle }))],
  }
}
