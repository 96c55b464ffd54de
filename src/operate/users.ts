/** Everybody whom the store knows: by a handle, an account, or a mood. */

import type { Account } from '../domain/account.ts'
import type { Mood } from '../domain/mood.ts'
import type { Store } from '../ports/store.ts'
import type { ArchiveItems, ArchiveKind } from '../ports/archive.ts'

const PAGE = 500

/** Told how far a long reading has come; `total` is 0 where it is not known. */
export type Say = (what: string, done: number, total: number) => void

export interface KnownUser {
  /** The identity provider's `sub`. */
  readonly user: string
  readonly handle: string | null
  readonly account: Account | null
  /** Moods that are not deleted. */
  readonly moods: number
}

/**
 * Items of one kind, page by page.
 *
 * @param stop ends it between two pages
 * @param after where to begin; the first item by default
 */
export async function* pages<K extends ArchiveKind>(
  { archive }: Pick<Store, 'archive'>,
  kind: K,
  stop: AbortSignal,
  after = '',
): AsyncGenerator<readonly ArchiveItems[K][]> {
  for (let key = after; !stop.aborted;) {
    const page = await archive.page(kind, key, PAGE)
    const last = page.at(-1)
    if (!last) return
    yield page.map(({ item }) => item)
    key = last.key
  }
}

/**
 * All users, in the order of their names. Reads every handle, account and mood.
 *
 * @param stop ends it early, with what was found so far
 */
export async function everybody(store: Store, say: Say, stop: AbortSignal): Promise<readonly KnownUser[]> {
  const known = new Map<string, KnownUser>()
  const note = (user: string, more: Partial<KnownUser>): void => {
    // Moods of an existing database may name nobody.
    if (user !== '') known.set(user, { handle: null, account: null, moods: 0, ...known.get(user), user, ...more })
  }
  for await (const page of pages(store, 'handles', stop)) {
    for (const { user, handle } of page) note(user, { handle })
    say('reading handles', known.size, 0)
  }
  for await (const page of pages(store, 'accounts', stop)) {
    for (const account of page) note(account.user, { account })
    say('reading accounts', known.size, 0)
  }
  let done = 0
  for await (const page of authors(store)) {
    for (const user of page) {
      if (stop.aborted) break
      if (user !== '') note(user, { moods: await countMoods(store, user) })
      say('counting moods of authors', ++done, 0)
    }
    if (stop.aborted) break
  }
  return [...known.values()].toSorted((a, b) => (a.user < b.user ? -1 : 1))
}

/** These users. @param users names that `findUser` has found */
export async function someUsers(store: Store, users: readonly string[]): Promise<readonly KnownUser[]> {
  const handles = await store.accounts.handlesOf(users)
  const found: KnownUser[] = []
  for (const user of new Set(users)) {
    const account = await store.accounts.byUser(user)
    found.push({ user, handle: handles.get(user) ?? null, account, moods: await countMoods(store, user) })
  }
  return found
}

async function countMoods(store: Store, user: string): Promise<number> {
  let count = 0
  for await (const page of histories(store, user)) count += page.filter((mood) => mood.deleted === null).length
  return count
}

/** All moods of a user, deleted ones too, page by page. */
export async function* histories({ moods }: Pick<Store, 'moods'>, user: string): AsyncGenerator<readonly Mood[]> {
  for (let after = ''; ;) {
    const page = await moods.history(user, after, PAGE)
    const last = page.at(-1)
    if (last) yield page
    // A page that is not full is the last one.
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

/** Everybody who has moods, in the order of their names, page by page. Moods of an existing database may name nobody: `''`. */
export async function* authors({ moods }: Pick<Store, 'moods'>): AsyncGenerator<readonly string[]> {
  for (let after = ''; ;) {
    const page = await moods.authors(after, PAGE)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = last
  }
}
