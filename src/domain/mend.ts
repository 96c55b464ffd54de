/**
 * What mends an odd document: for each field at fault, the value that the reader says was meant. It is all or nothing: a
 * document that would still be odd afterwards is left as it is.
 */

import { isValues, type Meant, type Odd, type Values } from './odd.ts'

/** One field that gets another value. */
export interface Change {
  /** Its path, as in `atproto.dueAt`. */
  readonly field: string
  readonly value: Meant['value']
}

/** A document has at most so many fields that its reader looks at; more changes than that do not come to an end. */
const MOST_CHANGES = 64

/**
 * @param values as the reader takes them
 * @param oddIn the reader of such documents
 * @returns the changes after which the document can be read; null where there are none, or where it can be read already
 */
export function mending(values: Values, oddIn: (values: Values) => Odd | null): readonly Change[] | null {
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
  return changes.length === 0 ? null : changes
}

/** The values with one of them replaced; null where the way to it leads through something that has no fields. */
function withField(values: Values, [name, ...rest]: readonly string[], value: unknown): Values | null {
  if (name === undefined) return null
  if (rest.length === 0) return { ...values, [name]: value }
  const inner = values[name]
  const next = isValues(inner) ? withField(inner, rest, value) : null
  return next && { ...values, [name]: next }
}
