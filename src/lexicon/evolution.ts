/** What a change of a lexicon document breaks (https://atproto.com/specs/lexicon#lexicon-evolution). */

import type { LexiconDoc } from '@atproto/lexicon'
import { stringify } from 'safe-stable-stringify'
import { DomainError } from '../domain/errors.ts'
import { type Publication, publicationOf } from './document.ts'

/** One difference between two documents of the same NSID. */
export interface Change {
  /** The field, as in `text` or `tags[]`; the name of the definition for what belongs to none. */
  readonly path: string
  readonly what: string
  /**
   * What it breaks: `records` that were valid before, `readers` that know the old document and would refuse new records, or
   * both; null for neither.
   */
  readonly breaks: 'records' | 'readers' | 'both' | null
}

type Schema = Readonly<Record<string, unknown>>

/**
 * Every difference that matters to the rules of evolution. "All old data must still be valid under the updated Lexicon, and
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

/** The changes that need a new NSID, unless the old document is known to be unused. */
export function breakingChanges(before: LexiconDoc, after: LexiconDoc): Change[] {
  return changesBetween(before, after).filter(({ breaks }) => breaks !== null)
}

/** What publishing would do to what is there. */
export interface Plan {
  /** `change` breaks neither records nor readers. */
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

/** Keys that inform and do not constrain. `knownValues` is an open list. */
const HINTS = new Set(['description', 'default', 'knownValues'])
const LEAST_KEYS = new Set(['minLength', 'minGraphemes', 'minimum'])
const MOST_KEYS = new Set(['maxLength', 'maxGraphemes', 'maximum', 'maxSize'])
/** Values outside such a list are refused. */
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
  // Without `nullable` no field may be null; without any other of these lists, every value is allowed.
  const isEmpty = key === 'nullable'
  const breaksRecords = isEmpty ? gone.length > 0 : after !== null && (before === null || gone.length > 0)
  const breaksReaders = isEmpty ? added.length > 0 : before !== null && (after === null || added.length > 0)
  // Readers of an open union accept types that they do not know.
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

/** Only fields of both documents; new and removed fields are reported as such. */
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

/** A removed and a new field look like a rename when they, and no others, have the same definition. */
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
  return stringify({ ...schema, description: undefined }) ?? ''
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema['properties'] ?? {}) as Record<string, Schema>
}

function isRequired(schema: Schema, name: string): boolean {
  return ((schema['required'] ?? []) as readonly string[]).includes(name)
}

/** Fields of a record go by their own name alone. */
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
  return stringify(one) === stringify(other)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (stringify(value) ?? '')
}
