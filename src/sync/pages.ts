/** Reading long lists of the store page by page: the one loop for all of them. */

import { isDeepStrictEqual } from 'node:util'
import type { Mood } from '../domain/mood.ts'
import type { MoodPosition, Store } from '../ports/store.ts'

/** Most moods of a page. */
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

/** The pages of a list; never an empty one. @throws Error when a page ends where it began: the list would never end */
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
    const next = positionOf(last)
    if (isDeepStrictEqual(next, position)) throw new Error('a list of the store does not get any further')
    position = next
  }
}

function moodPosition({ id, when, ordinal }: Mood): MoodPosition {
  return { id, when, ordinal }
}

/** All moods of a user, deleted ones too. */
export function histories({ moods }: Pick<Store, 'moods'>, user: string): AsyncGenerator<readonly Mood[]> {
  const read = (after: MoodPosition | null) => moods.history(user, after, PAGE)
  return pagesOf({ read, positionOf: moodPosition, after: null, pageSize: PAGE })
}

/** All moods of a user, by id. */
export async function historyOf(store: Pick<Store, 'moods'>, user: string): Promise<Map<string, Mood>> {
  const all = new Map<string, Mood>()
  for await (const page of histories(store, user)) {
    for (const mood of page) all.set(mood.id, mood)
  }
  return all
}
