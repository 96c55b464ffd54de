/** Users and their handles as documents: `users` and `@handles` of an existing database, accounts under `atproto`. */

import type { Collection, Db, Document, Filter } from 'mongodb'
import {
  type Account,
  type AccountError,
  type AccountState,
  type FormerAccount,
  sharingAccount,
  unreadableAccount,
} from '../../domain/account.ts'
import { isOdd } from '../../domain/odd.ts'
import { NO_ACCOUNT, readAccount, readHandle, type UserHandle } from '../../domain/read-account.ts'
import { countBy } from '../../domain/tally.ts'
import { COLLECTIONS } from './collections.ts'
import type { Indexes } from './indexes.ts'
import { storedDocument } from './stored.ts'

/** A handle as we write it. What is read may be anything. */
interface HandleDocument {
  readonly _id: string
  readonly handle: string
}

/** An account as we write it. What is read may be anything. */
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
    /** Not there for the first account of a user. */
    readonly former?: readonly FormerAccount[]
    readonly version?: number
  } | null
}

/** All that a reader of accounts looks at. */
export const ACCOUNT_ONLY = { atproto: 1 } as const

export interface UserCollections {
  readonly users: Collection<UserDocument>
  readonly handles: Collection<HandleDocument>
  /** PDS of the accounts whose documents name none. */
  readonly defaultPds: string
  /** Whether no two users can have the same handle. */
  readonly areHandlesUnique: boolean
}

/** @param defaultPds PDS of the accounts whose documents name none */
export function userCollections(db: Db, defaultPds: string, { areHandlesUnique }: Indexes): UserCollections {
  const users = db.collection<UserDocument>(COLLECTIONS.users)
  return { users, handles: db.collection<HandleDocument>(COLLECTIONS.handles), defaultPds, areHandlesUnique }
}

/** The handles that can be read. */
export function handlesIn(documents: readonly Document[]): UserHandle[] {
  return documents.flatMap((document) => {
    const reading = readHandle(storedDocument(document))
    return isOdd(reading) ? [] : [reading]
  })
}

/** Handles of these users, where they have one that can be read, and to themselves. */
export async function handlesOf(collections: UserCollections, users: readonly string[]): Promise<Map<string, string>> {
  if (users.length === 0) return new Map()
  const found = handlesIn(await collections.handles.find({ _id: { $in: [...users] } }).toArray())
  const shared = await sharedHandles(
    collections,
    found.map(({ handle }) => handle),
  )
  return new Map(found.flatMap(({ user, handle }) => (shared.has(handle) ? [] : [[user, handle]])))
}

/** Which of these handles more than one user has. */
export async function sharedHandles(
  { handles, areHandlesUnique }: UserCollections,
  those: readonly string[],
): Promise<ReadonlySet<string>> {
  return areHandlesUnique ? new Set() : inSeveral(handles, 'handle', those)
}

/**
 * The account of each of these documents, in their order; null for a user without one, or whose name cannot be read. One that
 * is odd says so. Two more requests, at the same time: for the handles, and for others who have the same DIDs.
 */
export async function accountsIn(
  collections: UserCollections,
  documents: readonly Document[],
): Promise<(Account | null)[]> {
  const read = documents.map((document) => {
    const stored = storedDocument(document)
    return { user: stored.id.isOdd ? null : stored.id.text, reading: readAccount(stored, collections.defaultPds) }
  })
  const known = read.filter(({ reading }) => reading !== NO_ACCOUNT)
  const dids = known.flatMap(({ reading }) => ('did' in reading && reading.did !== null ? [reading.did] : []))
  const [handles, shared] = await Promise.all([
    handlesOf(
      collections,
      known.flatMap(({ user }) => (user === null ? [] : [user])),
    ),
    sharedDids(collections, dids),
  ])
  return read.map(({ user, reading }) => {
    if (user === null || reading === NO_ACCOUNT || !('mendable' in reading || 'state' in reading)) return null
    const handle = handles.get(user) ?? null
    if (isOdd(reading)) return unreadableAccount(user, handle ?? '', reading)
    const account = Object.assign(reading, { handle: handle ?? reading.pdsHandle?.split('.')[0] ?? '' })
    return account.did !== null && shared.has(account.did) ? sharingAccount(account) : account
  })
}

/** Which of these DIDs more than one user has. The database does not keep them apart: it is not ours alone. */
function sharedDids({ users }: UserCollections, dids: readonly string[]): Promise<ReadonlySet<string>> {
  return inSeveral(users, 'atproto.did', dids)
}

/** Which of these values the field has in more than one document. */
async function inSeveral<D extends Document>(
  collection: Collection<D>,
  field: string,
  values: readonly string[],
): Promise<ReadonlySet<string>> {
  if (values.length === 0) return new Set()
  const filter = { [field]: { $in: [...values] } } as Filter<D>
  const found = await collection
    .aggregate<{ value: unknown }>([{ $match: filter }, { $project: { _id: 0, value: `$${field}` } }])
    .toArray()
  // A list is found by each value in it, and has none of them.
  const counts = countBy(found.flatMap(({ value }) => (typeof value === 'string' ? [value] : [])))
  return new Set(values.filter((value) => (counts[value] ?? 0) > 1))
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
      ...(account.former.length > 0 ? { 'atproto.former': account.former } : {}),
    },
    $unset: Object.fromEntries(gone.map((field) => [field, '' as const])),
  }
}
