/** What a check of all stored documents found, and when the next one is due. Pure. */

import { Fields, isValues, type Odd, ODD_KINDS, OddField, type OddKind, type Values } from './odd.ts'

/** Odd documents that are odd in the same way. */
export interface OddGroup {
  readonly collection: string
  readonly field: string
  readonly kind: OddKind
  readonly documents: number
  /** How many of them can be converted whole. */
  readonly mendable: number
}

/** The result of one check. */
export interface DataCheck {
  /** When it ended, in ms since 1970. */
  readonly at: number
  /** How many documents were read. */
  readonly documents: number
  readonly odd: number
  readonly mendable: number
  /** The most frequent first. */
  readonly groups: readonly OddGroup[]
}

/** Counts what is read, piece by piece. */
export class CheckTally {
  #documents = 0
  readonly #groups = new Map<string, OddGroup>()

  read(documents: number): void {
    this.#documents += documents
  }

  /** @param isMendable whether all that is odd about the document can be converted */
  odd(collection: string, { field, kind }: Odd, isMendable: boolean): void {
    const key = JSON.stringify([collection, field, kind])
    const { documents = 0, mendable = 0 } = this.#groups.get(key) ?? {}
    const counts = { documents: documents + 1, mendable: mendable + (isMendable ? 1 : 0) }
    this.#groups.set(key, { collection, field, kind, ...counts })
  }

  /** @param at when it ended, in ms since 1970 */
  result(at: number): DataCheck {
    const groups = [...this.#groups.values()].toSorted((a, b) => b.documents - a.documents)
    const sum = (of: 'documents' | 'mendable'): number => groups.reduce((total, group) => total + group[of], 0)
    return { at, documents: this.#documents, odd: sum('documents'), mendable: sum('mendable'), groups }
  }
}

const DAY_MS = 24 * 3_600_000

/** Whether a check is due again. One of the future is none: clocks jump. */
export function isCheckDue(last: DataCheck | null, now: number): boolean {
  return last === null || last.at > now || now - last.at >= DAY_MS
}

/** The result as it is stored. @returns null for what is none, as if there had been no check */
export function checkIn(stored: unknown): DataCheck | null {
  if (!isValues(stored)) return null
  try {
    const fields = new Fields(stored)
    const { groups } = stored
    const all = Array.isArray(groups) ? groups.filter(isValues) : []
    return {
      at: count(fields, 'at'),
      documents: count(fields, 'documents'),
      odd: count(fields, 'odd'),
      mendable: count(fields, 'mendable'),
      groups: all.map(groupIn),
    }
  } catch (error) {
    if (!(error instanceof OddField)) throw error
    return null
  }
}

function groupIn(values: Values): OddGroup {
  const fields = new Fields(values)
  return {
    collection: fields.text('collection'),
    field: fields.text('field'),
    kind: fields.wordOrNull('kind', ODD_KINDS) ?? fields.fail('kind', 'missing'),
    documents: count(fields, 'documents'),
    mendable: count(fields, 'mendable'),
  }
}

function count(fields: Fields, name: string): number {
  return fields.wholeOrNull(name, 0, Number.MAX_SAFE_INTEGER) ?? fields.fail(name, 'missing')
}
