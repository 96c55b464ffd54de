/**
 * New moods in MongoDB. Those that are posted at the same time share their round trips: one reading of what their authors
 * said last, and one insert of them all. Whatever is unusual about one is done for it alone, as for a post by itself. In
 * either case the unique indexes decide.
 */

import { type Collection, MongoBulkWriteError, type Sort } from 'mongodb'
import { DomainError } from '../../domain/errors.ts'
import type { Mood } from '../../domain/mood.ts'
import { isOdd } from '../../domain/odd.ts'
import type { NewMood } from '../../ports/store.ts'
import { type MoodDocument, toDocument } from './documents.ts'
import { isOfDocument, takenKey, translated, UNNAMED_KEY } from './errors.ts'
import { documentId } from './ids.ts'
import { A_NUMBER, BY_ORDINAL, LastMoods, ordinalOf } from './last-moods.ts'
import { firstMood, type MoodSource, NOT_DELETED, readAll } from './reading.ts'
import { Together, WHEN } from './together.ts'
import { isKeyTaken } from './twins.ts'

/** Record keys that are tried for one mood: each is taken by chance alone. */
export const MOST_SALTS = 50

/** Tries of a new mood on a server that does not say what was taken; each time but the last another post was first. */
const MOST_UNNAMED = 50

const NEWEST_FIRST: Sort = { when: -1, _id: -1 }

/** What became of a post. */
interface Added {
  readonly mood: Mood
  readonly added: boolean
}

/** By post. They are made when they are asked for, so that none is refused before there is anyone to hear of it. */
type Answers = ReadonlyMap<NewMood, () => Promise<Added>>

export class Posting {
  readonly #source: MoodSource
  readonly #moods: Collection<MoodDocument>
  readonly #last: LastMoods
  readonly #together = new Together<NewMood, Added>((moods) => this.#addAll(moods), WHEN.thisTurn)

  constructor(source: MoodSource) {
    this.#source = source
    this.#moods = source.moods
    this.#last = new LastMoods(source)
  }

  /** As {@link MoodStore.add}. */
  add(mood: NewMood): Promise<Added> {
    // Without unique indexes, more has to be looked up.
    return this.#source.areUnique ? this.#together.ask(mood) : this.#addOne(mood)
  }

  async lastOrdinal(user: string): Promise<number> {
    return ordinalOf(await this.#last.of(user))
  }

  /** One mood for each of several users in one go; the others one after another, in their order. */
  async #addAll(moods: readonly NewMood[]): Promise<Promise<Added>[]> {
    const byUser = new Map<string, NewMood>()
    for (const mood of moods) if (!byUser.has(mood.user)) byUser.set(mood.user, mood)
    const answers = await this.#insertAll(await this.#numbered([...byUser.values()]))
    const before = new Map<string, Promise<Added>>()
    return moods.map((mood) => {
      const known = byUser.get(mood.user) === mood ? answers.get(mood) : undefined
      const answer = known?.() ?? following(before.get(mood.user), () => this.#addOne(mood))
      before.set(mood.user, answer)
      return answer
    })
  }

  /** Those that certainly say something new, each with the number after that of its author's last mood. */
  async #numbered(moods: readonly NewMood[]): Promise<ReadonlyMap<NewMood, Mood>> {
    const last = await this.#last.ofEach(moods.map(({ user }) => user))
    const usual = moods.flatMap((mood) => {
      const document = last.get(mood.user)
      const isUsual = document?.deleted === false && Number.isSafeInteger(document.atproto?.ordinal)
      return isUsual ? [{ mood, document }] : []
    })
    const read = await readAll(
      this.#source,
      usual.map(({ document }) => document),
    )
    return new Map(
      usual.flatMap(({ mood, document }, i): [NewMood, Mood][] => {
        const latest = read[i]!
        if (isOdd(latest) || mood.repeats(latest.mood)) return []
        return [[mood, mood.numbered(ordinalOf(document) + 1, 0)]]
      }),
    )
  }

  /** @returns the answers of those that were inserted, and of those that may be; not of those that are certainly not there */
  async #insertAll(wholes: ReadonlyMap<NewMood, Mood>): Promise<Answers> {
    const all = [...wholes]
    if (all.length === 0) return inserted([])
    try {
      await this.#moods.insertMany(
        all.map(([, whole]) => toDocument(whole)),
        { ordered: false },
      )
      return inserted(all)
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) {
        if (translated(error) instanceof DomainError) throw error
        // The driver has refused to send one of them.
        return inserted([])
      }
      const refused = new Set([error.writeErrors].flat().map(({ index }) => index))
      // Each is told of it: without a majority, or an answer, even those that are there may not stay.
      if (refused.size === 0 || error.result.getWriteConcernError())
        return new Map(all.map(([mood]) => [mood, () => Promise.reject(error)]))
      return inserted(all.filter((_, i) => !refused.has(i)))
    }
  }

  async #addOne(mood: NewMood): Promise<Added> {
    for (let salt = 0, free = 0, unnamed = 0; ;) {
      const last = await this.#last.of(mood.user)
      const latest = await this.#latestUndeleted(mood.user, last)
      if (latest && mood.repeats(latest)) {
        await this.#confirm(latest.id)
        return { mood: latest, added: false }
      }
      const whole = mood.numbered(Math.max(free, ordinalOf(last) + 1), salt)
      if (salt < MOST_SALTS && (await isKeyTaken(this.#source, whole))) {
        salt++
        continue
      }
      try {
        await this.#moods.insertOne(toDocument(whole))
        return { mood: whole, added: true }
      } catch (error) {
        const taken = takenKey(error)
        const isUnnamed = taken === UNNAMED_KEY && ++unnamed < MOST_UNNAMED
        if (taken !== 'atproto.rkey' && taken !== 'atproto.ordinal' && !isUnnamed) throw refusedAs(error)
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

  /** Moods of an existing database have no numbers, and come before all that have. @param last the one with the highest number */
  async #latestUndeleted(user: string, last: MoodDocument | null): Promise<Mood | null> {
    const [latest] = last?.deleted === false ? await readAll(this.#source, [last]) : []
    if (latest && !isOdd(latest)) return latest.mood
    const numbered = { user, 'atproto.ordinal': A_NUMBER, deleted: NOT_DELETED }
    return (
      (await firstMood(this.#source, numbered, BY_ORDINAL)) ??
      (await firstMood(this.#source, { user, deleted: NOT_DELETED }, NEWEST_FIRST))
    )
  }
}

/** The same error; where a rule of the collection or an index of the application refuses the document, one that says so. */
function refusedAs(error: unknown): unknown {
  if (!isOfDocument(error)) return error
  const message = 'a rule or an index of the collection "moods" refuses this mood: an operator has to allow it'
  return new DomainError('unavailable', message, { cause: error })
}

function inserted(those: readonly (readonly [NewMood, Mood])[]): Answers {
  return new Map(those.map(([mood, whole]) => [mood, () => Promise.resolve({ mood: whole, added: true })]))
}

/** Begins once the one before has ended, however it did. */
async function following<T>(before: Promise<unknown> | undefined, work: () => Promise<T>): Promise<T> {
  await before?.catch(() => {})
  return work()
}
