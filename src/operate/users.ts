/** The users that the store knows: by a handle, an account, or a mood. */

import type { Account } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import { Nearest } from '../domain/near.ts'
import { whoIs } from '../domain/user-names.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress } from './deps.ts'
import { archived, authors, histories } from './pages.ts'

export interface KnownUser {
  /** The identity provider's `sub`. */
  readonly user: string
  readonly handle: string | null
  readonly account: Account | null
  /** Moods that are not deleted. */
  readonly moods: number
}

/**
 * All users, in the order of their names. Reads every handle, account and mood.
 *
 * @param stop ends it early, with what was found so far
 */
export async function allUsers(store: Store, onProgress: OnProgress, stop: AbortSignal): Promise<readonly KnownUser[]> {
  const known = new Map<string, KnownUser>()
  const note = (user: string, more: Partial<KnownUser>): void => {
    // Moods of an existing database may have no author.
    if (user !== '') known.set(user, { handle: null, account: null, moods: 0, ...known.get(user), user, ...more })
  }
  for await (const page of archived(store, 'handles', stop)) {
    for (const { user, handle } of page) note(user, { handle })
    onProgress('reading handles', known.size, 0)
  }
  for await (const page of archived(store, 'accounts', stop)) {
    for (const account of page) note(account.user, { account })
    onProgress('reading accounts', known.size, 0)
  }
  let done = 0
  for await (const page of authors(store, stop)) {
    for (const user of page) {
      if (stop.aborted) break
      if (user !== '') note(user, { moods: await countMoods(store, user) })
      onProgress('counting moods of authors', ++done, 0)
    }
  }
  return [...known.values()].toSorted((a, b) => (a.user < b.user ? -1 : 1))
}

/** These users. @param users as {@link findUsers} returns them */
export async function theseUsers(store: Store, users: readonly string[]): Promise<readonly KnownUser[]> {
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

/**
 * The user that is named by `@handle`, a handle on the PDS, a DID or a `sub`. A handle may be written without `@` where no `sub`
 * reads like it; one on the PDS counts where it is that of one user only.
 *
 * @throws DomainError `usage` when there is no such user, with the users whose names are near
 */
export async function findUser(store: Store, name: string): Promise<string> {
  const [user] = await findUsers(store, [name])
  return user!
}

/** The users of these names. @throws DomainError `usage` when there is no user of one of them, as {@link findUser} */
export async function findUsers(store: Store, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map((name) => byName(store, name)))
  const unknown = names.filter((_, i) => found[i] === null)
  if (unknown.length === 0) return found.filter((user) => user !== null)
  throw await noSuchUsers(store, unknown)
}

const WHAT_NAMES_A_USER =
  'a user is @handle, its handle on the PDS (name.domain), a DID, or the sub of the sign-in provider'

/** The error for names that are nobody's, with the users whose names are near. */
async function noSuchUsers(store: Store, names: readonly string[]): Promise<DomainError> {
  const near = await nearUsers(store, names)
  const lines = names.map((name, i) => `there is no user ${name}${didYouMean(near[i]!)}`)
  return new DomainError('usage', [...lines, WHAT_NAMES_A_USER].join('\n'))
}

async function byName(store: Store, name: string): Promise<string | null> {
  if (name.startsWith('did:')) return userOfDid(store, name)
  if (!name.startsWith('@') && (await isKnown(store, name))) return name
  const user = await userOfHandle(store, name)
  if (user !== null || !isDomainHandle(name)) return user
  const [found = null, ...others] = await usersOfDomainHandle(store, name)
  return others.length === 0 ? found : null
}

/** Whether a name may be a handle on a PDS, such as `alice.test`; with or without `@`. */
export function isDomainHandle(name: string): boolean {
  return /^@?[\da-z-]+(\.[\da-z-]+)+$/i.test(name)
}

/** Users whose accounts have this handle on their PDS, as far as the store knows. Reads all accounts. */
export async function usersOfDomainHandle(store: Pick<Store, 'archive'>, name: string): Promise<string[]> {
  const wanted = name.replace(/^@/, '').toLowerCase()
  const users: string[] = []
  for await (const page of archived(store, 'accounts')) {
    users.push(...page.filter(({ pdsHandle }) => pdsHandle?.toLowerCase() === wanted).map(({ user }) => user))
  }
  return users
}

/** @throws DomainError `usage` where it is that of more than one user */
async function userOfDid({ accounts }: Pick<Store, 'accounts'>, did: string): Promise<string | null> {
  const account = await accounts.byDid(did)
  if (account?.odd?.kind === 'shared')
    throw new DomainError('usage', `more than one user has the DID ${did}: name one by the sub`)
  return account?.user ?? null
}

/** The user of a handle, with or without `@`; also of one from an existing database that could not be chosen today. */
export async function userOfHandle({ accounts }: Pick<Store, 'accounts'>, name: string): Promise<string | null> {
  const written = name.replace(/^@/, '')
  const users = await accounts.usersOf([written, written.toLowerCase()])
  return users.get(written) ?? users.get(written.toLowerCase()) ?? null
}

export async function handleOf({ accounts }: Pick<Store, 'accounts'>, user: string): Promise<string | null> {
  return (await accounts.handlesOf([user])).get(user) ?? null
}

/** A question at the end of a sentence, where there is something to ask. */
export function didYouMean(near: readonly string[]): string {
  return near.length === 0 ? '' : `: did you mean ${near.join(', ')}?`
}

/** For each name that is nobody's, the users with handles or subs near it. Reads all handles and accounts. */
export async function nearUsers(store: Store, names: readonly string[]): Promise<readonly (readonly string[])[]> {
  const nearest = names.map((name) => new Nearest(name))
  for await (const page of archived(store, 'handles')) {
    for (const { user, handle } of page) {
      const shown = whoIs(user, handle)
      for (const near of nearest) {
        near.look(handle, shown)
        near.look(user, shown)
      }
    }
  }
  for await (const page of archived(store, 'accounts')) {
    for (const { user, handle, pdsHandle } of page) {
      for (const near of nearest) {
        near.look(user, whoIs(user, handle))
        if (pdsHandle !== null) near.look(pdsHandle, whoIs(user, handle))
      }
    }
  }
  return nearest.map(({ found }) => found)
}

/** Whether there is a handle, an account, an erasure or a mood of this `sub`; a deleted mood will do. */
export async function isKnown({ accounts, erasures, moods, odd }: Store, user: string): Promise<boolean> {
  if ((await accounts.handlesOf([user])).has(user) || (await accounts.byUser(user))) return true
  if ((await erasures.byUser(user)) !== null || (await moods.history(user, null, 1)).length > 0) return true
  return (await odd.of(user)).length > 0
}
