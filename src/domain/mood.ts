/** What a mood is, and what its author may write. */

import { graphemeLen } from '@atproto/lex-data'
import { DomainError } from './errors.ts'
import { LIMITS } from './mood-limits.ts'
import type { MoodSync } from './sync.ts'

/** What the author writes. */
export interface MoodContent {
  readonly text: string
  /** 1 to 10, or null when not said. */
  readonly intensity: number | null
  readonly context: string | null
  readonly isPrivate: boolean
}

/** What becomes of the record when a mood is deleted: gone, or left as it is. */
export type RecordsOnDelete = 'withdraw' | 'keep'

/** A soft delete: who asked for it (only a nuke can be undone), and what becomes of the record. */
export interface Deletion {
  readonly by: 'author' | 'nuke'
  readonly records: RecordsOnDelete
}

/** One entry of a user, with the state of its ATProto copy. */
export interface Mood extends MoodContent {
  /** 24 hex digits, an ObjectId; any other text for a mood of an existing database. */
  readonly id: string
  /** The identity provider's `sub` of the author; never shown. */
  readonly user: string
  /** Number of this mood among its user's moods, 1 for the first; unique per user, so that racing posts collide. */
  readonly ordinal: number
  /** Milliseconds since 1970. */
  readonly when: number
  readonly deleted: Deletion | null
  /** Grows with every change of the row; results are settled only on the version they were computed from. */
  readonly version: number
  readonly sync: MoodSync
}

/** Version of a new mood. */
export const POSTED = 1

/** Whether nothing has been noted of the mood since it was posted. Moods of an existing database have no number. */
export function isAsPosted({ version, ordinal }: Pick<Mood, 'version' | 'ordinal'>): boolean {
  return version === POSTED && ordinal > 0
}

/** What a client may send as a new mood, before it is checked. */
export interface MoodDraft {
  readonly mood: string
  readonly intensity?: number | undefined
  readonly context?: string | undefined
  readonly isPrivate?: boolean | undefined
}

/** C0, DEL and C1, but newline and tab. */
const CONTROL = /(?![\n\t])\p{Cc}/u

/** No visible character. */
const BLANK = /^[\s\p{Z}\p{Cf}]*$/u

function checkCharacters(name: string, text: string): void {
  if (!text.isWellFormed()) throw new DomainError('invalid_mood', `${name} holds half of a surrogate pair`)
  if (CONTROL.test(text)) throw new DomainError('invalid_mood', `${name} holds control characters`)
}

function checkLength(name: string, text: string, graphemes: number, bytes: number): void {
  if (Buffer.byteLength(text) > bytes) {
    throw new DomainError('invalid_mood', `${name} is longer than ${bytes} bytes of UTF-8`)
  }
  // No text has more characters than UTF-16 units, and those cost nothing to count.
  if (text.length > graphemes && graphemeLen(text) > graphemes) {
    throw new DomainError('invalid_mood', `${name} is longer than ${graphemes} characters`)
  }
}

/**
 * Trims and checks what a client sent.
 *
 * @returns the content as it will be stored
 * @throws DomainError `invalid_mood` for an empty or too long text (graphemes and UTF-8 bytes, as Lexicon counts them),
 *   lone surrogates, C0/C1 control characters other than newline and tab, or an intensity outside 1–10
 */
export function parseDraft(draft: MoodDraft): MoodContent {
  checkCharacters('mood', draft.mood)
  const text = draft.mood.trim()
  if (BLANK.test(text)) throw new DomainError('invalid_mood', 'mood is empty')
  checkLength('mood', text, LIMITS.textGraphemes, LIMITS.textBytes)
  const { context = null, intensity = null, isPrivate = false } = draft
  return { text, intensity: parseIntensity(intensity), context: parseContext(context), isPrivate }
}

/** @throws DomainError `invalid_mood` */
export function parseContext(input: string | null): string | null {
  if (input === null) return null
  checkCharacters('context', input)
  const context = input.trim()
  checkLength('context', context, LIMITS.contextGraphemes, LIMITS.contextBytes)
  return BLANK.test(context) ? null : context
}

/** @throws DomainError `invalid_mood` for anything but null and whole numbers from 1 to 10 */
export function parseIntensity(intensity: number | null): number | null {
  if (intensity === null) return null
  if (Number.isInteger(intensity) && intensity >= LIMITS.intensityMin && intensity <= LIMITS.intensityMax)
    return intensity
  throw new DomainError('invalid_mood', 'intensity is a whole number from 1 to 10')
}

const FIRST_WORDS = 40

/** The beginning of a text on one line, for a terminal: an older program may have stored what would move its cursor. */
export function firstWords(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replaceAll(/[\u202A-\u202E\u2066-\u2069]/g, '')
  const characters = Array.from(new Intl.Segmenter().segment(line), ({ segment }) => segment)
  return characters.length > FIRST_WORDS ? `${characters.slice(0, FIRST_WORDS).join('')}…` : line
}

/** What makes a mood a new one. */
export type Saying = Pick<MoodContent, 'text' | 'isPrivate'>

/** Whether a post says nothing new: the same text and privacy as the user's latest undeleted mood. */
export function saysTheSame(latest: Saying, content: Saying): boolean {
  return latest.text === content.text && latest.isPrivate === content.isPrivate
}

/** Whether `viewer` (a `sub`, or null for a stranger) may see the mood. */
export function isVisibleTo(mood: Mood, viewer: string | null): boolean {
  return mood.deleted === null && (!mood.isPrivate || mood.user === viewer)
}

/** Merges lists of moods into one, newest first by `(when, id)`: the order of every feed. @param compareIds the store's order of ids */
export function newestFirst(
  moods: readonly Mood[],
  limit: number,
  compareIds: (a: string, b: string) => number,
): Mood[] {
  return moods.toSorted((a, b) => b.when - a.when || compareIds(b.id, a.id)).slice(0, limit)
}

/**
 * A MongoDB ObjectId in hex (https://www.mongodb.com/docs/manual/reference/bson-types/#objectid): 4 bytes of seconds,
 * 5 random bytes of the process, 3 bytes that count up.
 *
 * @param ms milliseconds since 1970
 * @param processBytes 10 hex digits, drawn once per process
 * @param counter any whole number; its low 24 bits are used
 */
export function objectId(ms: number, processBytes: string, counter: number): string {
  const seconds = (Math.floor(ms / 1000) >>> 0).toString(16).padStart(8, '0')
  return seconds + processBytes + (counter & 0xffffff).toString(16).padStart(6, '0')
}
