/** Pages of rows that may hold anything: full while there is something for them, whatever is passed over. */

import type { Statement } from 'better-sqlite3'

/** How much more is read where too much of a page was passed over. */
const GROWTH = 4

/**
 * Up to `limit` of what rows are read to, in order. One query, unless a row among the first `limit` is passed over.
 *
 * @param statement has the parameter `:limit`
 * @param read gives one value for a row, null for one that is passed over
 */
export function pageOf<P extends object, Row, T>(
  statement: Statement<[P & { readonly limit: number }], Row>,
  page: P & { readonly limit: number },
  read: (row: Row) => T | null,
): T[] {
  for (let limit = page.limit; ; limit *= GROWTH) {
    const rows = statement.all({ ...page, limit })
    const good = rows.map(read).filter((value) => value !== null)
    if (good.length >= page.limit || rows.length < limit) return good.slice(0, page.limit)
  }
}
