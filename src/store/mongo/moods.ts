/** Moods in MongoDB, as authors and readers see them. */

import type { Collection, Db, Filter, Sort } from 'mongodb'
import { type Mood, newestFirst } from '../../domain/mood.ts'
import { rkeyFor } from '../../domain/record.ts'
import type { ChangePosition, FeedPosition, FeedQuery, MoodStore, NewMood } from '../../ports/store.ts'
import { COLLECTIONS } from './collections.ts'
import {
  afterId,
  atVersion,
  contentFields,
  documentId,
  type MoodDocument,
  syncFields,
  toDocument,
  toMood,
  UNTOUCHED,
} from './documents.ts'
import { isBlockedByNull, takenKey } from './errors.ts'

const NOT_DELETED = { $in: [false, null] }
const NEWEST_FIRST: Sort = { when: -1, _id: -1 }
const BY_ORDINAL: Sort = { 'atproto.ordinal': -1 }

export class MongoMoods implements MoodStore {
  readonly #moods: Collection<MoodDocument>

  constructor(db: Db) {
    this.#moods = db.collection<MoodDocument>(COLLECTIONS.moods)
  }

  async add(mood: NewMood): Promise<{ mood: Mood; added: boolean }> {
    for (let salt = 0; ;) {
      const last = await this.#lastNumbered(mood.user)
      const latest = last?.deleted === false ? last : await this.#latestUndeleted(mood.user)
      if (latest && mood.repeats(toMood(latest))) return { mood: toMood(latest), added: false }
      const whole = mood.numbered((last?.atproto?.ordinal ?? 0) + 1, salt)
      try {
        await this.#moods.insertOne(toDocument(whole))
        return { mood: whole, added: true }
      } catch (error) {
        const taken = takenKey(error)
        if (taken === 'atproto.rkey') salt++
        // Another post was first: compare with it.
        else if (taken !== 'atproto.ordinal') throw error
      }
    }
  }

  #lastNumbered(user: string): Promise<MoodDocument | null> {
    return this.#moods.findOne({ user, 'atproto.ordinal': { $gt: 0 } }, { sort: BY_ORDINAL })
  }

  /** Moods of an existing database have no numbers, and come before all that have. */
  async #latestUndeleted(user: string): Promise<MoodDocument | null> {
    const numbered = { user, 'atproto.ordinal': { $gt: 0 }, deleted: NOT_DELETED }
    const found = await this.#moods.findOne(numbered, { sort: BY_ORDINAL })
    return found ?? this.#moods.findOne({ user, deleted: NOT_DELETED }, { sort: NEWEST_FIRST })
  }

  async lastOrdinal(user: string): Promise<number> {
    return (await this.#lastNumbered(user))?.atproto?.ordinal ?? 0
  }

  async byId(id: string): Promise<Mood | null> {
    const document = await this.#moods.findOne({ _id: documentId(id) })
    return document && toMood(document)
  }

  async changedAt(id: string): Promise<number | null> {
    const document = await this.#moods.findOne({ _id: documentId(id) }, { projection: { 'atproto.changedAt': 1 } })
    return document?.atproto?.changedAt?.getTime() ?? null
  }

  async feed({ users, viewer, limit, after }: FeedQuery): Promise<readonly Mood[]> {
    const from = after ? before(after) : {}
    const filters: Filter<MoodDocument>[] =
      users === null
        ? [{ ...from, deleted: NOT_DELETED, isPrivate: NOT_DELETED }]
        : Array.from(new Set(users), (user) => ({
            ...from,
            user,
            deleted: NOT_DELETED,
            ...(user === viewer ? {} : { isPrivate: NOT_DELETED }),
          }))
    const pages = await Promise.all(
      filters.map((filter) => this.#moods.find(filter, { sort: NEWEST_FIRST, limit }).toArray()),
    )
    return newestFirst(pages.flat().map(toMood), limit)
  }

  async changes(after: ChangePosition, limit: number): Promise<readonly { mood: Mood; position: ChangePosition }[]> {
    const at = new Date(after.changedAt)
    const later =
      after.id === '' ? {} : { $or: [{ 'atproto.changedAt': { $gt: at } }, { _id: { $gt: documentId(after.id) } }] }
    const found = await this.#moods
      .find({ 'atproto.changedAt': { $gte: at }, ...later })
      .sort({ 'atproto.changedAt': 1, _id: 1 })
      .limit(limit)
      .toArray()
    return found.map((document) => ({
      mood: toMood(document),
      position: { changedAt: document.atproto?.changedAt?.getTime() ?? 0, id: document._id.toString() },
    }))
  }

  async save(moods: readonly Mood[], now: number): Promise<ReadonlySet<string>> {
    const kept = await Promise.all(moods.map((mood) => this.#saveOne(mood, now)))
    return new Set(moods.filter((_, i) => kept[i]).map((mood) => mood.id))
  }

  async #saveOne(mood: Mood, now: number): Promise<boolean> {
    for (let salt = 0; ;) {
      const sync = salt === 0 ? mood.sync : { ...mood.sync, rkey: rkeyFor(mood.when, mood.id, salt) }
      const fields = { ...contentFields(mood), ...syncFields(sync, mood.version + 1, now) }
      try {
        const { matchedCount } = await this.#moods.updateOne(atVersion(mood.id, mood.version), { $set: fields })
        return matchedCount === 1
      } catch (error) {
        if (takenKey(error) === 'atproto.rkey') {
          if (mood.version !== UNTOUCHED) return false
          // A document that the engine has never written claims the record of another mood: it gets a key of its own.
          salt++
        } else if (isBlockedByNull(error)) await this.#moods.updateOne(withNull(mood.id), { $unset: { atproto: '' } })
        else throw error
      }
    }
  }

  async ofUser(user: string, which: 'undeleted' | 'nuked', through: number, limit: number): Promise<readonly Mood[]> {
    const isNuked = { 'atproto.deletion.by': 'nuke' as const }
    const filter: Filter<MoodDocument> = {
      user,
      ...(which === 'nuked' ? isNuked : { deleted: NOT_DELETED }),
      // Moods of an existing database have no number, and are included.
      $or: [{ 'atproto.ordinal': { $lte: through } }, { 'atproto.ordinal': null }],
    }
    const found = await this.#moods.find(filter).sort({ when: 1, _id: 1 }).limit(limit).toArray()
    return found.map(toMood)
  }

  async history(user: string, after: string, limit: number): Promise<readonly Mood[]> {
    return (await this.#moods.find({ user, ...afterId(after) }, { sort: { _id: 1 }, limit }).toArray()).map(toMood)
  }

  async authors(after: string, limit: number): Promise<readonly string[]> {
    const users: string[] = []
    // Hops from user to user along an index, whatever they have.
    for (let from = after; users.length < limit;) {
      const next = await this.#moods.findOne(
        { user: { $gt: from } },
        { sort: { user: 1 }, projection: { user: 1, _id: 0 } },
      )
      if (next?.user === undefined) break
      users.push((from = next.user))
    }
    return users
  }

  async purge(user: string, limit: number): Promise<number> {
    const found = await this.#moods
      .find({ user }, { projection: { _id: 1 } })
      .limit(limit)
      .toArray()
    if (found.length === 0) return 0
    const { deletedCount } = await this.#moods.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } })
    return deletedCount
  }

  async purgeMoods(moods: readonly Pick<Mood, 'id' | 'version'>[]): Promise<number> {
    if (moods.length === 0) return 0
    const deletions = moods.map(({ id, version }) => ({ deleteOne: { filter: atVersion(id, version) } }))
    return (await this.#moods.bulkWrite(deletions, { ordered: false })).deletedCount
  }
}

/** The mood, if its `atproto` is null. */
function withNull(id: string): Filter<MoodDocument> {
  return { _id: documentId(id), atproto: { $type: 'null' } }
}

/** Everything that comes after a position, newest first. */
function before({ when, id }: FeedPosition): Filter<MoodDocument> {
  const at = new Date(when)
  return { when: { $lte: at }, $or: [{ when: { $lt: at } }, { _id: { $lt: documentId(id) } }] }
}
