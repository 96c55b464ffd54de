/**
 * The one file that knows how a mood becomes a record (its collection, key, content and CID, and whether there should be
 * one at all), and which mood a record in a repo belongs to. Enqueue, send, audit and repair all ask {@link desiredRecord}.
 */

import { createHash } from 'node:crypto'
import { encode } from '@atcute/cbor'
import { CODEC_DCBOR, fromDigest, toString } from '@atcute/cid'
import type { LexMap } from '@atproto/lex-data'
import type { Account } from './account.ts'
import { userHold } from './hold.ts'
import { sha256 } from './sha256.ts'
import { type HoldReason, INVALID_RECORD } from './sync.ts'
import { computer } from '../lexicons/index.ts'
import type { Mood } from './mood.ts'
import type { FederationPolicy } from './policy.ts'

export const COLLECTION = computer.aesthetic.mood.$nsid

/** A record, with all that is needed to write it and to recognise it. */
export interface DesiredRecord {
  readonly kind: 'record'
  readonly rkey: string
  readonly value: LexMap & { readonly $type: string }
  /** The CID that the PDS will give it: the hash of its DAG-CBOR. */
  readonly cid: string
}

/**
 * What the repo should hold for a mood:
 * - `record`: exactly this;
 * - `absent`: nothing, and what is there has to go;
 * - `hold`: leave what is there, do nothing now;
 * - `invalid`: there can be no such record; the reason is for the operator.
 */
export type Desired =
  | DesiredRecord
  | { readonly kind: 'absent' }
  | { readonly kind: 'hold'; readonly reason: HoldReason }
  | { readonly kind: 'invalid'; readonly code: string; readonly message: string }

/**
 * Decides what the user's repo should hold for this mood. Pure; called again each time it matters.
 *
 * A private or withdrawn mood must not be there, whether or not there is an account to look at, and whatever the policy:
 * switching federation off delays no deletion.
 */
export function desiredRecord(mood: Mood, account: Account | null, policy: FederationPolicy): Desired {
  const reason = isPublic(mood) ? userHold(mood.user, account, policy) : null
  return reason === null ? belonging(mood) : { kind: 'hold', reason }
}

/** Whether anybody may read it, so that it belongs on the network. */
export function isPublic({ isPrivate, deleted }: Pick<Mood, 'isPrivate' | 'deleted'>): boolean {
  return !isPrivate && deleted === null
}

/**
 * What belongs in the repo for a mood, whoever is published now: what stands there is compared with this, also where
 * nothing may be written.
 */
export function belonging(mood: Mood): Desired {
  if (mood.isPrivate || mood.deleted?.records === 'withdraw') return { kind: 'absent' }
  if (mood.deleted) return { kind: 'hold', reason: 'kept' }
  return recordFor(mood, mood.sync.rkey)
}

/** The fields of a mood that go into its record. */
type Content = Pick<Mood, 'id' | 'when' | 'text' | 'intensity' | 'context'>

/** The record of this content, checked against the lexicon. */
export function recordFor(content: Content, rkey: string): DesiredRecord | Extract<Desired, { kind: 'invalid' }> {
  const value = recordOf(content)
  const checked = computer.aesthetic.mood.$safeValidate(value)
  if (!checked.success) {
    return { kind: 'invalid', code: INVALID_RECORD, message: issuesWithoutValues(checked.reason.issues) }
  }
  return { kind: 'record', rkey, value, cid: cidOf(value) }
}

function recordOf({ id, when, text, intensity, context }: Content): computer.aesthetic.mood.Main {
  return computer.aesthetic.mood.$build({
    text,
    createdAt: new Date(when).toISOString() as computer.aesthetic.mood.Main['createdAt'],
    ...(intensity === null ? {} : { intensity }),
    ...(context === null ? {} : { context }),
    mongoId: id,
  })
}

/** Names the fields at fault and never their contents, which stay in the primary. */
function issuesWithoutValues(
  issues: readonly { readonly code: string; readonly path: readonly PropertyKey[] }[],
): string {
  return issues.map((issue) => `${issue.path.map(String).join('.') || 'record'}: ${issue.code}`).join(', ')
}

/** CID of a record as ATProto computes it: version 1, DAG-CBOR, SHA-256 (https://atproto.com/specs/data-model). */
export function cidOf(value: LexMap): string {
  return toString(fromDigest(CODEC_DCBOR, sha256(encode(value))))
}

/** AT-URI of a record in the repo of `did`: of a mood's, where no other collection is named. */
export function uriOf(did: string, rkey: string, collection: string = COLLECTION): string {
  return `at://${did}/${collection}/${rkey}`
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
}

/** What a record says about the mood that it was made from. */
type Reference =
  /** It names this mood for certain. `spelled` is the text as it stands there: an id of an existing database may be any. */
  | { readonly kind: 'mood'; readonly id: string; readonly spelled: string }
  /** It has no reference. */
  | { readonly kind: 'none' }
  /** It has one that nobody can read for certain. */
  | { readonly kind: 'unclear' }

/** An ObjectId in the spellings that scripts and shells have left: bare, quoted, `ObjectId("…")`, `{"$oid": "…"}`. */
const SPELLED_ID =
  /^(?:["']?([0-9a-f]{24})["']?|(?:new +)?ObjectId\( *["']?([0-9a-f]{24})["']? *\)|\{ *["']?\$oid["']? *: *["']([0-9a-f]{24})["'] *\})$/i

/** The beginning of a spelling that is not the id itself. */
const WRAPPED = /^(?:["'{[]|(?:new +)?ObjectId\b)/i

/**
 * The mood that a record names, in today's form (`mongoId`) or the legacy one (`ref`), however the id is spelled. A record
 * that names one was written by this application, now or by the system before it.
 *
 * @param value a record as read from a repo: anything at all
 */
function referenceIn(value: unknown): Reference {
  const fields = fieldsOf(value)
  const written = fields?.['mongoId'] ?? fields?.['ref'] ?? null
  if (written === null) return { kind: 'none' }
  const inner = fieldsOf(written)
  const isExtended = inner !== null && Object.keys(inner).join() === '$oid'
  const spelled = isExtended ? inner['$oid'] : written
  if (typeof spelled !== 'string') return { kind: 'unclear' }
  const trimmed = spelled.trim()
  const [, ...digits] = SPELLED_ID.exec(trimmed) ?? []
  const hex = digits.find((part) => part !== undefined)
  if (hex !== undefined) return { kind: 'mood', id: hex.toLowerCase(), spelled }
  if (isExtended || trimmed === '' || WRAPPED.test(trimmed)) return { kind: 'unclear' }
  return { kind: 'mood', id: trimmed, spelled }
}

/** The id of the mood that a record names; null where it names none for certain. */
export function moodIdIn(value: unknown): string | null {
  const reference = referenceIn(value)
  return reference.kind === 'mood' ? reference.id : null
}

/** Who a record in a user's repo belongs to. */
export type Owner =
  /** This mood of the user: the record names it, or has no reference and is like no other mood. */
  | { readonly kind: 'mood'; readonly id: string; readonly by: 'reference' | 'content' }
  /** This mood, which cannot be read for certain, or it may be: the record is left alone. */
  | { readonly kind: 'odd'; readonly id: string }
  /** A mood that the user does not have any more. */
  | { readonly kind: 'gone' }
  /** Another client, or nobody can tell: it is left alone. */
  | { readonly kind: 'unknown' }

const UNKNOWN: Owner = { kind: 'unknown' }

/** What the document of a mood that cannot be read for certain says of its record. */
export interface OddClaims {
  readonly id: string
  /** Whether its id is of a type that ids cannot have, so that nobody can tell which records name it. */
  readonly hasOddId: boolean
  /** The record keys that it has, claims, or would get. */
  readonly rkeys: readonly string[]
}

/** A time in a record that can mean one moment only: with a zone, and no finer than milliseconds. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/

type Identity = Pick<Mood, 'id' | 'text' | 'when' | 'sync'>

/**
 * Says of the records in a user's repo which mood each one belongs to.
 *
 * A reference decides, whatever its spelling; an id that stands there exactly as the mood's comes before the same digits in
 * another spelling. A legacy record without any reference belongs to the one mood with its text and its time. What names no
 * mood that can be read may be an odd one's: by its key, or because nobody can tell what names that one.
 *
 * @param moods every mood of the user, deleted ones too
 * @param odd those that cannot be read for certain
 */
export function ownersAmong(
  moods: Iterable<Identity>,
  odd: readonly OddClaims[] = [],
): (value: unknown, rkey?: string) => Owner {
  const exact = new Map<string, Named>()
  for (const { id, hasOddId } of odd) if (!hasOddId) exact.set(id, { id, isOdd: true })
  const good = new Map<string, Identity>()
  for (const mood of moods) good.set(mood.id, mood)
  for (const id of good.keys()) exact.set(id, { id, isOdd: false })
  // Few repos have such records, so these are made when the first one is met.
  const bySpelling = once(() => uniqueBy(exact.values(), ({ id }) => referenceId(id)))
  const byContent = once(() => uniqueBy(good.values(), ({ text, when }) => contentKey(text, when)))
  const oddAt = oddByKey(good.values(), odd)
  const unnamed = odd.find(({ hasOddId }) => hasOddId)
  return (value, rkey = '') => {
    const reference = referenceIn(value)
    const claimedBy = oddAt.get(rkey)
    if (reference.kind === 'unclear') return orOdd(claimedBy, UNKNOWN)
    if (reference.kind === 'none') {
      const alike = isLegacyForm(value) ? byContent().get(contentOf(value)) : undefined
      return orOdd(claimedBy, alike ? { kind: 'mood', id: alike.id, by: 'content' } : UNKNOWN)
    }
    const named = exact.get(reference.spelled) ?? exact.get(reference.id) ?? bySpelling().get(reference.id)
    // Two moods whose ids differ in their spelling alone: it cannot be told which one is meant.
    if (named === null) return UNKNOWN
    if (named) return named.isOdd ? { kind: 'odd', id: named.id } : { kind: 'mood', id: named.id, by: 'reference' }
    return orOdd(claimedBy ?? unnamed?.id, { kind: 'gone' })
  }
}

/**
 * Says of a mood whether it matters to {@link ownersAmong} for these records: told of those moods alone that do, it says the
 * same of these records as it does when told of all.
 *
 * @param values contents of the records
 */
export function mattersTo(values: Iterable<unknown>): (mood: Pick<Identity, 'id' | 'text' | 'when'>) => boolean {
  const [names, contents] = [new Set<string>(), new Set<string>()]
  for (const value of values) {
    const reference = referenceIn(value)
    if (reference.kind === 'mood') names.add(reference.id)
    if (reference.kind === 'none' && isLegacyForm(value)) contents.add(contentOf(value))
  }
  return ({ id, text, when }) =>
    (names.size > 0 && names.has(referenceId(id))) || (contents.size > 0 && contents.has(contentKey(text, when)))
}

function orOdd(id: string | undefined, other: Owner): Owner {
  return id === undefined ? other : { kind: 'odd', id }
}

interface Named {
  readonly id: string
  readonly isOdd: boolean
}

/** The odd moods by the record keys that they claim. A key that a mood has for certain is that one's. */
function oddByKey(moods: Iterable<Identity>, odd: readonly OddClaims[]): ReadonlyMap<string, string> {
  const claims = new Map(odd.flatMap(({ id, rkeys }) => rkeys.map((rkey) => [rkey, id] as const)))
  if (claims.size > 0) for (const { sync } of moods) claims.delete(sync.rkey)
  return claims
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}

function referenceId(id: string): string {
  return moodIdIn({ mongoId: id }) ?? id
}

/** Null for a key that several have. */
function uniqueBy<M>(moods: Iterable<M>, keyOf: (mood: M) => string): Map<string, M | null> {
  const index = new Map<string, M | null>()
  for (const mood of moods) {
    const key = keyOf(mood)
    index.set(key, index.has(key) ? null : mood)
  }
  return index
}

function contentKey(text: string, when: number): string {
  return `${when}\n${text}`
}

function contentOf(value: unknown): string {
  const fields = fieldsOf(value)
  const when = fields?.['when']
  const isMoment = typeof when === 'string' && MOMENT.test(when)
  return contentKey(String(fields?.['mood']), isMoment ? Date.parse(when) : Number.NaN)
}

/** Whether a record has the legacy form, that of the system before this one: `mood`, `when`, `ref`. */
export function isLegacyForm(value: unknown): boolean {
  const fields = fieldsOf(value)
  return fields !== null && typeof fields['mood'] === 'string' && fields['text'] === undefined
}

/** The text of a record in either form; null for any other, which cannot be understood. */
export function textIn(value: unknown): string | null {
  const fields = fieldsOf(value)
  const text = fields?.['text'] ?? (isLegacyForm(value) ? fields?.['mood'] : null)
  return typeof text === 'string' ? text : null
}

/** Whether a record holds a text. */
export function isReadable(value: unknown): boolean {
  return textIn(value) !== null
}

/**
 * Whether a record is the mood's in the legacy form: it has the mood's text, and names the mood, or has the mood's time
 * where it names none for certain.
 */
export function isLegacyRecordOf(mood: Mood, value: unknown): boolean {
  if (!isLegacyForm(value) || fieldsOf(value)?.['mood'] !== mood.text) return false
  if (referenceIn(value).kind !== 'mood') return contentOf(value) === contentKey(mood.text, mood.when)
  const owner = ownersAmong([mood])(value)
  return owner.kind === 'mood'
}

/** A record key as the specification has it (https://atproto.com/specs/record-key). */
const RECORD_KEY = /^(?!\.{1,2}$)[A-Za-z0-9._:~-]{1,512}$/

export function isRecordKey(value: unknown): value is string {
  return typeof value === 'string' && RECORD_KEY.test(value)
}

/** The record key in the AT-URI of a mood's record; null for anything else. */
export function rkeyIn(uri: unknown): string | null {
  const [, rkey = ''] = typeof uri === 'string' ? (RECORD_URI.exec(uri) ?? []) : []
  return RECORD_KEY.test(rkey) ? rkey : null
}

const RECORD_URI = new RegExp(`^at://[^/?#]+/${COLLECTION.replaceAll('.', String.raw`\.`)}/([^/?#]+)$`)

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'

/**
 * Record key of a mood: a valid TID (https://atproto.com/specs/tid) that follows from the mood alone, so that writing
 * twice writes the same record. 53 bits of microseconds (`when`, and three digits of a hash for what milliseconds lack),
 * then 10 bits of the hash as clock id.
 *
 * @param when milliseconds since 1970, not before it
 * @param id the mood's id
 * @param salt 0, and one more for each collision within the user's moods
 */
export function rkeyFor(when: number, id: string, salt: number): string {
  if (!Number.isInteger(when) || when < 0 || when >= 2 ** 53 / 1000) throw new RangeError('no TID for such a time')
  const digest = createHash('sha256')
    .update(salt === 0 ? id : `${id}\n${salt}`)
    .digest()
  const micros = BigInt(when) * 1000n + BigInt(digest.readUInt32BE(0) % 1000)
  let bits = (micros << 10n) | BigInt(digest.readUInt16BE(4) & 0x3ff)
  let tid = ''
  // 13 characters of 5 bits; leading zeros become '2', so times before September 2005 give full-length keys as well.
  for (let i = 0; i < 13; i++) {
    tid = ALPHABET[Number(bits & 31n)] + tid
    bits >>= 5n
  }
  return tid
}
