/** Handles and accounts in MongoDB: `@handles` and `users` of an existing database, accounts under `atproto`. */

import type { Collection, Db, Filter } from 'mongodb'
import {
  type Account,
  ACCOUNT_STATES,
  type AccountError,
  type AccountState,
  type Credentials,
} from '../../domain/account.ts'
import { isUserName } from '../../domain/odd.ts'
import type { AccountCounts, AccountStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { isBlockedByNull, takenKey } from './errors.ts'

export interface HandleDocument {
  readonly _id: string
  readonly handle: string
}

export interface UserDocument {
  readonly _id: string
  readonly atproto?: {
    readonly did?: string | null
    /** The full handle on the PDS. */
    readonly handle?: string | null
    /** In plain text, as the original keeps it; ours are sealed. */
    readonly password?: string
    readonly sealed?: string
    readonly session?: string | null
    readonly pds?: string | null
    readonly state?: AccountState
    readonly candidate?: number
    readonly requeue?: boolean
    readonly error?: AccountError | null
    readonly version?: number
  } | null
}

const HAS_DID = { 'atproto.did': { $type: 'string' as const } }

export class MongoAccounts implements AccountStore {
  readonly #users: Collection<UserDocument>
  readonly #handles: Collection<HandleDocument>
  readonly #defaultPds: string

  /** @param defaultPds PDS of the accounts whose documents name none */
  constructor(db: Db, defaultPds: string) {
    this.#users = db.collection<UserDocument>(COLLECTIONS.users)
    this.#handles = db.collection<HandleDocument>(COLLECTIONS.handles)
    this.#defaultPds = defaultPds
  }

  async claimHandle(user: string, handle: string): Promise<'claimed' | 'taken' | 'has_other'> {
    try {
      await this.#handles.insertOne({ _id: user, handle })
      return 'claimed'
    } catch (error) {
      if (takenKey(error) === null) throw error
      const current = await this.#handles.findOne({ _id: user })
      if (current?.handle === handle) return 'claimed'
      return current ? 'has_other' : 'taken'
    }
  }

  async handlesOf(users: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = await this.#handles.find({ _id: { $in: [...users] } }).toArray()
    return new Map(found.filter(isHandle).map(({ _id, handle }) => [_id, handle]))
  }

  async usersOf(handles: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = await this.#handles.find({ handle: { $in: [...handles] } }).toArray()
    return new Map(found.filter(isHandle).map(({ _id, handle }) => [handle, _id]))
  }

  byUser(user: string): Promise<Account | null> {
    return this.#one({ _id: user })
  }

  byDid(did: string): Promise<Account | null> {
    return this.#one({ 'atproto.did': did })
  }

  anySealed(): Promise<Account | null> {
    return this.#one({ 'atproto.sealed': { $exists: true } })
  }

  async #one(filter: Filter<UserDocument>): Promise<Account | null> {
    const document = await this.#users.findOne(filter)
    if (!document?.atproto || (!document.atproto.did && !document.atproto.state)) return null
    return this.#toAccount(document, (await this.handlesOf([document._id])).get(document._id) ?? null)
  }

  async add(account: Account): Promise<Account> {
    const { user } = account
    const none = { _id: user, 'atproto.did': null, 'atproto.state': null }
    for (;;) {
      try {
        await this.#users.updateOne(none, fieldsOf(account, account.version), { upsert: true })
      } catch (error) {
        if (isBlockedByNull(error)) {
          await this.#users.updateOne({ _id: user, atproto: { $type: 'null' } }, { $unset: { atproto: '' } })
          continue
        }
        if (takenKey(error) === null) throw error
      }
      return (await this.byUser(user))!
    }
  }

  async save(account: Account): Promise<Account | null> {
    const { user, version } = account
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
    const found = await this.#users.find(filter).sort({ _id: 1 }).limit(limit).toArray()
    const handles = await this.handlesOf(found.map(({ _id }) => _id))
    return found.map((document) => this.#toAccount(document, handles.get(document._id) ?? null))
  }

  async count(): Promise<AccountCounts> {
    const states = Object.fromEntries(ACCOUNT_STATES.map((state) => [state, 0])) as Record<AccountState, number>
    for (const state of ['pending', 'needs_attention'] as const) {
      states[state] = await this.#users.countDocuments({ 'atproto.state': state })
    }
    // Accounts of an existing database have a DID and no state.
    states.ready = await this.#users.countDocuments({ ...HAS_DID, 'atproto.state': { $in: ['ready', null] } })
    const attention: Record<string, number> = {}
    const byCode = this.#users.aggregate<{ _id: string; n: number }>([
      { $match: { 'atproto.state': 'needs_attention' } },
      { $group: { _id: '$atproto.error.code', n: { $sum: 1 } } },
    ])
    for await (const { _id, n } of byCode) attention[_id] = n
    return { states, attention }
  }

  #toAccount(document: UserDocument, handle: string | null): Account {
    return toAccount(document, handle, this.#defaultPds)
  }
}

/** Whether both are text: in an existing database they may be anything. */
export function isHandle({ _id, handle }: { readonly _id: unknown; readonly handle?: unknown }): boolean {
  return isUserName(_id) && isUserName(handle)
}

/** @param defaultPds PDS of the account, if its document names none */
export function toAccount({ _id, atproto }: UserDocument, handle: string | null, defaultPds: string): Account {
  const { did = null, password, sealed } = atproto ?? {}
  const pdsHandle = atproto?.handle ?? null
  return {
    user: _id,
    version: atproto?.version ?? 0,
    state: atproto?.state ?? 'ready',
    handle: handle ?? pdsHandle?.split('.')[0] ?? '',
    pdsHandle,
    candidate: atproto?.candidate ?? 0,
    did,
    pds: atproto?.pds ?? (did === null ? null : defaultPds),
    credentials: toCredentials(sealed, password),
    sealedSession: atproto?.session ?? null,
    requeue: atproto?.requeue ?? false,
    error: atproto?.error ?? null,
  }
}

function toCredentials(sealed: string | undefined, password: string | undefined): Credentials | null {
  if (sealed !== undefined) return { kind: 'sealed', sealed }
  return password === undefined ? null : { kind: 'plain', password }
}

/** What to change in the user's document. A password in plain text keeps its field until it is sealed. */
export function fieldsOf(account: Account, version: number) {
  const { credentials } = account
  const password = credentials?.kind === 'plain' ? { 'atproto.password': credentials.password } : {}
  const sealed = credentials?.kind === 'sealed' ? { 'atproto.sealed': credentials.sealed } : {}
  const kept = { ...password, ...sealed }
  const gone = ['atproto.password', 'atproto.sealed'].filter((field) => !(field in kept))
  return {
    $set: {
      'atproto.did': account.did,
      'atproto.handle': account.pdsHandle,
      'atproto.pds': account.pds,
      'atproto.state': account.state,
      'atproto.candidate': account.candidate,
      'atproto.session': account.sealedSession,
      'atproto.requeue': account.requeue,
      'atproto.error': account.error,
      'atproto.version': version,
      ...kept,
    },
    $unset: Object.fromEntries(gone.map((field) => [field, '' as const])),
  }
}
