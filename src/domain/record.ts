/**
 * The one file that knows how a mood becomes a record (its collection, key, content and CID, and whether there should be
 * one at all), and which mood a record in a repo belongs to. Enqueue, send, audit and repair all ask {@link desiredRecord}.
 */

import { createHash, hash } from 'node:crypto'
import { encode } from '@atcute/cbor'
import { CODEC_DCBOR, fromDigest, toString } from '@atcute/cid'
import type { LexMap } from '@atproto/lex-data'
import type { Account } from './account.ts'
import { isReady } from './account.ts'
import { type HoldReason, INVALID_RECORD } from './sync.ts'
import { computer } from '../lexicons/index.ts'
import type { Mood } from './mood.ts'
import { type FederationPolicy, federates } from './policy.ts'

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
  if (mood.isPrivate || mood.deleted?.records === 'withdraw') return { kind: 'absent' }
  if (mood.deleted) return { kind: 'hold', reason: 'kept' }
  if (!isReady(account)) return { kind: 'hold', reason: 'no_account' }
  if (!federates(policy, mood.user, account.handle)) return { kind: 'hold', reason: 'federation_off' }
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
  return toString(fromDigest(CODEC_DCBOR, hash('sha256', encode(value), 'buffer')))
}

/** AT-URI of a mood's record in the repo of `did`. */
export function uriOf(did: string, rkey: string): string {
  return `at://${did}/${COLLECTION}/${rkey}`
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
}

/**
 * The id of the mood that a record names as its own, in today's form (`mongoId`) or the legacy one (`ref`). A record that
 * names one was written by this application, now or by the system before it; all others belong to other clients.
 *
 * @param value a record as read from a repo: anything at all
 * @returns null where the record names no mood
 */
export function moodIdIn(value: unknown): string | null {
  const fields = fieldsOf(value)
  const id = fields?.['mongoId'] ?? fields?.['ref']
  return typeof id === 'string' ? id : null
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

/** Whether this is the mood's record in the legacy form: the same id and the same text. */
export function isLegacyRecordOf(mood: Mood, value: unknown): boolean {
  const fields = fieldsOf(value)
  return isLegacyForm(value) && fields?.['ref'] === mood.id && fields['mood'] === mood.text
}

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
