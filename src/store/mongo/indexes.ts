/** The indexes, by name. Making one that is there already does nothing, so every start makes them all. */

import type { Db, IndexDescription } from 'mongodb'
import { DomainError } from '../../domain/errors.ts'
import { COLLECTIONS } from './collections.ts'

const INDEXES: Readonly<Record<string, readonly IndexDescription[]>> = {
  [COLLECTIONS.moods]: [
    {
      name: 'moods_by_ordinal',
      key: { user: 1, 'atproto.ordinal': -1 },
      unique: true,
      partialFilterExpression: { 'atproto.ordinal': { $exists: true } },
    },
    {
      // Only of documents that the engine has written: what was there before may hold anything.
      name: 'moods_by_rkey',
      key: { user: 1, 'atproto.rkey': 1 },
      unique: true,
      partialFilterExpression: { 'atproto.state': { $exists: true } },
    },
    { name: 'moods_public', key: { deleted: 1, isPrivate: 1, when: -1, _id: -1 } },
    { name: 'moods_of_user', key: { user: 1, when: -1, _id: -1 } },
    { name: 'moods_history', key: { user: 1, _id: 1 } },
    {
      name: 'moods_due',
      key: { user: 1, 'atproto.dueAt': 1 },
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
    { name: 'moods_by_state_and_hold', key: { 'atproto.state': 1, 'atproto.hold': 1 } },
    {
      name: 'moods_by_change',
      key: { 'atproto.changedAt': 1, _id: 1 },
      partialFilterExpression: { 'atproto.changedAt': { $exists: true } },
    },
  ],
  [COLLECTIONS.handles]: [{ name: 'handles_by_handle', key: { handle: 1 }, unique: true }],
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
  [COLLECTIONS.repos]: [{ name: 'repos_due', key: { dueAt: 1, leaseUntil: 1 } }],
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
  const index = Object.values(INDEXES).flatMap((indexes) => indexes.filter((known) => known.name === name))[0]
  return (index?.key as Readonly<Record<string, unknown>> | undefined) ?? {}
}

/** @throws DomainError `config` when what is stored does not allow one of them */
export async function makeIndexes(db: Db): Promise<void> {
  for (const [collection, indexes] of Object.entries(INDEXES)) {
    try {
      await db.collection(collection).createIndexes([...indexes])
    } catch (error) {
      // 11000: two documents that may not be alike are; 85 and 86: an index that is there is of another kind.
      const code: unknown = error instanceof Error && 'code' in error ? error.code : null
      if (code !== 11000 && code !== 85 && code !== 86) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw new DomainError('config', `the database does not allow an index that is needed: ${why}`, { cause: error })
    }
  }
}
