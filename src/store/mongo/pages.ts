/** Pages of documents that may hold anything: full while there is something for them, whatever is passed over. */

import type { Collection, Document, Filter, Sort } from 'mongodb'

export interface Page<D extends Document> {
  readonly filter: Filter<D>
  readonly sort: Sort
  readonly limit: number
  readonly projection?: Document
}

/**
 * Up to `limit` of what documents are read to, in order. One request, unless a document among the first `limit` is passed over.
 *
 * @param read gives one value for each document, null for those that are passed over
 */
export async function pageOf<D extends Document, T>(
  collection: Collection<D>,
  { filter, sort, limit, projection = {} }: Page<D>,
  read: (documents: readonly Document[]) => Promise<(T | null)[]> | (T | null)[],
): Promise<T[]> {
  const found: Document[] = await collection.find(filter, { sort, limit, projection }).toArray()
  const all = await read(found)
  const good = all.filter((value) => value !== null)
  if (found.length < limit || good.length === limit) return good
  await using cursor = collection.find(filter, { sort, projection })
  cursor.skip(found.length)
  for await (const document of cursor) {
    if (good.length >= limit) break
    good.push(...(await read([document])).filter((value) => value !== null))
  }
  return good
}
