/** Moods in MongoDB, as authors and readers see them. */

import type { Collection, Filter, Sort } from 'mongodb'
import { isVisibleTo, type Mood, newestFirst } from '../../domain/mood.ts'
import { isOdd } from '../../domain/odd.ts'
import { type ReadMood, UNTOUCHED } from '../../domain/read-mood.ts'
import { isRecordKey, rkeyFor } from '../../domain/record.ts'
import type { ChangePosition, FeedPosition, FeedQuery, MoodPosition, MoodStore, NewMood } from '../../ports/store.ts'
import { atVersion, contentFields, type MoodDocument, syncFields, toDocument } from './documents.ts'
import { isBlockedByNull, isOfDocument, takenKey, UNNAMED_KEY } from './errors.ts'
import { afterId, beforeId, compareIds, documentId } from './ids.ts'
import { goodMoods, type MoodSource, type PageQuery, readAll } from './reading.ts'
import { authorsAfter } from './authors.ts'
import { isKeyTaken } from './twins.ts'

const NOT_DELETED = { $in: [false, null] }
const NEWEST_FIRST: Sort = { when: -1, _id: -1 }
/** A number that another can follow. */
const A_NUMBER = { $gt: 0, $lt: Number.MAX_SAFE_INTEGER, $not: { $type: 'array' as const } }
const BY_ORDINAL: Sort = { 'atproto.ordinal': -1 }

/** Record keys that are tried for one mood: each is taken by chance alone. */
const MOST_SALTS = 50

/** Tries of a new mood on a server that does not say what was taken; each time but the last another post was first. */
const MOST_UNNAMED = 50

export class MongoMoods implements MoodStore {
  readonly #source: MoodSource
  readonly #moods: Collection<MoodDocument>

  constructor(source: MoodSource) {
    this.#source = source
    this.#moods = source.moods
  }

  async add(mood: NewMood): Promise<{ mood: Mood; added: boolean }> {
    for (let salt = 0, free = 0, unnamed = 0; ;) {
      const last = await this.#lastNumbered(mood.user)
      const latest = await this.#latestUndeleted(mood.user, last)
      if (latest && mood.repeats(latest)) {
        await this.#confirm(latest.id)
        return { mood: latest, added: false }
      }
      const whole = mood.numbered(Math.max(free, ordinalOf(last) + 1), salt)
      if (salt < MOST_SALTS && (await this.#isKeyTaken(whole))) {
        salt++
        continue
      }
      try {
        await this.#moods.insertOne(toDocument(whole))
        return { mood: whole, added: true }
      } catch (error) {
        const taken = takenKey(error)
        const isUnnamed = taken === UNNAMED_KEY && ++unnamed < MOST_UNNAMED
        if (taken !== 'atproto.rkey' && taken !== 'atproto.ordinal' && !isUnnamed) throw error
        // It may have been either; another record key does no harm.
        if (taken !== 'atproto.ordinal') salt++
        // Another post was first: compare with it. Or a document has the number that cannot be found by it.
        if (taken !== 'atproto.rkey') free = whole.ordinal + (whole.ordinal === free ? 1 : 0)
      }
    }
  }

  /** Waits until the majority has the mood as it is: one that another post has just written may not be there to stay. */
  async #confirm(id: string): Promise<void> {
    // Changes nothing; the server waits for all that was written before.
    await this.#moods.updateOne({ _id: documentId(id) }, { $unset: { 'atproto.none': '' } })
  }

  /** The document with the highest number, which may be odd otherwise: its number is taken all the same. */
  #lastNumbered(user: string): Promise<MoodDocument | null> {
    return this.#moods.findOne({ user, 'atproto.ordinal': A_NUMBER }, { sort: BY_ORDINAL })
  }

  /** Moods of an existing database have no numbers, and come before all that have. @param last the one with the highest number */
  async #latestUndeleted(user: string, last: MoodDocument | null): Promise<Mood | null> {
    const [latest] = last?.deleted === false ? await readAll(this.#source, [last]) : []
    if (latest && !isOdd(latest)) return latest.mood
    const numbered = { user, 'atproto.ordinal': A_NUMBER, deleted: NOT_DELETED }
    return (
      (await this.#first({ filter: numbered, sort: BY_ORDINAL })) ??
      (await this.#first({ filter: { user, deleted: NOT_DELETED }, sort: NEWEST_FIRST }))
    )
  }

  async #first(query: Pick<PageQuery, 'filter' | 'sort'>): Promise<Mood | null> {
    return (await this.#page({ ...query, limit: 1, isMeant: ({ mood }) => mood.deleted === null }))[0] ?? null
  }

  async #page(query: PageQuery): Promise<Mood[]> {
    return (await goodMoods(this.#source, query)).map(({ mood }) => mood)
  }

  async lastOrdinal(user: string): Promise<number> {
    return ordinalOf(await this.#lastNumbered(user))
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
      if (salt < MOST_SALTS && (await this.#isKeyTaken({ ...mood, sync })) && (await this.#mayGetAnotherKey(mood))) {
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

  /** Where the database does not refuse a record key of another mood, it is looked for. Of those that race, it refuses one. */
  async #isKeyTaken({ user, id, sync: { rkey } }: Mood): Promise<boolean> {
    return !this.#source.areUnique && (await isKeyTaken(this.#moods, { user, id, rkey }))
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

  async history(user: string, after: string, limit: number): Promise<readonly Mood[]> {
    return this.#page({ filter: { user, ...afterId(after) }, sort: { _id: 1 }, limit })
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

/** The number of a document that was found by it, which may be no whole one. */
function ordinalOf(document: MoodDocument | null): number {
  return Math.floor(document?.atproto?.ordinal ?? 0)
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
