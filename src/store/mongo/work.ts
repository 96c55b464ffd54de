/** Moods in MongoDB, as work for the engine. */

import type { Collection, Filter } from 'mongodb'
import { isDeepStrictEqual } from 'node:util'
import { FURTHEST } from '../../domain/furthest.ts'
import type { Mood } from '../../domain/mood.ts'
import { isOdd } from '../../domain/odd.ts'
import { type HoldReason, noMoods, withoutHidden } from '../../domain/sync.ts'
import { isKeyOf } from '../../domain/tally.ts'
import type { MoodCounts, Settlement, WorkStore } from '../../ports/store.ts'
import { isOfDocument } from './errors.ts'
import type { Indexes } from './indexes.ts'
import { atVersion, type MoodDocument, syncFields } from './documents.ts'
import { afterId, documentId } from './ids.ts'
import { goodMoods, type MoodSource, type PageQuery, readAll } from './reading.ts'

export class MongoWork implements WorkStore {
  readonly #source: MoodSource
  readonly #moods: Collection<MoodDocument>
  readonly #indexes: Pick<Indexes, 'hint'>

  constructor(source: MoodSource, indexes: Pick<Indexes, 'hint'>) {
    this.#source = source
    this.#moods = source.moods
    this.#indexes = indexes
  }

  async due(user: string, now: number, limit: number): Promise<readonly Mood[]> {
    const isDue = { 'atproto.dueAt': { $lte: new Date(now) } }
    const isVoid = { 'atproto.dueAt': { $gt: new Date(now + FURTHEST.moodDue) } }
    const filter = { 'atproto.state': 'pending' as const, user, $or: [isDue, isVoid] }
    return this.#page({ filter, sort: { 'atproto.dueAt': 1 }, limit })
  }

  async nextDue(user: string): Promise<number | null> {
    const filter = { 'atproto.state': 'pending' as const, user }
    const [next] = await this.#page({ filter, sort: { 'atproto.dueAt': 1 }, limit: 1 })
    return next?.sync.dueAt ?? null
  }

  async settle(settlements: readonly Settlement[], now: number): Promise<ReadonlySet<string>> {
    if (settlements.length === 0) return new Set()
    const updates = settlements.map(({ id, version, next }) => ({
      updateOne: { filter: atVersion(id, version), update: { $set: syncFields(next, version + 1, now) } },
    }))
    const matchedCount = await this.#moods.bulkWrite(updates, { ordered: false }).then(
      (result) => result.matchedCount,
      (error: unknown) => {
        if (isOfDocument(error)) return 0
        throw error
      },
    )
    if (matchedCount === settlements.length) return new Set(settlements.map(({ id }) => id))
    return this.#kept(settlements)
  }

  /** The server counts what it changed and does not name it, so the documents are read and compared. */
  async #kept(settlements: readonly Settlement[]): Promise<ReadonlySet<string>> {
    const ids = settlements.map(({ id }) => documentId(id))
    const found = await readAll(this.#source, await this.#moods.find({ _id: { $in: ids } }).toArray())
    const now = new Map(found.flatMap((reading) => (isOdd(reading) ? [] : [[reading.mood.id, reading.mood]])))
    const kept = settlements.filter(({ id, version, next }) => {
      const mood = now.get(id)
      return mood?.version === version + 1 && isDeepStrictEqual(mood.sync, { ...next })
    })
    return new Set(kept.map(({ id }) => id))
  }

  held(user: string, hold: HoldReason, after: string, limit: number): Promise<readonly Mood[]> {
    return this.#byId({ 'atproto.state': 'local', 'atproto.hold': hold, user }, after, limit)
  }

  rejected(code: string | null, after: string, limit: number): Promise<readonly Mood[]> {
    const reason = code === null ? {} : { 'atproto.error.code': code }
    return this.#byId({ 'atproto.state': 'rejected', ...reason }, after, limit)
  }

  #byId(filter: Filter<MoodDocument>, after: string, limit: number): Promise<readonly Mood[]> {
    return this.#page({ filter: { ...filter, ...afterId(after) }, sort: { _id: 1 }, limit })
  }

  async #page(query: PageQuery): Promise<readonly Mood[]> {
    return (await goodMoods(this.#source, query)).map(({ mood }) => mood)
  }

  oldestPending(limit: number): Promise<readonly Mood[]> {
    const sort = { 'atproto.dueAt': 1, _id: 1 } as const
    return this.#page({ filter: { 'atproto.state': 'pending' }, sort, limit })
  }

  async count(): Promise<MoodCounts> {
    const { states, held } = noMoods()
    const byState = this.#moods.aggregate<{ _id: { state?: unknown; hold?: unknown }; n: number }>(
      [{ $group: { _id: { state: '$atproto.state', hold: '$atproto.hold' }, n: { $sum: 1 } } }],
      this.#indexes.hint('moods_by_state_and_hold'),
    )
    for await (const { _id, n } of byState) {
      // Those that the engine has never written wait for a backfill. An index has null for what is not there.
      const state = _id.state ?? 'local'
      const hold = _id.state === undefined || _id.state === null ? 'backfill' : _id.hold
      // What is no state at all is odd, and none of these.
      if (isKeyOf(states, state)) states[state] += n
      if (isKeyOf(states, state) && isKeyOf(held, hold)) held[hold] += n
    }
    const rejected: Record<string, number> = {}
    const byCode = this.#moods.aggregate<{ _id: unknown; n: number }>(
      [{ $match: { 'atproto.state': 'rejected' } }, { $group: { _id: '$atproto.error.code', n: { $sum: 1 } } }],
      this.#indexes.hint('moods_rejected'),
    )
    for await (const { _id, n } of byCode) if (typeof _id === 'string') rejected[_id] = n
    const deleted = await this.#moods.countDocuments({ deleted: true }, this.#indexes.hint('moods_public'))
    return { states, deleted, held: withoutHidden(held, await this.#hiddenHistory()), rejected }
  }

  /** History that is counted as waiting for a backfill, and is private, or deleted: few, and found by an index. */
  async #hiddenHistory(): Promise<{ readonly private: number; readonly deleted: number }> {
    const untouched = { $or: [{ 'atproto.state': null }, { 'atproto.hold': 'backfill' }] }
    const no = [false, null]
    const count = (flags: Filter<MoodDocument>): Promise<number> =>
      this.#moods.countDocuments({ ...flags, ...untouched }, this.#indexes.hint('moods_public'))
    return {
      private: await count({ isPrivate: true, deleted: { $in: [true, ...no] } }),
      deleted: await count({ deleted: true, isPrivate: { $in: no } }),
    }
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
