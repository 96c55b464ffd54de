/**
 * What is true of a lexicon document without asking anybody: whether it is one, what it accepts and refuses, and what a
 * change of it breaks (https://atproto.com/specs/lexicon).
 */

import { type LexiconDoc, Lexicons, parseLexiconDoc } from '@atproto/lexicon'
import type { LexMap } from '@atproto/lex-data'
import { DomainError } from '../domain/errors.ts'
import { cidOf, COLLECTION } from '../domain/record.ts'
import { type Sample, SAMPLES } from './samples.ts'

/** Where lexicons are published: in this collection, under the NSID as record key. */
export const LEXICON_COLLECTION = 'com.atproto.lexicon.schema'

/** A document as the record that publishes it, with the CID that every PDS gives it. */
export interface Publication {
  readonly document: LexiconDoc
  readonly value: LexMap & { readonly $type: string }
  readonly cid: string
}

/**
 * Reads a lexicon document.
 *
 * @param json as parsed from a file or a record; a `$type` of the record is no part of the document
 * @throws DomainError `bad_request` with a line for each thing that is wrong
 */
export function publicationOf(json: unknown): Publication {
  try {
    if (typeof json !== 'object' || json === null) throw new TypeError('it is no JSON object')
    const { $type: _, ...fields } = json as Record<string, unknown>
    const document = parseLexiconDoc(fields)
    const value = { $type: LEXICON_COLLECTION, ...(fields as LexMap) }
    return { document, value, cid: cidOf(value) }
  } catch (error) {
    throw new DomainError('bad_request', reasons(error).join('\n'), { cause: error })
  }
}

/** The parser throws a list of issues, each with the path of the field; everything else throws a message. */
function reasons(error: unknown): string[] {
  const { issues } = error as { issues?: readonly { path: readonly (string | number)[]; message: string }[] }
  if (!issues) return [`not a lexicon document: ${error instanceof Error ? error.message : String(error)}`]
  return issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`)
}

/**
 * Name of the DNS TXT record that says whose repo holds the lexicons of a group: the NSID's authority, which is all of it
 * but the last segment, reversed. It is not inherited from group to group (https://atproto.com/specs/lexicon).
 */
export function txtNameOf(nsid: string): string {
  return `_lexicon.${nsid.split('.').slice(0, -1).toReversed().join('.')}`
}

/** The line for the zone file. */
export function txtLineOf(nsid: string, did: string): string {
  return `${txtNameOf(nsid)} TXT "did=${did}"`
}

interface SampleResult {
  readonly name: string
  readonly expected: 'accepted' | 'refused'
  /** What the validator said; null when it accepted the record. */
  readonly reason: string | null
  readonly ok: boolean
}

export interface Validation {
  readonly ok: boolean
  readonly nsid: string | null
  /** What is wrong with the document itself. */
  readonly problems: readonly string[]
  readonly samples: readonly SampleResult[]
}

/**
 * Whether this is a lexicon document for moods that accepts what it should and refuses the rest, each for the right field,
 * as judged by `@atproto/lexicon`.
 *
 * @param json as parsed from the file
 */
export function validateLexicon(json: unknown): Validation {
  let document: LexiconDoc
  try {
    document = publicationOf(json).document
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { ok: false, nsid: null, problems: error.message.split('\n'), samples: [] }
  }
  const nsid = document.id
  if (nsid !== COLLECTION || document.defs['main']?.type !== 'record') {
    const problems = [nsid === COLLECTION ? 'main is not a record' : `this is ${nsid}, not ${COLLECTION}`]
    return { ok: false, nsid, problems, samples: [] }
  }
  // The library writes full names into the references of what it is given.
  const lexicons = new Lexicons([structuredClone(document)])
  const samples = SAMPLES.map((sample) => judge(lexicons, sample))
  return { ok: samples.every(({ ok }) => ok), nsid, problems: [], samples }
}

function judge(lexicons: Lexicons, { name, record, refusedFor }: Sample): SampleResult {
  const reason = refusal(lexicons, record)
  const ok = refusedFor === null ? reason === null : reason?.includes(refusedFor) === true
  return { name, expected: refusedFor === null ? 'accepted' : 'refused', reason, ok }
}

function refusal(lexicons: Lexicons, record: unknown): string | null {
  try {
    lexicons.assertValidRecord(COLLECTION, record)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** One difference between two documents of the same NSID. */
export interface Change {
  /** The field, as in `text` or `tags[]`; the name of the definition for what belongs to none. */
  readonly path: string
  readonly what: string
  /**
   * Whom it breaks: `records` that were valid before, `readers` that know the document of before and would refuse what is
   * written now, or both; null for nobody.
   */
  readonly breaks: 'records' | 'readers' | 'both' | null
}

type Schema = Readonly<Record<string, unknown>>

/**
 * Every difference that the rules of evolution speak of. "All old data must still be valid under the updated Lexicon, and
 * new data must be valid under the old Lexicon": so a limit may be moved neither way; new fields are optional, fields are
 * not removed or renamed, types stay (https://atproto.com/specs/lexicon#lexicon-evolution).
 */
export function changesBetween(before: LexiconDoc, after: LexiconDoc): Change[] {
  const changes = outside(before, after)
  for (const name of union(before.defs, after.defs)) {
    const [was, is] = [before.defs[name], after.defs[name]]
    if (was && is) changes.push(...compare(name, was, is))
    else changes.push({ path: name, what: was ? 'removed' : 'new', breaks: was ? 'both' : null })
  }
  return changes
}

/** Those of {@link changesBetween} that need a new NSID, or somebody who knows that nobody uses the old document. */
export function breakingChanges(before: LexiconDoc, after: LexiconDoc): Change[] {
  return changesBetween(before, after).filter(({ breaks }) => breaks !== null)
}

/** What publishing would do to what is there. */
export interface Plan {
  /** `change` breaks nobody. */
  readonly action: 'create' | 'nothing' | 'change' | 'breaking'
  readonly changes: readonly Change[]
}

/**
 * What publishing a document would do.
 *
 * @param published what the repo holds under the NSID, whatever that is; null for nothing
 */
export function planOf(published: { readonly cid: string; readonly value: unknown } | null, next: Publication): Plan {
  if (published === null) return { action: 'create', changes: [] }
  if (published.cid === next.cid) return { action: 'nothing', changes: [] }
  let changes: readonly Change[]
  try {
    changes = changesBetween(publicationOf(published.value).document, next.document)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    changes = [{ path: 'document', what: 'what is published is not a lexicon document', breaks: 'both' }]
  }
  return { action: changes.some(({ breaks }) => breaks !== null) ? 'breaking' : 'change', changes }
}

function outside(before: LexiconDoc, after: LexiconDoc): Change[] {
  const [was, is]: [Schema, Schema] = [before, after]
  return union(before, after)
    .filter((key) => key !== 'defs' && !same(was[key], is[key]))
    .map((key) => ({ path: 'document', what: `${key} changed`, breaks: key === 'id' ? 'both' : null }))
}

function compare(path: string, was: Schema, is: Schema): Change[] {
  if (was['type'] !== is['type']) {
    return [{ path, what: `type changed from ${text(was['type'])} to ${text(is['type'])}`, breaks: 'both' }]
  }
  return union(was, is).flatMap((key) => (same(was[key], is[key]) ? [] : compareKey(path, key, was, is)))
}

/** Keys that tell people something and bind nobody. `knownValues` is an open list. */
const HINTS = new Set(['description', 'default', 'knownValues'])
const LEAST_KEYS = new Set(['minLength', 'minGraphemes', 'minimum'])
const MOST_KEYS = new Set(['maxLength', 'maxGraphemes', 'maximum', 'maxSize'])
/** What is not in such a list is refused. */
const CLOSED = new Set(['enum', 'const', 'format', 'accept', 'nullable', 'refs'])

function compareKey(path: string, key: string, was: Schema, is: Schema): Change[] {
  if (HINTS.has(key)) return [{ path, what: `${key} changed`, breaks: null }]
  if (LEAST_KEYS.has(key) || MOST_KEYS.has(key)) return [compareLimit(path, key, was[key], is[key])]
  if (CLOSED.has(key)) return compareList(path, key, was, is)
  if (key === 'required') return compareRequired(path, was, is)
  if (key === 'properties') return compareProperties(path, was, is)
  if (key === 'record' || key === 'items') {
    return compare(key === 'items' ? `${path}[]` : path, was[key] as Schema, is[key] as Schema)
  }
  return [{ path, what: moved(key, was[key], is[key]), breaks: 'both' }]
}

function compareLimit(path: string, key: string, was: unknown, is: unknown): Change {
  const [low, high] = MOST_KEYS.has(key) ? [is, was] : [was, is]
  const isNarrower = is !== undefined && (was === undefined || (low as number) < (high as number))
  return { path, what: moved(key, was, is), breaks: isNarrower ? 'records' : 'readers' }
}

function compareList(path: string, key: string, was: Schema, is: Schema): Change[] {
  const [before, after] = [listOf(was[key]), listOf(is[key])]
  const gone = before?.filter((value) => !after?.includes(value)) ?? []
  const added = after?.filter((value) => !before?.includes(value)) ?? []
  // No list of types that may be null is an empty one; no other list is one that holds everything.
  const isEmpty = key === 'nullable'
  const breaksRecords = isEmpty ? gone.length > 0 : after !== null && (before === null || gone.length > 0)
  const breaksReaders = isEmpty ? added.length > 0 : before !== null && (after === null || added.length > 0)
  // Readers of an open union let pass what they do not know.
  const isOpen = key === 'refs' && was['closed'] !== true
  const breaks = verdict(breaksRecords, breaksReaders && !isOpen)
  if (before === null || after === null) return [{ path, what: moved(key, was[key], is[key]), breaks }]
  const parts = [
    ...(gone.length > 0 ? [`no longer ${gone.map(text).join(', ')}`] : []),
    ...(added.length > 0 ? [`now also ${added.map(text).join(', ')}`] : []),
  ]
  return [{ path, what: `${key}: ${parts.join('; ') || 'in another order'}`, breaks }]
}

function verdict(records: boolean, readers: boolean): Change['breaks'] {
  if (records && readers) return 'both'
  if (records) return 'records'
  return readers ? 'readers' : null
}

/** Only fields that both documents have: those that came or went are told of as such. */
function compareRequired(path: string, was: Schema, is: Schema): Change[] {
  const changes: Change[] = []
  for (const name of Object.keys(propertiesOf(was))) {
    if (!(name in propertiesOf(is))) continue
    const [before, after] = [isRequired(was, name), isRequired(is, name)]
    if (!before && after) changes.push({ path: field(path, name), what: 'newly required', breaks: 'records' })
    if (before && !after) changes.push({ path: field(path, name), what: 'no longer required', breaks: 'readers' })
  }
  return changes
}

function compareProperties(path: string, was: Schema, is: Schema): Change[] {
  const [before, after] = [propertiesOf(was), propertiesOf(is)]
  const gone = Object.keys(before).filter((name) => !(name in after))
  const added = Object.keys(after).filter((name) => !(name in before))
  const renamed = renames(gone, added, before, after)
  const changes = Object.keys(before)
    .filter((name) => name in after)
    .flatMap((name) => compare(field(path, name), before[name]!, after[name]!))
  for (const name of gone) {
    const to = renamed.get(name)
    const wasRequired = isRequired(was, name) ? ' (it was required)' : ''
    const what = to === undefined ? `removed${wasRequired}` : `renamed to ${to}, or replaced by it${wasRequired}`
    changes.push({ path: field(path, name), what, breaks: 'both' })
  }
  for (const name of added) {
    const required = isRequired(is, name)
    changes.push({
      path: field(path, name),
      what: required ? 'new and required' : 'new',
      breaks: required ? 'records' : null,
    })
  }
  return changes
}

/** A field that went and one that came look like a rename when they, and no others, are defined alike. */
function renames(
  gone: readonly string[],
  added: readonly string[],
  before: Readonly<Record<string, Schema>>,
  after: Readonly<Record<string, Schema>>,
): Map<string, string> {
  const found = new Map<string, string>()
  for (const name of gone) {
    const shape = shapeOf(before[name]!)
    const likewise = gone.filter((other) => shapeOf(before[other]!) === shape)
    const [to, ...more] = added.filter((other) => shapeOf(after[other]!) === shape)
    if (to !== undefined && more.length === 0 && likewise.length === 1) found.set(name, to)
  }
  return found
}

function shapeOf(schema: Schema): string {
  return canonical({ ...schema, description: undefined })
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema['properties'] ?? {}) as Record<string, Schema>
}

function isRequired(schema: Schema, name: string): boolean {
  return ((schema['required'] ?? []) as readonly string[]).includes(name)
}

/** Fields of a record are called by their own name, which is how people know them. */
function field(path: string, name: string): string {
  return path === 'main' ? name : `${path}.${name}`
}

function moved(key: string, was: unknown, is: unknown): string {
  if (was === undefined) return `${key} ${text(is)} is new`
  return is === undefined ? `${key} ${text(was)} is gone` : `${key} changed from ${text(was)} to ${text(is)}`
}

function listOf(value: unknown): readonly unknown[] | null {
  if (value === undefined) return null
  return Array.isArray(value) ? value : [value]
}

function union(...objects: readonly object[]): string[] {
  return [...new Set(objects.flatMap((object) => Object.keys(object)))]
}

function same(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other)
}

/** JSON with sorted keys; the order of fields says nothing. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
        : part,
    ) ?? ''
  )
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : canonical(value)
}
