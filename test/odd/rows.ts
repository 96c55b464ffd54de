/** Files that others have filled: 500 good moods of 25 users, and any number of rows with something odd about them, in every table. */

import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { columnsOf, forced, goodRow, type Row, valuesFor } from '../support/odd-rows.ts'
import { FIRST, goodUser, MOODS_OF_EACH, oddUser, USERS } from './people.ts'

/** A mood as an application brings it along, in one of the forms that are good. */
function goodMood(n: number): Row {
  const shapes: readonly Row[] = [
    {},
    { intensity: 1 + (n % 10) },
    { context: 'a context \uFFFD that its author wrote' },
    { state: 'pending', due_at: FIRST, hold: null },
    { changed_at: 0 },
    { error: 'null' },
    { is_private: 1 },
    { deleted: 1, deleted_by: 'author', deleted_records: 'keep' },
  ]
  return {
    ...goodRow('moods', n),
    user: goodUser(n % USERS),
    ordinal: 1 + Math.floor(n / USERS),
    text: `good ${n}`,
    when_ms: FIRST + n * 60_000,
    hold: 'backfill',
    ...shapes[n % shapes.length],
  }
}

/** Rows whose users have nothing else: an intent or an account of a good user that is odd is that user's to wait for. */
const OF_ODD_USERS = ['handles', 'accounts', 'intents', 'erasures', 'removals', 'audits'] as const
/** Rows that the product makes again, whosever they are. */
const OF_THE_ENGINE = ['repos', 'ledger', 'workers'] as const

const ORDERS = new Set<string>(['intents', 'erasures', 'removals'])

const wild = (type: string): fc.Arbitrary<unknown> =>
  type === 'TEXT'
    ? fc.oneof(fc.constantFrom(...valuesFor(type)), fc.string({ unit: 'binary', maxLength: 40 }), fc.json())
    : fc.oneof(fc.constantFrom(...valuesFor(type)), fc.maxSafeInteger())

/** One or two columns with values that nobody should have written. */
function spoiling(db: Database.Database, table: string): fc.Arbitrary<Row> {
  const columns = columnsOf(db, table).map(({ name, type }) => wild(type).map((value) => [name, value] as const))
  const one = fc.oneof(...columns)
  return fc.array(one, { minLength: 1, maxLength: 2 }).map((pairs) => Object.fromEntries(pairs))
}

/**
 * Fills the tables of a file.
 *
 * @param rows how many odd ones
 * @param seed the same numbers give the same file
 */
export function fillWithRows(db: Database.Database, rows: number, seed: number): void {
  for (let n = 0; n < USERS * MOODS_OF_EACH; n++) forced(db, 'moods', goodMood(n))
  for (let n = 0; n < USERS; n++) forced(db, 'handles', { user: goodUser(n), handle: `person-${n}` })
  const others = [...OF_ODD_USERS, ...OF_THE_ENGINE]
  const each = Math.ceil(rows / 2 / others.length)
  for (const table of others) {
    for (const [n, spoiled] of fc.sample(spoiling(db, table), { numRuns: each, seed }).entries()) {
      const user = table === 'repos' && n % 2 === 0 ? goodUser(n % USERS) : oddUser(n)
      const keyed = { ...goodRow(table, n), ...('user' in goodRow(table, n) ? { user } : {}) }
      // Nobody is asked there.
      const silent = table === 'accounts' ? { pds: 'http://127.0.0.1:9' } : {}
      // An order of a good user is no odd one.
      const owned = ORDERS.has(table) ? { user } : {}
      forced(db, table, { ...keyed, ...silent, ...spoiled, ...owned })
    }
  }
  const first = USERS * MOODS_OF_EACH
  for (const [i, spoiled] of fc
    .sample(spoiling(db, 'moods'), { numRuns: rows - each * others.length, seed })
    .entries()) {
    const n = first + i
    const plain = { ...goodMood(8 * n), ...goodRow('moods', n), text: `odd ${n}`, hold: 'backfill' }
    forced(db, 'moods', { ...plain, user: goodUser(n % USERS), ordinal: n, ...spoiled })
  }
}
