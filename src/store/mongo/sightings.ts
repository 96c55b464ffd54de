/** What relays say of accounts, in MongoDB: one document for each account and relay. */

import type { Collection, Db, Document, Filter } from 'mongodb'
import { FURTHEST } from '../../domain/furthest.ts'
import { isOdd } from '../../domain/odd.ts'
import { readSighting } from '../../domain/read-notes.ts'
import { type RelayCounts, type Sighting, type Standing, STANDINGS } from '../../domain/sighting.ts'
import type { SightingStore } from '../../ports/sightings.ts'
import { COLLECTIONS } from './collections.ts'
import { pageOf } from './pages.ts'
import { storedDocument } from './stored.ts'

interface SightingDocument extends Omit<Sighting, 'at' | 'dueAt'> {
  /** The relay's address and the user, with a blank between them: addresses have none. */
  readonly _id: string
  readonly at: Date
  readonly dueAt: Date
}

/** Null for one that cannot be read, which is as if the relay had never been asked. */
function sightingIn(document: Document): Sighting | null {
  const reading = readSighting(storedDocument(document))
  return isOdd(reading) ? null : reading
}

function sightingsIn(documents: readonly Document[]): (Sighting | null)[] {
  return documents.map(sightingIn)
}

export class MongoSightings implements SightingStore {
  readonly #sightings: Collection<SightingDocument>

  constructor(db: Db) {
    this.#sightings = db.collection<SightingDocument>(COLLECTIONS.sightings)
  }

  async note({ at, dueAt, ...rest }: Sighting): Promise<void> {
    const _id = `${rest.relay} ${rest.user}`
    const document = { ...rest, at: new Date(at), dueAt: new Date(dueAt) }
    await this.#sightings.replaceOne({ _id }, document, { upsert: true })
  }

  async of(users: readonly string[]): Promise<ReadonlyMap<string, readonly Sighting[]>> {
    const found = await this.#sightings.find({ user: { $in: [...users] } }, { sort: { relay: 1 } }).toArray()
    const all = new Map<string, Sighting[]>()
    for (const sighting of sightingsIn(found)) {
      if (sighting !== null) all.set(sighting.user, [...(all.get(sighting.user) ?? []), sighting])
    }
    return all
  }

  async due(relay: string, now: number, limit: number): Promise<readonly Sighting[]> {
    const page = (dueAt: Filter<SightingDocument>['dueAt'], most: number) =>
      pageOf(this.#sightings, { filter: { relay, dueAt }, sort: { dueAt: 1 }, limit: most }, sightingsIn)
    const due = await page({ $lte: new Date(now) }, limit)
    if (due.length === limit) return due
    return [...due, ...(await page({ $gt: new Date(now + FURTHEST.sighting) }, limit - due.length))]
  }

  async count(): Promise<readonly RelayCounts[]> {
    const groups = this.#sightings.aggregate<{ _id: { relay: unknown; standing: unknown }; n: number }>([
      { $sort: { relay: 1, standing: 1 } },
      { $group: { _id: { relay: '$relay', standing: '$standing' }, n: { $sum: 1 } } },
    ])
    const counts = new Map<string, Partial<Record<Standing, number>>>()
    for await (const { _id, n } of groups) {
      const standing = STANDINGS.find((word) => word === _id.standing)
      if (typeof _id.relay !== 'string' || standing === undefined) continue
      counts.set(_id.relay, { ...counts.get(_id.relay), [standing]: n })
    }
    const inOrder = [...counts].toSorted(([one], [other]) => (one < other ? -1 : 1))
    return inOrder.map(([relay, standings]) => ({ relay, standings }))
  }

  async forget(user: string): Promise<void> {
    await this.#sightings.deleteMany({ user })
  }
}
