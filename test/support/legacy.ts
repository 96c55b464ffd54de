/**
 * A database as an application of the original's kind leaves it: 30 users, or any number, and every oddity that its history
 * explains. Nothing in it was written by this product.
 */

import { type Db, Decimal128, type Document, ObjectId } from 'mongodb'
import { NOW } from './moods.ts'

export interface LegacyUser {
  readonly sub: string
  readonly handle: string
}

/** User `n`, counted from 1. */
export function legacyUser(n: number): LegacyUser {
  return { sub: `auth0|${String(n).padStart(24, '0')}`, handle: `legacy-${n}` }
}

/** The id of mood `n`. */
export function legacyId(n: number): string {
  return `6500000000000000000${String(n).padStart(5, '0')}`
}

const DAY = 86_400_000
const when = (n: number): Date => new Date(NOW - 500 * DAY + n * 60_000 + (n % 1000))

/** Moods with something odd about them, all of user 1 unless said otherwise. */
export const ODD = {
  plain: 1,
  long: 2,
  deleted: 3,
  onlyRkey: 4,
  linked: 5,
  unknownFields: 6,
  numberTime: 7,
  textTime: 8,
  noTime: 9,
  noText: 10,
  nullAtproto: 11,
  emptyAtproto: 12,
  sameRkey: 13,
  sameRkeyAgain: 14,
  extraAtproto: 15,
  blank: 16,
  nobody: 17,
} as const

const RKEY = '3l2aaaaaaaaaa'

function oddMoods(): Document[] {
  const { sub } = legacyUser(1)
  const odd = (n: number, more: Document): Document => ({
    _id: new ObjectId(legacyId(n)),
    user: sub,
    mood: `odd ${n}`,
    when: when(n),
    ...more,
  })
  return [
    odd(ODD.plain, {}),
    odd(ODD.long, { mood: 'x'.repeat(5000) }),
    odd(ODD.deleted, { deleted: true, atproto: { rkey: '3l2deletedaaa' } }),
    odd(ODD.onlyRkey, { atproto: { rkey: '3l2onlyrkeyaa' } }),
    odd(ODD.linked, {
      atproto: {
        uri: 'at://did:plc:x/computer.aesthetic.mood/3l2linkedaaaa',
        cid: 'bafy',
        rkey: '3l2linkedaaaa',
        synced: true,
      },
    }),
    odd(ODD.unknownFields, { bluesky: { uri: 'at://b', rkey: 'b' }, color: 'teal', tags: ['a', null] }),
    odd(ODD.numberTime, { when: when(ODD.numberTime).getTime() }),
    odd(ODD.textTime, { when: when(ODD.textTime).toISOString() }),
    odd(ODD.noTime, { when: null }),
    odd(ODD.noText, { mood: null }),
    odd(ODD.nullAtproto, { atproto: null }),
    odd(ODD.emptyAtproto, { atproto: {} }),
    odd(ODD.sameRkey, { atproto: { rkey: RKEY } }),
    odd(ODD.sameRkeyAgain, { atproto: { rkey: RKEY } }),
    odd(ODD.extraAtproto, { atproto: { rkey: '3l2extraaaaaa', migratedBy: 'script', syncedAt: when(0) } }),
    odd(ODD.blank, { mood: '   \n ' }),
    { _id: new ObjectId(legacyId(ODD.nobody)), mood: 'by nobody', when: when(ODD.nobody) },
    { _id: 'a-name-of-its-own', user: sub, mood: 'odd id', when: when(18) },
  ]
}

/** How large the database is. */
export interface LegacySize {
  readonly users: number
  /** Moods of each user, besides those with something odd about them. */
  readonly moods: number
}

const SMALL: LegacySize = { users: 30, moods: 4 }

/** Fills an empty database. @param accounts real accounts for the first users, by number */
export async function fillLegacy(
  db: Db,
  accounts: Readonly<Record<number, Document>> = {},
  size: LegacySize = SMALL,
): Promise<void> {
  const users: Document[] = []
  const handles: Document[] = []
  const moods = oddMoods()
  for (let n = 1; n <= size.users; n++) {
    const { sub, handle } = legacyUser(n)
    // 26 has a handle and no user document, 29 has no handle.
    if (n !== 29) handles.push({ _id: sub, handle })
    if (n !== 26) users.push({ _id: sub, code: `ac${n}`, when: when(n), ...atprotoOf(n, accounts[n]) })
    for (let i = 0; i < size.moods; i++) {
      const at = 100 + n * size.moods + i
      moods.push({ _id: new ObjectId(legacyId(at)), user: sub, mood: `mood ${i} of ${handle}`, when: when(at) })
    }
  }
  await db.collection('users').insertMany(users)
  await db.collection('@handles').insertMany(handles)
  await db.collection('moods').insertMany(moods)
}

/**
 * What may become of an odd mood: it can be mended, and is public then, or it is private or deleted; or it has to be
 * corrected by hand.
 */
type OddEnd = 'public' | 'hidden' | 'by_hand'

const TEXT = '2024-05-06T07:08:09'

/** What is odd about a mood of user `n`, and what becomes of it: said here, and not asked of the product. */
const ODDITIES: readonly (readonly [OddEnd, (sub: string) => Document])[] = [
  ['public', () => ({ when: `${TEXT}Z` })],
  ['by_hand', () => ({ when: TEXT })],
  ['public', () => ({ isPrivate: 'false' })],
  ['by_hand', () => ({ isPrivate: [false] })],
  ['hidden', () => ({ isPrivate: 'true' })],
  ['by_hand', (sub) => ({ user: [sub] })],
  ['public', () => ({ deleted: 0 })],
  ['by_hand', () => ({ when: new Date('9999-01-01') })],
  ['hidden', () => ({ deleted: 1 })],
  ['by_hand', () => ({ mood: 7 })],
  ['public', () => ({ intensity: new Decimal128('5') })],
  ['by_hand', () => ({ intensity: 'high' })],
  ['public', () => ({ atproto: false })],
  ['by_hand', () => ({ atproto: 'synced' })],
  ['public', () => ({ when: { $date: `${TEXT}+02:00` } })],
  ['by_hand', () => ({ when: null })],
  ['public', () => ({ when: Date.parse(`${TEXT}Z`) })],
  ['by_hand', () => ({ isPrivate: {} })],
  ['by_hand', () => ({ context: ['home'] })],
  ['by_hand', (sub) => ({ _id: Number(sub.slice(-6)), mood: 'a number of its own' })],
]

export interface OddMood {
  readonly n: number
  readonly end: OddEnd
  readonly document: Document
}

/** Odd moods of users from 4 on, as many as were asked for: whose they are, and what becomes of them. */
export function moreOddMoods(count: number, users: number): readonly OddMood[] {
  return Array.from({ length: count }, (_, i) => {
    const [end, odd] = ODDITIES[i % ODDITIES.length]!
    const n = 4 + ((i * 7) % (users - 3))
    const { sub } = legacyUser(n)
    const id = new ObjectId(legacyId(90_000 + i))
    return { n, end, document: { _id: id, user: sub, mood: `odder ${i}`, when: when(i), ...odd(sub) } }
  })
}

/** 21 to 25 have no account, and neither have 27 and 28, in ways of their own; 30 has no password. */
function atprotoOf(n: number, account: Document | undefined): Document {
  if (account) return { atproto: account }
  if (n >= 21 && n <= 26) return {}
  if (n === 27) return { atproto: null }
  if (n === 28) return { atproto: {} }
  const did = `did:plc:legacy${String(n).padStart(18, 'a')}`
  return { atproto: { did, handle: `legacy-${n}.test`, ...(n === 30 ? {} : { password: `plain-${n}` }) } }
}
