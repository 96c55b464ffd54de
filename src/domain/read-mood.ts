/**
 * The one reader of moods: from what a store has read, whatever that is, to a mood or an oddity. It is total. Whether a
 * mood is private or deleted is decided here, for the feed, the engine and the audit alike.
 */

import type { Deletion, Mood } from './mood.ts'
import { ID_CHARACTERS, LIMITS } from './mood-limits.ts'
import {
  COUNT_MOST,
  Fields,
  isOdd,
  isUserName,
  isValues,
  NOT_UTF8,
  type Odd,
  readWith,
  sharedOdd,
  type StoredDocument,
  timeIn,
  type Values,
} from './odd.ts'
import { lastPublished } from './published-form.ts'
import { isRecordKey, type OddClaims, rkeyFor, rkeyIn } from './record.ts'
import {
  type FirstPublished,
  HOLD_REASONS,
  type MoodSync,
  SYNC_STATES,
  type SyncError,
  type SyncState,
  unseen,
} from './sync.ts'

/** Version of a mood that the engine has never written. */
export const UNTOUCHED = 0

/** A mood's row, with when it was last changed in ms since 1970; null where that was never noted. */
export interface ReadMood {
  readonly mood: Mood
  readonly changedAt: number | null
}

const DELETERS = ['author', 'nuke'] as const
const RECORDS = ['withdraw', 'keep'] as const

/** A mood that cannot be read for certain, with what its document says of its record. */
export type OddMood = Odd & OddClaims

/** Reads a mood of `user`, `mood`, `when`, `intensity`, `context`, `isPrivate`, `deleted`, `atproto`. Never throws. */
export function readMood(stored: StoredDocument): ReadMood | OddMood {
  const { id, values } = stored
  const reading = readWith(stored, values['user'], (fields) => moodIn(id.text, fields))
  return isOdd(reading) ? { ...reading, hasOddId: id.isOdd, rkeys: claimedKeys(id, values) } : reading
}

/** What only one mood of a user may have. */
export type TwinField = 'atproto.rkey' | 'atproto.ordinal'

/** A mood that can be read, but has what another mood of the user had before it: whose record that is cannot be told. */
export function twinMood({ mood: { id, user, sync } }: ReadMood, field: TwinField): OddMood {
  return { ...sharedOdd(user, field, 'shared'), id, hasOddId: false, rkeys: [sync.rkey] }
}

/** Every record key that a document gives a hint of: what stands there may be the mood's. */
function claimedKeys(id: StoredDocument['id'], values: Values): string[] {
  const atproto = values['atproto']
  const { rkey, uri } = isValues(atproto) ? atproto : { rkey: null, uri: atproto }
  const named = [isRecordKey(rkey) ? rkey : null, rkeyIn(uri)]
  const when = timeIn(values['when'])
  const derived = id.isOdd || when === null ? null : rkeyFor(when, id.text, 0)
  return [...new Set([...named, derived].filter((key) => key !== null))]
}

function moodIn(id: string, fields: Fields): ReadMood {
  // Privacy and deletion first: an oddity of theirs is the one to be told of.
  const isPrivate = fields.flag('isPrivate')
  const isDeleted = fields.flag('deleted')
  if (id.length > ID_CHARACTERS) return fields.fail('_id', 'range')
  const user = fields.text('user')
  if (!isUserName(user)) return fields.fail('user', user === '' ? 'missing' : 'not_utf8')
  const when = fields.time('when')
  const text = fields.text('mood')
  const intensity = fields.wholeOrNull('intensity', LIMITS.intensityMin, LIMITS.intensityMax)
  const context = fields.textOrNull('context')
  const atproto = atprotoIn(fields)
  const mood = {
    id,
    user,
    ordinal: ordinalIn(atproto),
    text,
    when,
    intensity,
    context,
    isPrivate,
    deleted: deletionIn(atproto, isDeleted),
    version: versionIn(atproto),
    sync: syncIn(atproto, id, when),
  }
  return { mood, changedAt: atproto.timeOrNull('changedAt') }
}

/** What the engine knows. Values that say nothing (`false`, 0, `""`) can be taken away. */
function atprotoIn(fields: Fields): Fields {
  const value = fields.raw('atproto')
  if (value === false || value === 0 || value === '') return fields.fail('atproto', 'type', { value: null })
  return fields.fieldsOrNull('atproto') ?? new Fields({})
}

function deletionIn(atproto: Fields, isDeleted: boolean): Deletion | null {
  const deletion = atproto.fieldsOrNull('deletion')
  // Who took it back, and what was to become of its record, was not written down: leave the record alone.
  if (!deletion) return isDeleted ? { by: 'author', records: 'keep' } : null
  const by = deletion.wordOrNull('by', DELETERS) ?? deletion.fail('by', 'missing')
  const records = deletion.wordOrNull('records', RECORDS) ?? deletion.fail('records', 'missing')
  return isDeleted ? { by, records } : atproto.fail('deletion', 'contradiction')
}

function syncIn(atproto: Fields, id: string, when: number): MoodSync {
  const stored = atproto.raw('rkey')
  const own = isRecordKey(stored) ? stored : rkeyIn(atproto.raw('uri'))
  const rkey = own ?? rkeyFor(when, id, 0)
  const state = atproto.wordOrNull('state', SYNC_STATES)
  if (state === null) return unseen({ rkey, ...claimsIn(atproto) })
  const dueAt = atproto.timeOrNull('dueAt')
  if (state === 'pending' && dueAt === null) return atproto.fail('dueAt', 'missing')
  return {
    rkey,
    uri: atproto.textOrNull('uri'),
    cid: atproto.textOrNull('cid'),
    attempts: atproto.wholeOrNull('attempts', 0, COUNT_MOST) ?? 0,
    state,
    dueAt,
    hold: atproto.wordOrNull('hold', HOLD_REASONS),
    error: errorIn(atproto),
    firstPublished: firstPublishedIn(atproto, state),
  }
}

function firstPublishedIn(atproto: Fields, state: SyncState): FirstPublished | null {
  const first = atproto.fieldsOrNull('firstPublished')
  if (first) return { at: first.time('at'), direct: first.flag('direct') }
  const changedAt = atproto.timeOrNull('changedAt')
  if (state !== 'published' || changedAt === null) return null
  return lastPublished(changedAt, versionIn(atproto), ordinalIn(atproto))
}

function versionIn(atproto: Fields): number {
  return atproto.wholeOrNull('version', 1, COUNT_MOST) ?? UNTOUCHED
}

function ordinalIn(atproto: Fields): number {
  return atproto.wholeOrNull('ordinal', 1, COUNT_MOST) ?? 0
}

/** What a mood that the engine has never seen says of its record: no evidence, so that what is odd about it is nothing. */
function claimsIn(atproto: Fields): Pick<MoodSync, 'uri' | 'cid' | 'attempts'> {
  const text = (name: string): string | null => {
    const value = atproto.raw(name)
    return typeof value === 'string' ? value : null
  }
  const attempts = atproto.raw('attempts')
  return {
    uri: text('uri'),
    cid: text('cid'),
    attempts:
      typeof attempts === 'number' && Number.isInteger(attempts) && attempts > 0 && attempts <= COUNT_MOST
        ? attempts
        : 0,
  }
}

function errorIn(atproto: Fields): SyncError | null {
  const error = atproto.fieldsOrNull('error')
  if (!error) return null
  const at = error.wholeOrNull('at', 0, COUNT_MOST) ?? error.fail('at', 'missing')
  return { code: error.text('code'), message: error.text('message'), at }
}

/** The fields in which a character may stand for bytes that are no UTF-8, which only the store can find out. */
export const TEXT_FIELDS = ['mood', 'context'] as const

/** The values, with those fields marked whose bytes are no UTF-8. */
export function withoutUtf8(values: Values, fields: readonly string[]): Values {
  return { ...values, ...Object.fromEntries(fields.map((field) => [field, NOT_UTF8])) }
}
