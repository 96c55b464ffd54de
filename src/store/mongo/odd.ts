/** Moods in MongoDB that cannot be read for certain. */

import type { Collection, Filter } from 'mongodb'
import { chunks } from '../../domain/chunks.ts'
import { isOdd } from '../../domain/odd.ts'
import type { OddMood } from '../../domain/read-mood.ts'
import type { OddStore } from '../../ports/store.ts'
import type { MoodDocument } from './documents.ts'
import { namedIds } from './ids.ts'
import { type MoodSource, readAll } from './reading.ts'

/** Most ids of one request. */
const PAGE = 500

export class MongoOdd implements OddStore {
  readonly #source: MoodSource
  readonly #moods: Collection<MoodDocument>

  constructor(source: MoodSource) {
    this.#source = source
    this.#moods = source.moods
  }

  async of(user: string, good?: number): Promise<readonly OddMood[]> {
    if (good !== undefined && (await this.#moods.countDocuments({ user })) <= good) return []
    return this.#among({ user })
  }

  async named(ids: readonly string[]): Promise<readonly OddMood[]> {
    const found: OddMood[] = []
    for (const page of chunks(ids, PAGE)) found.push(...(await this.#among({ _id: { $in: page.flatMap(namedIds) } })))
    return found
  }

  /** Along a cursor, since not every id is a place to go on from. */
  async #among(filter: Filter<MoodDocument>): Promise<OddMood[]> {
    const odd: OddMood[] = []
    await using cursor = this.#moods.find(filter)
    while (await cursor.hasNext()) {
      const readings = await readAll(this.#source, cursor.readBufferedDocuments())
      for (const reading of readings) if (isOdd(reading)) odd.push(reading)
    }
    return odd
  }
}
