/** The indexes, by name. Every start lists what is there, and makes those that are missing. */

import { isDeepStrictEqual } from 'node:util'
import type { Collection, Db, Document, IndexDescription, IndexDescriptionInfo } from 'mongodb'
import { DomainError } from '../../domain/errors.ts'
import { COLLECTIONS } from './collections.ts'
import { isForbidden } from './forbidden.ts'

/**
 * What a unique index is about: without it, two documents that hold nothing, or nothing of that type, would be alike, and the
 * index could not be made on a database that has them. (`$type` would say the same, but no query is seen to imply it.)
 */
const TEXT = { $gt: '' } as const
const A_NUMBER = { $gt: 0, $lt: Number.MAX_SAFE_INTEGER } as const

const HANDLES = 'handles_of_users'
const SHARED_HANDLES = 'handles_shared'
const [NUMBERED, KEYED] = ['moods_numbered', 'moods_keyed']

interface Index extends Pick<IndexDescription, 'key' | 'unique' | 'partialFilterExpression'> {
  readonly name: string
  /**
   * The fields of the index of this name where a document holds lists in two of its own, which no index can: enough for correct
   * answers, if not for fast ones. Null for none, where another index does that.
   */
  readonly instead?: Index['key'] | null
  /** For a unique one: made where documents of an existing database are alike. Without it, such a database is refused. */
  readonly ifAlike?: Pick<Index, 'name' | 'key' | 'partialFilterExpression'>
  /** Beside {@link ifAlike}: name of the same unique index, of what is changed from then on. */
  readonly since?: string
}

const IS_NUMBERED = { 'atproto.ordinal': A_NUMBER } as const
// Only of documents that the engine has written: what was there before may hold anything.
const IS_KEYED = { 'atproto.state': TEXT, 'atproto.rkey': TEXT } as const

const INDEXES: Readonly<Record<string, readonly Index[]>> = {
  [COLLECTIONS.moods]: [
    {
      name: NUMBERED,
      key: { user: 1, 'atproto.ordinal': -1 },
      unique: true,
      partialFilterExpression: IS_NUMBERED,
      ifAlike: {
        name: 'moods_numbered_shared',
        key: { user: 1, 'atproto.ordinal': -1, _id: 1 },
        partialFilterExpression: IS_NUMBERED,
      },
      since: 'moods_numbered_since',
    },
    {
      name: KEYED,
      key: { user: 1, 'atproto.rkey': 1 },
      unique: true,
      partialFilterExpression: IS_KEYED,
      ifAlike: {
        name: 'moods_keyed_shared',
        key: { user: 1, 'atproto.rkey': 1, _id: 1 },
        partialFilterExpression: IS_KEYED,
      },
      since: 'moods_keyed_since',
    },
    {
      name: 'moods_public',
      key: { deleted: 1, isPrivate: 1, when: -1, _id: -1 },
      instead: { when: -1, _id: -1 },
    },
    { name: 'moods_of_user', key: { user: 1, when: -1, _id: -1 }, instead: null },
    { name: 'moods_history', key: { user: 1, _id: 1 } },
    {
      name: 'moods_due',
      key: { user: 1, 'atproto.dueAt': 1 },
      instead: null,
      partialFilterExpression: { 'atproto.state': 'pending' },
    },
    {
      name: 'moods_waiting',
      key: { 'atproto.dueAt': 1, _id: 1 },
      partialFilterExpression: { 'atproto.state': 'pending' },
    },
    {
      name: 'moods_held',
      key: { 'atproto.hold': 1, user: 1, _id: 1 },
      instead: null,
      partialFilterExpression: { 'atproto.state': 'local' },
    },
    {
      name: 'moods_rejected',
      key: { 'atproto.error.code': 1 },
      partialFilterExpression: { 'atproto.state': 'rejected' },
    },
    {
      name: 'moods_rejected_by_id',
      key: { 'atproto.state': 1, _id: 1 },
      partialFilterExpression: { 'atproto.state': 'rejected' },
    },
    {
      name: 'moods_by_state_and_hold',
      key: { 'atproto.state': 1, 'atproto.hold': 1 },
      instead: { 'atproto.state': 1 },
    },
    {
      name: 'moods_by_change',
      key: { 'atproto.changedAt': 1, _id: 1 },
      partialFilterExpression: { 'atproto.changedAt': { $exists: true } },
    },
  ],
  [COLLECTIONS.handles]: [
    {
      name: HANDLES,
      key: { handle: 1 },
      unique: true,
      partialFilterExpression: { handle: TEXT },
      ifAlike: { name: SHARED_HANDLES, key: { handle: 1 } },
    },
  ],
  [COLLECTIONS.users]: [
    { name: 'users_by_did', key: { 'atproto.did': 1 } },
    {
      name: 'users_by_state',
      key: { 'atproto.state': 1, _id: 1 },
      partialFilterExpression: { 'atproto.state': { $exists: true } },
    },
    {
      name: 'users_to_requeue',
      key: { 'atproto.requeue': 1, _id: 1 },
      partialFilterExpression: { 'atproto.requeue': true },
    },
    {
      name: 'users_sealed',
      key: { 'atproto.sealed': 1 },
      partialFilterExpression: { 'atproto.sealed': { $exists: true } },
    },
  ],
  [COLLECTIONS.repos]: [{ name: 'repos_due', key: { dueAt: 1, leaseUntil: 1 }, instead: { dueAt: 1 } }],
  [COLLECTIONS.sightings]: [
    { name: 'sightings_of_user', key: { user: 1 } },
    { name: 'sightings_due', key: { relay: 1, dueAt: 1 }, instead: { dueAt: 1 } },
    { name: 'sightings_by_standing', key: { relay: 1, standing: 1 }, instead: { standing: 1 } },
  ],
  [COLLECTIONS.erasures]: [
    {
      name: 'erasures_by_user',
      key: { user: 1 },
      unique: true,
      partialFilterExpression: { user: { $exists: true } },
    },
    {
      name: 'erasures_open',
      key: { requestedAt: 1, _id: 1 },
      partialFilterExpression: { user: { $exists: true } },
    },
  ],
}

/** The fields of an index of ours, or of the one that every collection has; none for any other name. */
export function keyOfIndex(name: string): Readonly<Record<string, unknown>> {
  if (name === '_id_') return { _id: 1 }
  const all = Object.values(INDEXES).flat()
  const index = all.find((known) => known.name === name || known.since === name)
  return (index?.key as Readonly<Record<string, unknown>> | undefined) ?? {}
}

/** Indexes of earlier versions, whose place others have taken. */
const RETIRED: Readonly<Record<string, readonly string[]>> = {
  [COLLECTIONS.moods]: ['moods_by_ordinal', 'moods_by_rkey', 'moods_parked'],
  [COLLECTIONS.handles]: ['handles_by_handle'],
}

/** What there is, and what the data and the rights of the user have allowed. */
export interface Indexes {
  /** Whether no two users have the same handle, now or later. */
  readonly areHandlesUnique: boolean
  /** Whether no two moods of a user have the same number or record key, now or later. */
  readonly areMoodsUnique: boolean
  /** What to say to the server so that it counts along an index: nothing where the index is not there. */
  readonly hint: (name: string) => { readonly hint?: string }
  /** Those that are missing because the user may not make them, or left because the user may not drop them. */
  readonly refused: readonly string[]
}

/**
 * Makes the indexes that are missing, and drops those that others have replaced.
 *
 * @param mayMake false for a user who may only read: the indexes are only looked at
 * @throws DomainError `config` when what is stored does not allow one of them
 */
export async function makeIndexes(db: Db, mayMake: boolean): Promise<Indexes> {
  const there = new Set<string>()
  const refused: string[] = []
  const unique = new Set<string>()
  for (const [name, indexes] of Object.entries(INDEXES)) {
    const collection = db.collection(name)
    const old = RETIRED[name] ?? []
    let { found, made } = await lookAt(collection, indexes, old)
    const missing = indexes.filter((index) => !made.has(index.name))
    if (missing.length > 0) {
      const isDone = mayMake && (await makeThose(collection, missing))
      if (!isDone) refused.push(...missing.filter((index) => !isReplaced(index, found)).map((index) => index.name))
      else ({ found, made } = await lookAt(collection, indexes, old))
    }
    const whole = indexes.filter((index) => made.has(index.name))
    const replaced = whole.flatMap(({ ifAlike, since }) => [ifAlike?.name, since].filter((each) => each !== undefined))
    const retired = [...old, ...replaced].filter((index) => found.has(index))
    refused.push(...(mayMake ? await drop(collection, retired) : retired))
    for (const index of found) there.add(index)
    for (const index of whole) if (index.unique) unique.add(index.name)
  }
  const [areHandlesUnique, areMoodsUnique] = [unique.has(HANDLES), unique.has(NUMBERED) && unique.has(KEYED)]
  return { areHandlesUnique, areMoodsUnique, hint: (name) => (there.has(name) ? { hint: name } : {}), refused }
}

/** Whether something else is there in its place, or need not be, because of what is stored. */
function isReplaced({ name, instead, ifAlike }: Index, found: ReadonlySet<string>): boolean {
  return instead === null || found.has(name) || (ifAlike !== undefined && found.has(ifAlike.name))
}

/** Code of the server for a collection that is not there. */
const NO_COLLECTION = 26

/**
 * Names of all indexes that a collection has, and of those of ours that are as they are described, or as good.
 *
 * @param old names of those that do not count: they are going to be dropped
 */
async function lookAt(collection: Collection, indexes: readonly Index[], old: readonly string[]) {
  const all = await listOf(collection)
  const kept = all.filter(({ name }) => name === undefined || !old.includes(name))
  const made = indexes.filter((index) => kept.some((known) => isSame(known, index) || covers(known, index)))
  return {
    found: new Set(all.flatMap(({ name }) => name ?? [])),
    made: new Set(made.map(({ name }) => name)),
  }
}

/** The indexes that are ready. One that another process is making is waited for by making it as well. */
async function listOf(collection: Collection): Promise<IndexDescriptionInfo[]> {
  try {
    const { cursor } = await collection.db.command({ listIndexes: collection.collectionName, includeBuildUUIDs: true })
    return (cursor as { firstBatch: IndexDescriptionInfo[] }).firstBatch.filter((index) => !('buildUUID' in index))
  } catch (error) {
    if (codeOf(error) === NO_COLLECTION || isForbidden(error)) return []
    // Servers that only speak MongoDB's protocol may not know of builds.
    return collection.indexes()
  }
}

/** @returns false where the user may not make them */
async function makeThose(collection: Collection, missing: readonly Index[]): Promise<boolean> {
  try {
    await collection.createIndexes(missing.map(described))
  } catch (error) {
    if (isForbidden(error)) return false
    if (!OF_ONE_INDEX.has(codeOf(error))) throw explained(error)
    // In the order of the list, so that what fails for a reason of its own says so.
    for (const index of missing) await makeOne(collection, index)
  }
  return true
}

/** @returns names of those that the user may not drop */
async function drop(collection: Collection, retired: readonly string[]): Promise<readonly string[]> {
  const kept: string[] = []
  for (const name of retired) {
    try {
      await collection.dropIndex(name)
    } catch (error) {
      // Another process may have dropped it meanwhile.
      if (isForbidden(error)) kept.push(name)
      else if (codeOf(error) !== NO_INDEX) throw error
    }
  }
  return kept
}

const NO_INDEX = 27

function isSame(known: IndexDescriptionInfo, { name, key, unique = false, partialFilterExpression }: Index): boolean {
  return (
    known.name === name &&
    isSameKey(known.key, key) &&
    (known.unique ?? false) === unique &&
    known.sparse !== true &&
    known.collation === undefined &&
    isDeepStrictEqual(known.partialFilterExpression, partialFilterExpression)
  )
}

function described({ name, key, unique, partialFilterExpression }: Index): IndexDescription {
  return { name, key, ...(unique && { unique }), ...(partialFilterExpression && { partialFilterExpression }) }
}

/** Codes: there is an index of the same fields, or of the same name; a document has lists in two fields; two are alike. */
const [SAME_FIELDS, SAME_NAME, PARALLEL_LISTS, ALIKE] = [85, 86, 171, 11000]
const OF_ONE_INDEX = new Set<unknown>([SAME_FIELDS, SAME_NAME, PARALLEL_LISTS, ALIKE])

/** Makes one, or what takes its place where the data does not allow it. */
async function makeOne(collection: Collection, index: Index): Promise<void> {
  const { name, instead, ifAlike, since } = index
  try {
    await collection.createIndexes([described(index)])
  } catch (error) {
    const code = codeOf(error)
    if (code === SAME_FIELDS && (await isCovered(collection, index))) return
    if (code === SAME_NAME && instead && (await hasKey(collection, name, instead))) return
    const other = code === ALIKE ? ifAlike : code === PARALLEL_LISTS && instead ? { name, key: instead } : null
    if (other) await collection.createIndexes([other])
    if (other && since !== undefined) await makeSince(collection, { ...index, name: since })
    if (other) return
    if (code !== PARALLEL_LISTS || instead === undefined) throw explained(error)
  }
}

/**
 * The same index of the documents that are changed from now on: those that are alike stay out of it, since nothing changes
 * them any more but the first of them.
 */
async function makeSince(collection: Collection, index: Index): Promise<void> {
  const { localTime } = await collection.db.command({ hello: 1 })
  const now = localTime as Date
  const known = { 'atproto.changedAt': { $lte: now } }
  const [last] = await collection.find(known).sort({ 'atproto.changedAt': -1 }).limit(1).toArray()
  const changedAt = ((last?.['atproto'] as Document | undefined)?.['changedAt'] as Date | undefined) ?? new Date(0)
  const partialFilterExpression = { ...index.partialFilterExpression, 'atproto.changedAt': { $gt: changedAt } }
  try {
    await collection.createIndexes([described({ ...index, partialFilterExpression })])
  } catch (error) {
    // It is there already, of an earlier moment; or some of the future are alike, which are found when they are read.
    if (!OF_ONE_INDEX.has(codeOf(error))) throw error
  }
}

function isSameKey(one: IndexDescription['key'], other: IndexDescription['key']): boolean {
  return isDeepStrictEqual(Object.entries(one), Object.entries(other))
}

async function hasKey(collection: Collection, wanted: string, key: Index['key']): Promise<boolean> {
  return (await collection.indexes()).some(({ name, key: there }) => name === wanted && isSameKey(there, key))
}

/** An application may have made the same index by itself: it does as well, if it covers all that ours would. */
function covers(
  { key, unique, sparse, partialFilterExpression, collation }: IndexDescriptionInfo,
  index: Index,
): boolean {
  return (
    isSameKey(key, index.key) &&
    (unique === true || index.unique !== true) &&
    sparse !== true &&
    partialFilterExpression === undefined &&
    collation === undefined
  )
}

async function isCovered(collection: Collection, index: Index): Promise<boolean> {
  return (await collection.indexes()).some((known) => covers(known, index))
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

function explained(error: unknown): unknown {
  const code = codeOf(error)
  if (!OF_ONE_INDEX.has(code)) return error
  const why = error instanceof Error ? error.message : String(error)
  return new DomainError('config', `the database does not allow an index that is needed: ${why}`, { cause: error })
}
