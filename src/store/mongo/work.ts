/** Moods in MongoDB, as work for the engine. */

import type { Collection, Db, Filter } from 'mongodb'
import { isDeepStrictEqual } from 'node:util'
import type { Mood } from '../../domain/mood.ts'
import { type HoldReason, noMoods, type SyncState } from '../../domain/sync.ts'
import type { MoodCounts, Settlement, WorkStore } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import { afterId, atVersion, documentId, type MoodDocument, syncFields, toMood } from './documents.ts'

export class MongoWork implements WorkStore {
  readonly #moods: Collection<MoodDocument>

  constructor(db: Db) {
    this.#moods = db.collection<MoodDocument>(COLLECTIONS.moods)
  }

  async due(user: string, now: number, limit: number): Promise<readonly Mood[]> {
    const filter = { 'atproto.state': 'pending' as const, user, 'atproto.dueAt': { $lte: new Date(now) } }
    const found = await this.#moods.find(filter).sort({ 'atproto.dueAt': 1 }).limit(limit).toArray()
    return found.map(toMood)
  }

  async nextDue(user: string): Promise<number | null> {
    const filter = { 'atproto.state': 'pending' as const, user }
    const next = await this.#moods.findOne(filter, { sort: { 'atproto.dueAt': 1 } })
    return next && toMood(next).sync.dueAt
  }

  async settle(settlements: readonly Settlement[], now: number): Promise<ReadonlySet<string>> {
    if (settlements.length === 0) return new Set()
    const updates = settlements.map(({ id, version, next }) => ({
      updateOne: { filter: atVersion(id, version), update: { $set: syncFields(next, version + 1, now) } },
    }))
    const { matchedCount } = await this.#moods.bulkWrite(updates, { ordered: false })
    if (matchedCount === settlements.length) return new Set(settlements.map(({ id }) => id))
    return this.#kept(settlements)
  }

  /** The server counts what it changed and does not name it, so the documents are read and compared. */
  async #kept(settlements: readonly Settlement[]): Promise<ReadonlySet<string>> {
    const ids = settlements.map(({ id }) => documentId(id))
    const found = (await this.#moods.find({ _id: { $in: ids } }).toArray()).map(toMood)
    const now = new Map(found.map((mood) => [mood.id, mood]))
    const kept = settlements.filter(({ id, version, next }) => {
      const mood = now.get(id)
      return mood?.version === version + 1 && isDeepStrictEqual(mood.sync, { ...next })
    })
    return new Set(kept.map(({ id }) => id))
  }

  held(user: string, hold: HoldReason, after: string, limit: number): Promise<readonly Mood[]> {
    return this.#page({ 'atproto.state': 'local', 'atproto.hold': hold, user }, after, limit)
  }

  rejected(code: string | null, after: string, limit: number): Promise<readonly Mood[]> {
    const reason = code === null ? {} : { 'atproto.error.code': code }
    return this.#page({ 'atproto.state': 'rejected', ...reason }, after, limit)
  }

  async #page(filter: Filter<MoodDocument>, after: string, limit: number): Promise<readonly Mood[]> {
    const found = await this.#moods.find({ ...filter, ...afterId(after) }, { sort: { _id: 1 }, limit }).toArray()
    return found.map(toMood)
  }

  async oldestPending(): Promise<Mood | null> {
    const sort = { 'atproto.dueAt': 1, _id: 1 } as const
    const oldest = await this.#moods.findOne({ 'atproto.state': 'pending' }, { sort })
    return oldest && toMood(oldest)
  }

  async count(): Promise<MoodCounts> {
    const { states, held } = noMoods()
    const byState = this.#moods.aggregate<{ _id: { state?: SyncState | null; hold?: HoldReason | null }; n: number }>(
      [
        { $sort: { 'atproto.state': 1, 'atproto.hold': 1 } },
        { $group: { _id: { state: '$atproto.state', hold: '$atproto.hold' }, n: { $sum: 1 } } },
      ],
      { hint: 'moods_by_state_and_hold' },
    )
    for await (const { _id, n } of byState) {
      // Those that the engine has never written wait for a backfill. An index has null for what is not there.
      const state = _id.state ?? null
      const hold = state === null ? 'backfill' : (_id.hold ?? null)
      states[state ?? 'local'] += n
      if (hold !== null) held[hold] += n
    }
    const rejected: Record<string, number> = {}
    const byCode = this.#moods.aggregate<{ _id: string; n: number }>(
      [{ $match: { 'atproto.state': 'rejected' } }, { $group: { _id: '$atproto.error.code', n: { $sum: 1 } } }],
      { hint: 'moods_rejected' },
    )
    for await (const { _id, n } of byCode) rejected[_id] = n
    const deleted = await this.#moods.countDocuments({ deleted: true }, { hint: 'moods_public' })
    return { states, deleted, held, rejected }
  }

  countOf(users: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#countBy({ user: { $in: [...users] } })
  }

  pendingOf(users: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const filter = { 'atproto.state': 'pending' as const, user: { $in: [...users] } }
    return this.#countBy(filter)
  }

  /** How many there are of each user. */
  async #countBy(filter: Filter<MoodDocument>): Promise<ReadonlyMap<string, number>> {
    const groups = this.#moods.aggregate<{ _id: string; n: number }>([
      { $match: filter },
      { $group: { _id: '$user', n: { $sum: 1 } } },
    ])
    return new Map((await groups.toArray()).map(({ _id, n }) => [_id, n]))
  }
}
