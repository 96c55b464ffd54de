/** Reading long lists of the store page by page: the one loop for all of them. */

import { chunks } from '../domain/chunks.ts'
import type { Mood } from '../domain/mood.ts'
import type { ArchiveItems, ArchiveKind } from '../ports/archive.ts'
import type { StoredAudit, Store } from '../ports/store.ts'

/** Most items of a page. */
const PAGE = 500

/** A list that is read in pages. `K` is a position in it: a key, or what else the list is ordered by. */
export interface Paged<T, K> {
  /** Items after a position, in order. */
  readonly read: (after: K) => Promise<readonly T[]>
  readonly positionOf: (item: T) => K
  /** Where to begin: before the first item, or after the last one that was seen. */
  readonly after: K
  /** A page with fewer items is known to be the last; without it, only an empty page is. */
  readonly pageSize?: number
  /** Ends the reading between two pages. */
  readonly stop?: AbortSignal
}

/** The pages of a list; never an empty one. */
export async function* pagesOf<T, K>({
  read,
  positionOf,
  after,
  pageSize = 1,
  stop,
}: Paged<T, K>): AsyncGenerator<readonly T[]> {
  for (let position = after; ;) {
    if (stop?.aborted) return
    const page = await read(position)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    if (page.length < pageSize) return
    position = positionOf(last)
  }
}

/** Items of one kind, in the order of their keys. @param after the key to begin after; the first item by default */
export async function* archived<K extends ArchiveKind>(
  { archive }: Pick<Store, 'archive'>,
  kind: K,
  stop?: AbortSignal,
  after = '',
): AsyncGenerator<readonly ArchiveItems[K][]> {
  const read = (key: string) => archive.page(kind, key, PAGE)
  for await (const page of pagesOf({ read, positionOf: ({ key }) => key, after, ...(stop ? { stop } : {}) })) {
    yield page.map(({ item }) => item)
  }
}

/** All moods of a user, deleted ones too. */
export function histories({ moods }: Pick<Store, 'moods'>, user: string): AsyncGenerator<readonly Mood[]> {
  const read = (after: string) => moods.history(user, after, PAGE)
  return pagesOf({ read, positionOf: ({ id }) => id, after: '', pageSize: PAGE })
}

/** All moods of a user, by id. */
export async function historyOf(store: Pick<Store, 'moods'>, user: string): Promise<Map<string, Mood>> {
  const all = new Map<string, Mood>()
  for await (const page of histories(store, user)) {
    for (const mood of page) all.set(mood.id, mood)
  }
  return all
}

/** Users who have moods, in order. Moods of an existing database may have an empty author: `''`. */
export function authors({ moods }: Pick<Store, 'moods'>, stop?: AbortSignal): AsyncGenerator<readonly string[]> {
  const read = (after: string) => moods.authors(after, PAGE)
  return pagesOf({ read, positionOf: (user) => user, after: '', ...(stop ? { stop } : {}) })
}

/** The last audit of each repo, in the order of their users. */
export function storedAudits({ audits }: Pick<Store, 'audits'>): AsyncGenerator<readonly StoredAudit[]> {
  return pagesOf({ read: (after) => audits.page(after, PAGE), positionOf: ({ user }) => user, after: '' })
}

/** How many there are of each of these users, asked for page by page; users who have none are left out. */
export async function countsOf(
  users: readonly string[],
  ask: (page: readonly string[]) => Promise<ReadonlyMap<string, number>>,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const page of chunks(users, PAGE)) {
    for (const [user, n] of await ask(page)) counts.set(user, n)
  }
  return counts
}
