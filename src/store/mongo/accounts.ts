/** Handles and accounts in MongoDB: `@handles` and `users` of an existing database, accounts under `atproto`. */

import type { Filter } from 'mongodb'
import { type Account, type StoredAccountState, STORED_STATES } from '../../domain/account.ts'
import { DomainError } from '../../domain/errors.ts'
import type { AccountCounts, AccountStore } from '../../ports/store.ts'
import {
  ACCOUNT_ONLY,
  accountsIn,
  fieldsOf,
  handlesIn,
  handlesOf,
  sharedHandles,
  type UserCollections,
  type UserDocument,
} from './account-documents.ts'
import { isBlockedByNull, takenKey } from './errors.ts'
import { type Page, pageOf } from './pages.ts'
import { Together } from './together.ts'

const HAS_DID = { 'atproto.did': { $type: 'string' as const } }

/** An account that is added is there at the second look, unless the document refuses it. */
const TRIES = 5

function isSealed({ credentials }: Account): boolean {
  return credentials?.kind === 'sealed'
}

export class MongoAccounts implements AccountStore {
  readonly #collections: UserCollections
  readonly #handlesOf = new Together<readonly string[], ReadonlyMap<string, string>>((lists) =>
    this.#handlesOfAll(lists),
  )

  readonly #byUser = new Together<string, Account | null>((users) => this.#ofEach(users))

  constructor(collections: UserCollections) {
    this.#collections = collections
  }

  get #users() {
    return this.#collections.users
  }

  get #handles() {
    return this.#collections.handles
  }

  async claimHandle(user: string, handle: string): Promise<'claimed' | 'taken' | 'has_other' | 'odd'> {
    try {
      await this.#handles.insertOne({ _id: user, handle })
      return (await this.#isShared(handle)) ? await this.#returned(user, handle) : 'claimed'
    } catch (error) {
      if (takenKey(error) === null) throw error
      const current = await this.#handles.findOne({ _id: user })
      if (current === null) return 'taken'
      const [known] = handlesIn([current])
      if (!known) return 'odd'
      return known.handle === handle ? 'claimed' : 'has_other'
    }
  }

  /** Whether others have the handle too, which only an existing database may have allowed. */
  async #isShared(handle: string): Promise<boolean> {
    return (await sharedHandles(this.#collections, [handle])).has(handle)
  }

  async #returned(user: string, handle: string): Promise<'taken'> {
    await this.#handles.deleteOne({ _id: user, handle })
    return 'taken'
  }

  handlesOf(users: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#handlesOf.ask(users)
  }

  async #handlesOfAll(lists: readonly (readonly string[])[]): Promise<ReadonlyMap<string, string>[]> {
    const found = await handlesOf(this.#collections, [...new Set(lists.flat())])
    return lists.map((users) => new Map(users.flatMap((user) => (found.has(user) ? [[user, found.get(user)!]] : []))))
  }

  async usersOf(handles: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = handlesIn(await this.#handles.find({ handle: { $in: [...handles] } }).toArray())
    // One that several users have names none of them.
    const users = Map.groupBy(found, ({ handle }) => handle)
    return new Map([...users].flatMap(([handle, [one, ...others]]) => (others.length > 0 ? [] : [[handle, one!.user]])))
  }

  byUser(user: string): Promise<Account | null> {
    return this.#byUser.ask(user)
  }

  async #ofEach(users: readonly string[]): Promise<(Account | null)[]> {
    const documents = await this.#users.find({ _id: { $in: [...users] } }, { projection: ACCOUNT_ONLY }).toArray()
    const accounts = await accountsIn(this.#collections, documents)
    const byUser = new Map(documents.map(({ _id }, i) => [_id, accounts[i]!]))
    return users.map((user) => byUser.get(user) ?? null)
  }

  async byDid(did: string): Promise<Account | null> {
    // A list of DIDs is found by each of them, and is nobody's.
    const filter: Filter<UserDocument> = { 'atproto.did': { $eq: did, $not: { $type: 'array' } } }
    return (await this.#page({ filter, sort: { _id: 1 }, limit: 1 }))[0] ?? null
  }

  sealed(limit: number): Promise<readonly Account[]> {
    return this.#page({ filter: { 'atproto.sealed': { $exists: true } }, sort: {}, limit }, isSealed)
  }

  /** Accounts of a page of users. */
  #page(page: Page<UserDocument>, isMeant: (account: Account) => boolean = () => true): Promise<Account[]> {
    return pageOf(this.#users, { ...page, projection: ACCOUNT_ONLY }, async (documents) => {
      return (await accountsIn(this.#collections, documents)).map((account) =>
        account && isMeant(account) ? account : null,
      )
    })
  }

  async add(account: Account): Promise<Account> {
    const { user } = account
    const none = { _id: user, 'atproto.did': null, 'atproto.state': null }
    for (let i = 0; i < TRIES; i++) {
      const current = await this.byUser(user)
      if (current) return current
      try {
        await this.#users.updateOne(none, fieldsOf(account, account.version), { upsert: true })
      } catch (error) {
        if (isBlockedByNull(error)) {
          await this.#users.updateOne({ _id: user, atproto: { $type: 'null' } }, { $unset: { atproto: '' } })
          continue
        }
        if (takenKey(error) === null) throw error
      }
    }
    throw new DomainError('unavailable', 'the document of this user takes no account')
  }

  async save(account: Account): Promise<Account | null> {
    const { user, version, odd } = account
    if (odd) return null
    const { matchedCount } = await this.#users.updateOne(
      { _id: user, 'atproto.version': version === 0 ? null : version },
      fieldsOf(account, version + 1),
    )
    return matchedCount === 1 ? { ...account, version: version + 1 } : null
  }

  async forget(user: string): Promise<void> {
    await this.#users.deleteOne({ _id: user })
    await this.#handles.deleteOne({ _id: user })
  }

  async needingAttention(code: string | null, after: string, limit: number): Promise<readonly Account[]> {
    const filter: Filter<UserDocument> = {
      'atproto.state': 'needs_attention',
      _id: { $gt: after },
      ...(code === null ? {} : { 'atproto.error.code': code }),
    }
    return this.#page({ filter, sort: { _id: 1 }, limit }, ({ state }) => state === 'needs_attention')
  }

  async count(): Promise<AccountCounts> {
    const states = Object.fromEntries(STORED_STATES.map((state) => [state, 0])) as Record<StoredAccountState, number>
    for (const state of ['pending', 'needs_attention'] as const) {
      states[state] = await this.#users.countDocuments({ 'atproto.state': state })
    }
    // Accounts of an existing database have a DID and no state.
    states.ready = await this.#users.countDocuments({ ...HAS_DID, 'atproto.state': { $in: ['ready', null] } })
    const attention: Record<string, number> = {}
    const byCode = this.#users.aggregate<{ _id: unknown; n: number }>([
      { $match: { 'atproto.state': 'needs_attention' } },
      { $group: { _id: '$atproto.error.code', n: { $sum: 1 } } },
    ])
    for await (const { _id, n } of byCode) if (typeof _id === 'string') attention[_id] = n
    return { states, attention }
  }
}
