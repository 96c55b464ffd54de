/** Moods in MongoDB, as authors and readers see them. */

import type { Collection, Filter, Sort } from 'mongodb'
import { isVisibleTo, type Mood, newestFirst } from '../../domain/mood.ts'
import { isOdd } from '../../domain/odd.ts'
import { type ReadMood, UNTOUCHED } from '../../domain/read-mood.ts'
import { isRecordKey, rkeyFor } from '../../domain/record.ts'
import type { ChangePosition, FeedPosition, FeedQuery, MoodPosition, MoodStore, NewMood } from '../../ports/store.ts'
import { atVersion, contentFields, type MoodDocument, syncFields } from './documents.ts'
import { isBlockedByNull, isOfDocument, takenKey, UNNAMED_KEY } from './errors.ts'
import { afterId, beforeId, compareIds, documentId } from './ids.ts'
import { MOST_SALTS, Posting } from './posting.ts'
import { goodMoods, type MoodSource, NOT_DELETED, type PageQuery, readAll } from './reading.ts'
import { authorsAfter } from './authors.ts'
import { isKeyTaken } from './twins.ts'

const NEWEST_FIRST: Sort = { when: -1, _id: -1 }

export class MongoMoods implements MoodStore {
  readonly #source: MoodSource
  readonly #moods: Collection<MoodDocument>
  readonly #posting: Posting

  constructor(source: MoodSource) {
    this.#source = source
    this.#moods = source.moods
    this.#posting = new Posting(source)
  }

  add(mood: NewMood): Promise<{ mood: Mood; added: boolean }> {
    return this.#posting.add(mood)
  }

  lastOrdinal(user: string): Promise<number> {
    return this.#posting.lastOrdinal(user)
  }

  async #page(query: PageQuery): Promise<Mood[]> {
    return (await goodMoods(this.#source, query)).map(({ mood }) => mood)
  }

  async byId(id: string): Promise<Mood | null> {
    return (await this.#read(id))?.mood ?? null
  }

  async changedAt(id: string): Promise<number | null> {
    return (await this.#read(id))?.changedAt ?? null
  }

  async #read(id: string): Promise<ReadMood | null> {
    const document = await this.#moods.findOne({ _id: documentId(id) })
    const [reading] = document ? await readAll(this.#source, [document]) : []
    return reading && !isOdd(reading) ? reading : null
  }

  async feed({ users, viewer, limit, after }: FeedQuery): Promise<readonly Mood[]> {
    const from = after ? before(after) : {}
    const isShown = ({ mood }: ReadMood): boolean => isVisibleTo(mood, viewer)
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
      filters.map((filter) => this.#page({ filter, sort: NEWEST_FIRST, limit, isMeant: isShown })),
    )
    return newestFirst(pages.flat(), limit, compareIds)
  }

  async changes(after: ChangePosition, limit: number): Promise<readonly { mood: Mood; position: ChangePosition }[]> {
    const at = new Date(after.changedAt)
    const later = after.id === '' ? {} : { $or: [{ 'atproto.changedAt': { $gt: at } }, afterId(after.id)] }
    const found = await goodMoods(this.#source, {
      filter: { 'atproto.changedAt': { $gte: at }, ...later },
      sort: { 'atproto.changedAt': 1, _id: 1 },
      limit,
    })
    return found.map(({ mood, changedAt }) => ({ mood, position: { changedAt: changedAt ?? 0, id: mood.id } }))
  }

  async save(moods: readonly Mood[], now: number): Promise<ReadonlySet<string>> {
    const kept = await Promise.all(moods.map((mood) => this.#saveOne(mood, now)))
    return new Set(moods.filter((_, i) => kept[i]).map((mood) => mood.id))
  }

  async #saveOne(mood: Mood, now: number): Promise<boolean> {
    for (let salt = 0; ;) {
      const sync = salt === 0 ? mood.sync : { ...mood.sync, rkey: rkeyFor(mood.when, mood.id, salt) }
      const fields = { ...contentFields(mood), ...syncFields(sync, mood.version + 1, now) }
      if (
        salt < MOST_SALTS &&
        (await isKeyTaken(this.#source, { ...mood, sync })) &&
        (await this.#mayGetAnotherKey(mood))
      ) {
        salt++
        continue
      }
      try {
        const { matchedCount } = await this.#moods.updateOne(atVersion(mood.id, mood.version), { $set: fields })
        return matchedCount === 1
      } catch (error) {
        const taken = takenKey(error)
        if (taken === 'atproto.rkey' || taken === UNNAMED_KEY) {
          if (salt === MOST_SALTS || !(await this.#mayGetAnotherKey(mood))) return false
          salt++
        } else if (isBlockedByNull(error)) {
          const { modifiedCount } = await this.#moods.updateOne(withNull(mood.id), { $unset: { atproto: '' } })
          if (modifiedCount === 0) return false
        } else if (isOfDocument(error)) return false
        else throw error
      }
    }
  }

  /**
   * Whether the mood has no record key of its own yet: one that the engine has never written claims the record of another
   * mood, or what stands where the key should be is none.
   */
  async #mayGetAnotherKey({ id, version }: Mood): Promise<boolean> {
    if (version === UNTOUCHED) return true
    const document = await this.#moods.findOne(atVersion(id, version))
    return document !== null && !isRecordKey(document.atproto?.rkey)
  }

  async ofUser(
    user: string,
    which: 'undeleted' | 'nuked',
    through: number,
    after: MoodPosition | null,
    limit: number,
  ): Promise<readonly Mood[]> {
    const isNuked = { 'atproto.deletion.by': 'nuke' as const }
    const filter: Filter<MoodDocument> = {
      user,
      ...(which === 'nuked' ? isNuked : { deleted: NOT_DELETED }),
      ...(after === null ? {} : { when: { $gte: new Date(after.when) } }),
      $and: [
        // Moods of an existing database have no number, and are included.
        { $or: [{ 'atproto.ordinal': { $lte: through } }, { 'atproto.ordinal': null }] },
        ...(after === null ? [] : [{ $or: [{ when: { $gt: new Date(after.when) } }, afterId(after.id)] }]),
      ],
    }
    const isMeant = ({ mood: { deleted } }: ReadMood): boolean =>
      which === 'nuked' ? deleted?.by === 'nuke' : deleted === null
    return this.#page({ filter, sort: { when: 1, _id: 1 }, limit, isMeant })
  }

  async history(user: string, after: MoodPosition | null, limit: number): Promise<readonly Mood[]> {
    return this.#page({ filter: { user, ...afterId(after?.id ?? '') }, sort: { _id: 1 }, limit })
  }

  authors(after: string, limit: number): Promise<readonly string[]> {
    return authorsAfter(this.#moods, after, limit)
  }

  async purge(user: string, limit: number): Promise<number> {
    // A list that holds the user is not the user's for certain.
    const filter = { user, $nor: [{ user: { $type: 'array' as const } }] }
    const found = await this.#moods
      .find(filter, { projection: { _id: 1 } })
      .limit(limit)
      .toArray()
    if (found.length === 0) return 0
    const { deletedCount } = await this.#moods.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } })
    // An id may be of bytes that cannot be sent back.
    return deletedCount > 0 ? deletedCount : (await this.#moods.deleteMany(filter)).deletedCount
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
  return { when: { $lte: at }, $or: [{ when: { $lt: at } }, beforeId(id)] }
}
