/**
 * Oddities: stored values that cannot be read for certain, and what is known of them. Every reader of stored values
 * builds on the few functions below, each of which gives a value or the kind of the oddity, and never throws or guesses.
 */

/**
 * - `missing`: nothing is there, and something must be;
 * - `type`: a value of another type;
 * - `not_utf8`: text whose bytes are no UTF-8;
 * - `range`: of the right type, but outside of what it may be;
 * - `unknown`: a word that this version does not know;
 * - `contradiction`: two fields that cannot both be true;
 * - `shared`: a value that only one document may have, and others have as well;
 * - `alike`: it differs from that of another document in upper and lower case alone.
 */
export const ODD_KINDS = [
  'missing',
  'type',
  'not_utf8',
  'range',
  'unknown',
  'contradiction',
  'shared',
  'alike',
] as const
export type OddKind = (typeof ODD_KINDS)[number]

/** A document that is left alone: not shown, not published, not changed, and only deleted with its user. */
export interface Odd {
  /** The document's id, as text for people where it is of a type that ids cannot have. */
  readonly id: string
  /** Whose it is; null where that cannot be read. */
  readonly user: string | null
  /** Path of the first field at fault. */
  readonly field: string
  readonly kind: OddKind
  /** Whether the value can be converted to what was meant, without loss and without a guess. */
  readonly mendable: boolean
  /** What was meant, where it is mendable. */
  readonly meant: Meant | null
}

/** What takes the place of a value when it is mended; null for one that says nothing. */
export interface Meant {
  readonly value: Date | boolean | number | null
}

/** A value of a type that only the database has (a 64-bit integer, a decimal, an id). Stores make it, readers judge it. */
export class Foreign {
  /** Its digits, where it is a number. */
  readonly number: string | null

  constructor(number: string | null) {
    this.number = number
  }
}

/** Text whose bytes are no UTF-8. */
export const NOT_UTF8 = Symbol('not UTF-8')

/** What is wrong with one value. */
type Fault = Pick<Odd, 'kind' | 'mendable' | 'meant'>

/** Thrown by {@link Fields} for the first field at fault, and caught where the reading began. */
export class OddField extends Error {
  readonly field: string
  readonly fault: Fault

  constructor(field: string, fault: Fault) {
    super(`${field}: ${fault.kind}`)
    this.field = field
    this.fault = fault
  }
}

export type Values = Readonly<Record<string, unknown>>

/** What a store has read of a document, field by field; nothing in it is certain. */
export interface StoredDocument {
  /** The document's id, or a name for people of an id that its kind cannot have. */
  readonly id: { readonly text: string; readonly isOdd: boolean }
  readonly values: Values
}

/**
 * Reads a document to a value or an oddity. Every reader is made with it. Never throws.
 *
 * @param user whose it is; null where that cannot be read
 */
export function readWith<T>({ id, values }: StoredDocument, user: unknown, read: (fields: Fields) => T): T | Odd {
  const fields = new Fields(values)
  try {
    if (id.isOdd) fields.fail('_id', 'type')
    return read(fields)
  } catch (error) {
    if (!(error instanceof OddField)) throw error
    const { field, fault } = error
    return { id: id.text, user: isUserName(user) ? user : null, field, ...fault }
  }
}

/** What is odd about a user's document of which each value can be read, and not whose the value is. */
export function sharedOdd(user: string, field: string, kind: 'shared' | 'alike'): Odd {
  return { id: user, user, field, kind, mendable: false, meant: null }
}

/** Whether a reading gave no value. */
export function isOdd(reading: object): reading is Odd {
  return 'mendable' in reading
}

const KIND_TEXTS: Readonly<Record<OddKind, string>> = {
  missing: 'is missing',
  type: 'is of another type than it must be',
  not_utf8: 'holds bytes that are no UTF-8',
  range: 'is outside of what it may be',
  unknown: 'is a word that this version does not know',
  contradiction: 'contradicts another field',
  shared: 'is also that of another document',
  alike: 'differs from that of another document in upper and lower case alone',
}

/** What is wrong with a document, as a part of a sentence. It never says what the value is. */
export function oddText({ field, kind }: Pick<Odd, 'field' | 'kind'>): string {
  return `the field "${field}" ${KIND_TEXTS[kind]}`
}

/** Whether it is an object with fields of its own, as the database keeps them in a document. */
export function isValues(value: unknown): value is Values {
  if (typeof value !== 'object' || value === null) return false
  return !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Foreign)
}

/** Times that a TID and an ISO text can hold: 1970 to 2255, in ms since 1970. */
export const TIMES = { from: 0, before: 2 ** 53 / 1000 } as const

/** The highest number that counts something: one more can be added to it often enough. */
export const COUNT_MOST = 2 ** 52

/** Numbers below it could as well be seconds. It is September 2001. */
const SURELY_MS = 1e12

const ZONED = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(:\d\d(\.\d{1,3}0*)?)?(Z|[+-]\d\d:?\d\d)$/

function isTime(ms: number): boolean {
  return Number.isInteger(ms) && ms >= TIMES.from && ms < TIMES.before
}

/** The number that a value is, whatever the database calls its type; null where it is none. */
function numberIn(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  return value instanceof Foreign && /^-?\d{1,15}$/.test(value.number ?? '') ? Number(value.number) : null
}

/** The time that a value is, or surely means, in ms since 1970; null where that cannot be said. */
export function timeIn(value: unknown): number | null {
  if (!(value instanceof Date)) return meantTime(value)
  const ms = value.getTime()
  return isTime(ms) ? ms : null
}

/**
 * The time that a value surely means though it is no date: text with a zone, or a whole number of milliseconds.
 *
 * @returns ms since 1970; null where that would be a guess
 */
function meantTime(value: unknown): number | null {
  if (typeof value === 'string') return timeInText(value)
  if (isValues(value) && Object.keys(value).length === 1 && '$date' in value) {
    const { $date: date } = value
    return typeof date === 'string' ? timeInText(date) : meantTime(isValues(date) ? numberLong(date) : date)
  }
  const number = numberIn(value)
  return number !== null && number >= SURELY_MS && isTime(number) ? number : null
}

function numberLong(value: Values): unknown {
  const { $numberLong: digits } = value
  return typeof digits === 'string' ? new Foreign(digits) : null
}

function timeInText(text: string): number | null {
  const match = ZONED.exec(text)
  if (!match) return null
  const [year, month, day] = match.slice(1, 4).map(Number) as [number, number, number]
  // A day that the month does not have would become one of the next month.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return null
  const ms = Date.parse(text)
  return isTime(ms) ? ms : null
}

const MEANT_FLAGS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false }

/** What a value surely means as a flag though it is none; null where that would be a guess. */
function meantFlag(value: unknown): boolean | null {
  const text = typeof value === 'string' ? value : numberIn(value)
  return text !== null && Object.hasOwn(MEANT_FLAGS, text) ? MEANT_FLAGS[text]! : null
}

function meaning(value: Date | boolean | number | null): Meant | null {
  return value === null ? null : { value }
}

/** Fields of a stored document, read one by one. Each method throws {@link OddField} for a value it cannot read. */
export class Fields {
  readonly #values: Values
  readonly #prefix: string

  /** @param prefix of the fields' paths, with its dot; empty for those of the document itself */
  constructor(values: Values, prefix = '') {
    this.#values = values
    this.#prefix = prefix
  }

  /** @param meant what the value surely means; null where there is no telling */
  fail(name: string, kind: OddKind, meant: Meant | null = null): never {
    throw new OddField(`${this.#prefix}${name}`, { kind, mendable: meant !== null, meant })
  }

  /** The value as it is stored, null where there is none. */
  raw(name: string): unknown {
    return this.#values[name] ?? null
  }

  text(name: string): string {
    return this.textOrNull(name) ?? this.fail(name, 'missing')
  }

  textOrNull(name: string): string | null {
    const value = this.raw(name)
    if (value === NOT_UTF8) return this.fail(name, 'not_utf8')
    if (value !== null && typeof value !== 'string') return this.fail(name, 'type')
    return value
  }

  /** Only `null`, absent and `false` are “no”. */
  flag(name: string): boolean {
    const value = this.raw(name)
    if (value === null) return false
    return typeof value === 'boolean' ? value : this.fail(name, 'type', meaning(meantFlag(value)))
  }

  /** A whole number, both ends included. @returns null where there is none */
  wholeOrNull(name: string, least: number, most: number): number | null {
    const value = this.raw(name)
    if (value === null) return null
    const isFit = (number: number | null): number is number =>
      Number.isInteger(number) && number! >= least && number! <= most
    if (typeof value !== 'number') {
      const number = numberIn(value)
      return this.fail(name, 'type', meaning(isFit(number) ? number : null))
    }
    return isFit(value) ? value : this.fail(name, Number.isInteger(value) ? 'range' : 'type')
  }

  /** A whole number, both ends included, that must be there. */
  whole(name: string, least: number, most: number = COUNT_MOST): number {
    return this.wholeOrNull(name, least, most) ?? this.fail(name, 'missing')
  }

  /** Any number, both ends included, that must be there. */
  number(name: string, least: number, most: number): number {
    const value = this.raw(name) ?? this.fail(name, 'missing')
    if (typeof value !== 'number') return this.fail(name, 'type', meaning(numberIn(value)))
    return value >= least && value <= most ? value : this.fail(name, 'range')
  }

  /** Text that names something: not empty, and no character that stands for bytes that are no UTF-8. */
  nameOrNull(name: string): string | null {
    const value = this.textOrNull(name)
    if (value === null || isUserName(value)) return value
    return this.fail(name, value === '' ? 'range' : 'not_utf8')
  }

  name(name: string): string {
    return this.nameOrNull(name) ?? this.fail(name, 'missing')
  }

  /** Milliseconds since 1970. */
  time(name: string): number {
    return this.timeOrNull(name) ?? this.fail(name, 'missing')
  }

  timeOrNull(name: string): number | null {
    const value = this.raw(name)
    if (value === null) return null
    if (!(value instanceof Date)) {
      const meantMs = meantTime(value)
      return this.fail(name, 'type', meaning(meantMs === null ? null : new Date(meantMs)))
    }
    const ms = value.getTime()
    return isTime(ms) ? ms : this.fail(name, 'range')
  }

  wordOrNull<W extends string>(name: string, words: readonly W[]): W | null {
    const value = this.textOrNull(name)
    if (value === null) return null
    return words.includes(value as W) ? (value as W) : this.fail(name, 'unknown')
  }

  word<W extends string>(name: string, words: readonly W[]): W {
    return this.wordOrNull(name, words) ?? this.fail(name, 'missing')
  }

  /** The values of a list. */
  list(name: string): readonly unknown[] {
    const value = this.raw(name) ?? this.fail(name, 'missing')
    return Array.isArray(value) ? (value as readonly unknown[]) : this.fail(name, 'type')
  }

  /** The fields of each object of a list. */
  items(name: string): readonly Fields[] {
    return this.list(name).map((value, i) => {
      const path = `${name}.${i}`
      return isValues(value) ? new Fields(value, `${this.#prefix}${path}.`) : this.fail(path, 'type')
    })
  }

  /** Whether anything is there. */
  has(name: string): boolean {
    return this.raw(name) !== null
  }

  /** Names of all fields that are there. */
  get names(): readonly string[] {
    return Object.keys(this.#values).filter((name) => this.has(name))
  }

  fields(name: string): Fields {
    return this.fieldsOrNull(name) ?? this.fail(name, 'missing')
  }

  /** The fields of an object. @returns null where there is none */
  fieldsOrNull(name: string): Fields | null {
    const value = this.raw(name)
    if (value === null) return null
    return isValues(value) ? new Fields(value, `${this.#prefix}${name}.`) : this.fail(name, 'type')
  }
}

/** Whether it names a user for certain: text, not empty, and no character that stands for bytes that are no UTF-8. */
export function isUserName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\uFFFD')
}
