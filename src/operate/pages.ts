/** The long lists of the store, page by page. */

import { chunks } from '../domain/chunks.ts'
import type { Erasure } from '../domain/erasure.ts'
import type { ArchiveItems, ArchiveKind } from '../ports/archive.ts'
import type { ErasurePosition, StoredAudit, Store } from '../ports/store.ts'
import { pagesOf } from '../sync/pages.ts'

export { histories, historyOf, pagesOf } from '../sync/pages.ts'

/** Most items of a page. */
const PAGE = 500

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

/** Users who have moods, in order. Moods of an existing database may have an empty author: `''`. */
export function authors({ moods }: Pick<Store, 'moods'>, stop?: AbortSignal): AsyncGenerator<readonly string[]> {
  const read = (after: string) => moods.authors(after, PAGE)
  return pagesOf({ read, positionOf: (user) => user, after: '', ...(stop ? { stop } : {}) })
}

/** The last audit of each repo, in the order of their users. */
export function storedAudits({ audits }: Pick<Store, 'audits'>): AsyncGenerator<readonly StoredAudit[]> {
  return pagesOf({ read: (after) => audits.page(after, PAGE), positionOf: ({ user }) => user, after: '' })
}

/** Erasures that are not finished, the oldest first. @param stop ends it between two pages */
export function openErasures(
  { erasures }: Pick<Store, 'erasures'>,
  stop?: AbortSignal,
): AsyncGenerator<readonly Erasure[]> {
  const read = (after: ErasurePosition | null) => erasures.open(after, PAGE)
  return pagesOf({ read, positionOf: (erasure) => erasure, after: null, pageSize: PAGE, ...(stop ? { stop } : {}) })
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
