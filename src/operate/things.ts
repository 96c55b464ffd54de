/** What an operator may have in hand: a handle, a `sub`, a DID, a mood, a record, a receipt, or a name from the log. */

import type { Account } from '../domain/account.ts'
import type { Erasure } from '../domain/erasure.ts'
import { DomainError } from '../domain/errors.ts'
import { isLogId, logId } from '../domain/log-id.ts'
import type { Mood } from '../domain/mood.ts'
import { isOdd, oddText } from '../domain/odd.ts'
import { COLLECTION } from '../domain/record.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { archived, authors, histories } from './pages.ts'
import { didYouMean, isDomainHandle, isKnown, nearUsers, userOfHandle, usersOfDomainHandle } from './users.ts'

export type Thing =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'mood'; readonly mood: Mood }
  /** A record key in a user's repository that is no mood's own. */
  | { readonly kind: 'record'; readonly account: Account; readonly rkey: string }
  | { readonly kind: 'erasure'; readonly erasure: Erasure }

export interface ThingsDeps extends Pick<OperatorDeps, 'store' | 'directory'> {
  /** The PDS that is asked for the DID of a handle in an AT-URI. */
  readonly pdsUrl: string
}

/**
 * Everything of that name, of whatever kind: a `sub` may look like the id of a mood.
 *
 * @param name `@handle`, handle on the PDS, `sub`, DID, id of a mood, AT-URI, receipt, or the 12 hex digits that the log has for a user or an
 *   erasure. For the last, every user and erasure is looked at
 * @param stop ends the search
 * @throws DomainError `usage` when there is nothing of that name, and what a name may be
 */
export async function findThings(
  deps: ThingsDeps,
  name: string,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<readonly Thing[]> {
  const known = await find(deps, name, onProgress, stop)
  const isUnknownHandle = known.length === 0 && isDomainHandle(name)
  const found = isUnknownHandle ? usersOf(await ofDomainHandle(deps, name)) : known
  if (found.length > 0 || stop.aborted) return found
  const [odd] = await deps.store.odd.named([name])
  if (odd)
    throw new DomainError(
      'usage',
      `the mood ${odd.id} cannot be read for certain: ${oddText(odd)}; "moods data check" tells what mends it`,
    )
  const [near = []] = await nearUsers(deps.store, [name])
  throw new DomainError(
    'usage',
    `there is nothing called ${name} here${didYouMean(near)}\n` +
      'give the @handle, handle on the PDS (name.domain), sub or DID of a user, the id of a mood, the AT-URI of a record,' +
      ' the receipt of an erasure,' +
      ' or the 12 hex digits by which a line of the log names a user or an erasure',
  )
}

async function find(deps: ThingsDeps, name: string, onProgress: OnProgress, stop: AbortSignal): Promise<Thing[]> {
  const { store } = deps
  if (name.startsWith('at://')) return ofUri(deps, name)
  if (name.startsWith('did:')) return usersOf([(await store.accounts.byDid(name))?.user ?? null])
  if (name.startsWith('@')) return usersOf([await userOfHandle(store, name)])
  const [isUser, byHandle, mood, erasure] = await Promise.all([
    isKnown(store, name),
    userOfHandle(store, name),
    store.moods.byId(name),
    readableErasure(store, name),
  ])
  return [
    ...usersOf([isUser ? name : null, byHandle]),
    ...(mood ? [{ kind: 'mood', mood } as const] : []),
    ...(erasure ? [{ kind: 'erasure', erasure } as const] : []),
    ...(isLogId(name) ? await ofLogId(deps, name, onProgress, stop) : []),
  ]
}

/** @throws DomainError `usage` for one that cannot be read */
async function readableErasure({ erasures }: ThingsDeps['store'], receipt: string): Promise<Erasure | null> {
  const erasure = await erasures.byReceipt(receipt)
  if (erasure && isOdd(erasure))
    throw new DomainError('usage', `the erasure ${receipt} cannot be read: ${oddText(erasure)}`)
  return erasure
}

function usersOf(users: readonly (string | null)[]): Thing[] {
  return [...new Set(users)].flatMap((user) => (user === null ? [] : [{ kind: 'user', user } as const]))
}

/** @throws DomainError `usage` when it is no AT-URI of a repository or of a mood's record in one */
async function ofUri(deps: ThingsDeps, uri: string): Promise<Thing[]> {
  const { store } = deps
  const [, authority = '', collection, rkey] = /^at:\/\/([^/]+)(?:\/([^/]+)\/([^/]+))?$/.exec(uri) ?? []
  if (authority === '' || (collection !== undefined && collection !== COLLECTION)) {
    throw new DomainError('usage', `${uri} names no mood: that is at://DID/${COLLECTION}/KEY`)
  }
  const [user] = authority.startsWith('did:') ? [] : await ofDomainHandle(deps, authority)
  const account = await (user === undefined ? store.accounts.byDid(authority) : store.accounts.byUser(user))
  if (!account) return []
  if (rkey === undefined) return usersOf([account.user])
  for await (const page of histories(store, account.user)) {
    const mood = page.find(({ sync }) => sync.rkey === rkey)
    if (mood) return [{ kind: 'mood', mood }]
  }
  return [{ kind: 'record', account, rkey }]
}

/**
 * Users with this handle on the PDS: as the PDS says now, else as the store knows.
 *
 * @throws DomainError `unavailable` when the PDS does not tell, and the store does not know
 */
async function ofDomainHandle({ store, directory, pdsUrl }: ThingsDeps, name: string): Promise<readonly string[]> {
  const handle = name.replace(/^@/, '')
  const resolved = await directory.resolveHandle(pdsUrl, handle)
  const account = resolved.kind === 'ok' ? await store.accounts.byDid(resolved.value) : null
  if (account) return [account.user]
  const known = await usersOfDomainHandle(store, handle)
  if (known.length > 0 || resolved.kind === 'ok' || resolved.kind === 'rejected') return known
  throw new DomainError('unavailable', `the PDS does not tell whose handle ${handle} is: give the DID instead`)
}

/** The log names users and erasures by a hash, so all of them have to be tried. */
async function ofLogId({ store }: ThingsDeps, id: string, onProgress: OnProgress, stop: AbortSignal): Promise<Thing[]> {
  const found = new Set<string>()
  const erasures: Erasure[] = []
  let seen = 0
  const look = (users: readonly (string | null)[]): void => {
    for (const user of users) if (user !== null && logId(user) === id) found.add(user)
    onProgress('users and erasures compared with the name in the log', (seen += users.length), 0)
  }
  for await (const page of archived(store, 'handles', stop)) look(page.map(({ user }) => user))
  for await (const page of archived(store, 'accounts', stop)) look(page.map(({ user }) => user))
  for await (const page of authors(store, stop)) look(page)
  for await (const page of archived(store, 'erasures', stop)) {
    look(page.map(({ user }) => user))
    erasures.push(...page.filter(({ receipt }) => logId(receipt) === id))
  }
  return [...usersOf([...found]), ...erasures.map((erasure) => ({ kind: 'erasure', erasure }) as const)]
}
