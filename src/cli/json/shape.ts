/** Pieces of the documents that commands print with `--json`. */

import { type Static, type TProperties, type TSchema, Type } from 'typebox'
import { REASON_CODES } from '../../domain/reasons.ts'
import { CLOSED, oneOf } from '../../http/contract.ts'

/** Nothing is printed that the schema does not name. */
export function closed<P extends TProperties>(properties: P) {
  return Type.Object(properties, CLOSED)
}

export function nullable<T extends TSchema>(type: T) {
  return Type.Union([type, Type.Null()])
}

/** How many of something. */
export const many = Type.Integer({ minimum: 0 })

/** A share, 0 to 1; null where there is nothing to take it of. */
export const share = nullable(Type.Number({ minimum: 0, maximum: 1 }))

/** A point in time, in UTC. */
export const time = Type.String({ pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$` })

/** Counts by names that are not known beforehand, such as the error codes of a PDS. */
export function manyBy(names: string) {
  return Type.Unsafe<Readonly<Partial<Record<string, number>>>>(
    Type.Record(Type.String(), many, { description: `how many, by ${names}` }),
  )
}

/** Counts by names of which each may be missing. */
export function someOf<const N extends string>(names: readonly N[], options: { readonly description?: string } = {}) {
  const properties = Object.fromEntries(names.map((name) => [name, many]))
  return Type.Unsafe<Readonly<Partial<Record<N, number>>>>(Type.Partial(closed(properties), options))
}

/** Counts by all of these names. */
export function eachOf<const N extends string>(names: readonly N[]) {
  const properties = Object.fromEntries(names.map((name) => [name, many]))
  return Type.Unsafe<Readonly<Record<N, number>>>(closed(properties))
}

/** A user of the application, as every document names one. */
export const who = {
  user: Type.String({ description: 'the sub of the sign-in provider' }),
  handle: nullable(Type.String({ description: 'without @' })),
}

/** Why something is as it is, and what to do about it. */
export const reasonFields = {
  code: oneOf(REASON_CODES),
  text: Type.String({ description: 'a clause that can follow "because"' }),
  remedy: Type.String({ description: 'what an operator can do' }),
}

/** Hosts that were given up. */
export const silent = Type.Array(
  closed({
    what: oneOf(['PDS', 'PLC directory']),
    url: Type.String(),
    since: time,
    said: Type.Optional(Type.String({ description: 'what it has said in place of answers' })),
  }),
  {
    description: 'hosts that have not answered, and since when',
  },
)

/** What a task asks of a relay. */
export const relayPlan = nullable(
  closed({
    accountLimit: Type.Integer({
      minimum: 1,
      description: 'how many accounts a relay admits, as RELAY_ACCOUNT_LIMIT says',
    }),
    events: many,
    leastMs: Type.Number({ minimum: 0, description: 'how long they take at least, in milliseconds' }),
    accounts: Type.Integer({ minimum: 0, description: 'accounts on the PDS once the task is done' }),
  }),
)

/** The type of what is printed: nothing in it is changed any more. */
export type Printed<P extends TProperties> = DeepReadonly<Static<ReturnType<typeof Type.Object<P>>>>

type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T
