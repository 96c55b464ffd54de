/**
 * What mends an odd document: for each field at fault, the value that the reader says was meant. It is all or nothing: a
 * document that would still be odd afterwards is left as it is.
 */

import type { Mood } from './mood.ts'
import { isOdd, isValues, type Meant, type Odd, type StoredDocument, type Values } from './odd.ts'
import { type KindName, KINDS } from './readers.ts'
import { type ReadMood, readMood } from './read-mood.ts'
import { isSynced } from './sync.ts'

/** One field that gets another value. */
export interface Change {
  /** Its path, as in `atproto.dueAt`. */
  readonly field: string
  readonly value: Meant['value']
}

/** An odd document, with how it can be mended whole; null where it cannot. */
export interface FoundOdd extends Odd {
  readonly mending: Mending | null
}

/** How a document is mended. */
interface Mending {
  readonly changes: readonly Change[]
  /** What comes of it, where it is a mood. */
  readonly effect: MendEffect | null
}

/** What becomes of a mood that is mended: what people would be surprised by. */
interface MendEffect {
  /** It is private as long as it is odd, and says that it is not. */
  readonly becomesPublic: boolean
  /** It is deleted as long as it is odd, and says that it is not. */
  readonly returns: boolean
  /** Whether lists will show it: it is neither private nor deleted. */
  readonly shown: boolean
  /**
   * - `backfill`: the engine has not seen it: it is history, and held until an operator publishes that;
   * - `pending`: it is in the engine's queue, which takes it up at once;
   * - `record_left`: it is private or deleted, and its record is said to be published: an audit finds it;
   * - `none`: nothing follows.
   */
  readonly next: 'backfill' | 'pending' | 'record_left' | 'none'
}

/** What comes of a mood when these changes are made. @param mood as it is read after them */
function effectOn({ mood }: ReadMood, changes: readonly Change[]): MendEffect {
  const { isPrivate, deleted } = mood
  const says = (name: string): boolean => changes.some(({ field, value }) => field === name && value === false)
  const isWanted = !isPrivate && deleted === null
  return {
    becomesPublic: says('isPrivate') && isWanted,
    returns: says('deleted') && isWanted,
    shown: isWanted,
    next: nextOf(mood),
  }
}

function nextOf({ isPrivate, deleted, sync }: Mood): MendEffect['next'] {
  if (sync.state === 'pending') return 'pending'
  if (sync.hold === 'backfill') return isPrivate || deleted !== null ? 'none' : 'backfill'
  return isSynced(sync) && (isPrivate || deleted?.records === 'withdraw') ? 'record_left' : 'none'
}

/** An odd document of a kind, with how it can be mended whole; null for one that can be read. */
export function oddityIn(kind: KindName, { id, values }: StoredDocument): FoundOdd | null {
  const oddIn = (next: Values): Odd | null => {
    const reading: object = KINDS[kind].read({ id, values: next })
    return isOdd(reading) ? reading : null
  }
  const odd = oddIn(values)
  if (odd === null) return null
  const result = odd.mendable ? mended(values, oddIn) : null
  if (result === null) return Object.assign(odd, { mending: null })
  const mood = kind === 'moods' ? readMood({ id, values: result.values }) : null
  const effect = mood === null || isOdd(mood) ? null : effectOn(mood, result.changes)
  return Object.assign(odd, { mending: { changes: result.changes, effect } })
}

/** A document has at most so many fields that its reader looks at; more changes than that do not come to an end. */
const MOST_CHANGES = 64

/**
 * @param values as the reader takes them
 * @param oddIn the reader of such documents
 * @returns the changes after which the document can be read, and what it holds then; null where there are none, or where
 *   it can be read already
 */
export function mended(
  values: Values,
  oddIn: (values: Values) => Odd | null,
): { readonly changes: readonly Change[]; readonly values: Values } | null {
  const changes: Change[] = []
  let current = values
  for (let odd = oddIn(current); odd !== null; odd = oddIn(current)) {
    const { field, meant } = odd
    // A field that is at fault again would be so for ever.
    const isAgain = changes.some((change) => change.field === field)
    const next = meant === null || isAgain ? null : withField(current, field.split('.'), meant.value)
    if (next === null || meant === null || changes.length === MOST_CHANGES) return null
    changes.push({ field, value: meant.value })
    current = next
  }
  return changes.length === 0 ? null : { changes, values: current }
}

/** The values with one of them replaced; null where the way to it leads through something that has no fields. */
function withField(values: Values, [name, ...rest]: readonly string[], value: unknown): Values | null {
  if (name === undefined) return null
  if (rest.length === 0) return { ...values, [name]: value }
  const inner = values[name]
  const next = isValues(inner) ? withField(inner, rest, value) : null
  return next && { ...values, [name]: next }
}
