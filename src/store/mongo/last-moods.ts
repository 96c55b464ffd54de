/** The last mood of each of several users, with one request where the server finds them along an index. */

import type { Collection, Document, Sort } from 'mongodb'
import { COUNT_MOST } from '../../domain/odd.ts'
import type { MoodDocument } from './documents.ts'
import type { MoodSource } from './reading.ts'

/** A number that another can follow: of one beyond, the mood after it could not be read. */
export const A_NUMBER = { $gt: 0, $lt: COUNT_MOST, $not: { $type: 'array' as const } }
export const BY_ORDINAL: Sort = { 'atproto.ordinal': -1 }

/** How often the server is asked how it would find them, in ms: a list where a number should be changes that. */
const ASK_EVERY_MS = 60_000

/** The number of a document that was found by it, which may be no whole one. */
export function ordinalOf(document: MoodDocument | null): number {
  return Math.floor(document?.atproto?.ordinal ?? 0)
}

export class LastMoods {
  readonly #moods: Collection<MoodDocument>
  #isDirect = false
  #askedAt = Number.NEGATIVE_INFINITY

  constructor({ moods }: MoodSource) {
    this.#moods = moods
  }

  /** The document with the highest number, which may be odd otherwise: its number is taken all the same. */
  of(user: string): Promise<MoodDocument | null> {
    return this.#moods.findOne({ user, 'atproto.ordinal': A_NUMBER }, { sort: BY_ORDINAL })
  }

  /** The same for each of several users, by user. Those without any are left out. */
  async ofEach(users: readonly string[]): Promise<ReadonlyMap<string, MoodDocument>> {
    if (users.length > 1) this.#ask(users)
    if (users.length === 1 || !this.#isDirect) {
      const found = await Promise.all(users.map(async (user) => [user, await this.of(user)] as const))
      return new Map(found.flatMap(([user, last]) => (last === null ? [] : [[user, last]])))
    }
    const found = await this.#moods.aggregate<{ _id: string; last: MoodDocument }>(lastOfEach(users)).toArray()
    return new Map(found.map(({ _id, last }) => [_id, last]))
  }

  /**
   * Finds out, while others wait for nothing, whether the server goes from user to user along the index. Where it would read
   * all moods of all of them, as some do, or on several shards, each is better looked up alone.
   */
  #ask(users: readonly string[]): void {
    const now = performance.now()
    if (now - this.#askedAt < ASK_EVERY_MS) return
    this.#askedAt = now
    const answer = this.#moods.aggregate(lastOfEach(users)).explain('queryPlanner')
    void answer.then(
      (plan) => (this.#isDirect = isDirect(plan)),
      () => (this.#isDirect = false),
    )
  }
}

function lastOfEach(users: readonly string[]): Document[] {
  return [
    // As the index has it, word for word: with more, the server would look at every mood.
    { $match: { user: { $in: [...users] }, 'atproto.ordinal': { $gt: 0, $lt: COUNT_MOST } } },
    { $sort: { user: 1, 'atproto.ordinal': -1 } },
    { $group: { _id: '$user', last: { $first: '$$ROOT' } } },
  ]
}

function isDirect(plan: Document): boolean {
  const stages = JSON.stringify(plan, (name, value: unknown) => (name === 'rejectedPlans' ? undefined : value))
  return stages.includes('"DISTINCT_SCAN"') && !/"(IXSCAN|COLLSCAN|SORT|SHARD_MERGE)"/.test(stages)
}
