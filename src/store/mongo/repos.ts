/** Marks and leases in MongoDB: one document for each repo that ever had work. */

import { randomUUID } from 'node:crypto'
import type { Collection, Db, Document, Filter } from 'mongodb'
import type { HoldReason } from '../../domain/sync.ts'
import type { Lease, Release, RepoQueue } from '../../ports/queue.ts'
import type { UserDocument } from './accounts.ts'
import { COLLECTIONS } from './collections.ts'
import type { MoodDocument } from './documents.ts'
import { takenKey } from './errors.ts'
import { listen } from './listen.ts'

export interface RepoDocument {
  readonly _id: string
  readonly dueAt: Date | null
  readonly marks: number
  readonly failures: number
  readonly uncertain: boolean
  readonly quarantineUntil: Date
  readonly destructive: boolean
  readonly leaseToken: string | null
  readonly leaseOwner: string | null
  readonly leaseUntil: Date
}

const EPOCH = new Date(0)

/** What a repo is without a document of its own. */
const FRESH = {
  marks: { $ifNull: ['$marks', 0] },
  failures: { $ifNull: ['$failures', 0] },
  uncertain: { $ifNull: ['$uncertain', false] },
  quarantineUntil: { $ifNull: ['$quarantineUntil', EPOCH] },
  destructive: { $ifNull: ['$destructive', false] },
  leaseToken: { $ifNull: ['$leaseToken', null] },
  leaseOwner: { $ifNull: ['$leaseOwner', null] },
  leaseUntil: { $ifNull: ['$leaseUntil', EPOCH] },
  dueAt: { $ifNull: ['$dueAt', null] },
}

export class MongoRepos implements RepoQueue {
  readonly #repos: Collection<RepoDocument>
  readonly #moods: Collection<MoodDocument>
  readonly #others: readonly { collection: Collection; key: string; filter: Document }[]

  constructor(db: Db) {
    this.#repos = db.collection<RepoDocument>(COLLECTIONS.repos)
    this.#moods = db.collection<MoodDocument>(COLLECTIONS.moods)
    const users = db.collection<UserDocument>(COLLECTIONS.users) as unknown as Collection
    this.#others = [
      { collection: users, key: '_id', filter: { 'atproto.state': 'pending' } },
      { collection: users, key: '_id', filter: { 'atproto.requeue': true } },
      { collection: db.collection(COLLECTIONS.intents), key: '_id', filter: {} },
      { collection: db.collection(COLLECTIONS.removals), key: '_id', filter: {} },
      { collection: db.collection(COLLECTIONS.erasures), key: 'user', filter: {} },
    ]
  }

  async mark(user: string, now: number): Promise<void> {
    const at = new Date(now)
    const sooner = { $min: [{ $ifNull: ['$dueAt', at] }, at] }
    const waiting = { $ifNull: ['$dueAt', at] }
    // A repo that is due already, and that nobody is at, needs no second mark.
    const isMarked = { $and: [{ $ne: ['$dueAt', null] }, { $lte: ['$dueAt', at] }, { $eq: ['$leaseToken', null] }] }
    await this.#upsert(user, [
      { $set: FRESH },
      {
        $set: {
          marks: { $cond: [isMarked, '$marks', { $add: ['$marks', 1] }] },
          dueAt: { $cond: [isMarked, '$dueAt', { $cond: [{ $gt: ['$failures', 0] }, waiting, sooner] }] },
        },
      },
    ])
  }

  async #upsert(user: string, update: Document[]): Promise<void> {
    try {
      // Only a hint, which the sweep makes up for: nobody has to wait until it is on disk.
      await this.#repos.updateOne({ _id: user }, update, { upsert: true, writeConcern: { w: 1 } })
    } catch (error) {
      // Two made it at the same time; the second finds it there.
      if (takenKey(error) === null) throw error
      await this.#repos.updateOne({ _id: user }, update)
    }
  }

  async claim(owner: string, now: number, until: number, quarantineMs: number): Promise<Lease | null> {
    const at = new Date(now)
    const token = randomUUID()
    const wasLost = { $ne: ['$leaseToken', null] }
    const afterLease = { $add: ['$leaseUntil', quarantineMs] }
    // Those that are due but leased come first and are passed over: never more than there are workers.
    const claimed = await this.#repos.findOneAndUpdate(
      { dueAt: { $lte: at }, leaseUntil: { $lte: at } },
      [
        {
          $set: {
            uncertain: { $or: ['$uncertain', wasLost] },
            quarantineUntil: {
              $cond: [wasLost, { $max: ['$quarantineUntil', afterLease] }, '$quarantineUntil'],
            },
            leaseToken: token,
            leaseOwner: { $literal: owner },
            leaseUntil: new Date(until),
          },
        },
      ],
      { sort: { dueAt: 1 }, returnDocument: 'after' },
    )
    if (!claimed) return null
    const { _id: user, uncertain, quarantineUntil, destructive, failures, marks } = claimed
    return { user, token, uncertain, quarantine: { until: quarantineUntil.getTime(), destructive }, failures, marks }
  }

  async noteDestructive(lease: Lease): Promise<boolean> {
    return (await this.#repos.updateOne(underLease(lease), { $set: { destructive: true } })).matchedCount === 1
  }

  async renew(lease: Lease, until: number): Promise<boolean> {
    return (
      (await this.#repos.updateOne(underLease(lease), { $set: { leaseUntil: new Date(until) } })).matchedCount === 1
    )
  }

  async release(lease: Lease, release: Release, now: number): Promise<void> {
    const dueAt = release.dueAt === null ? null : new Date(release.dueAt)
    const at = new Date(now)
    const isAsSeen = release.failures > 0 ? true : { $eq: ['$marks', lease.marks] }
    await this.#repos.updateOne(underLease(lease), [
      {
        $set: {
          leaseToken: null,
          leaseOwner: null,
          leaseUntil: EPOCH,
          failures: release.failures,
          uncertain: release.uncertain,
          quarantineUntil: new Date(release.quarantine.until),
          destructive: release.quarantine.destructive,
          dueAt: { $cond: [isAsSeen, dueAt, dueAt === null || dueAt > at ? at : dueAt] },
        },
      },
    ])
  }

  async sweep(after: string, limit: number, now: number): Promise<string | null> {
    const pages = await Promise.all([
      this.#withMoods({ 'atproto.state': 'pending' }, after, limit),
      ...this.#withOtherWork(after, limit),
    ])
    // Beyond the end of a full page there may be users that it does not show.
    const bound = pages
      .filter((page) => page.isFull)
      .map((page) => page.users.at(-1)!)
      .toSorted()[0]
    const found = [...new Set(pages.flatMap((page) => page.users))].toSorted()
    const users = (bound === undefined ? found : found.filter((user) => user <= bound)).slice(0, limit)
    const at = new Date(now)
    await Promise.all(users.map((user) => this.#remind(user, at)))
    return bound === undefined && users.length === found.length ? null : (users.at(-1) ?? null)
  }

  /** A mark where there is none. */
  async #remind(user: string, at: Date): Promise<void> {
    const isMarked = { $ne: ['$dueAt', null] }
    await this.#upsert(user, [
      { $set: FRESH },
      {
        $set: {
          marks: { $cond: [isMarked, '$marks', { $add: ['$marks', 1] }] },
          dueAt: { $cond: [isMarked, '$dueAt', at] },
        },
      },
    ])
  }

  /** A page of moods along their index, and whose they are. Whoever fills a page alone is seen, and passed over next. */
  async #withMoods(filter: Filter<MoodDocument>, after: string, limit: number): Promise<Page> {
    const found = await this.#moods
      .find({ ...filter, user: { $gt: after } }, { projection: { _id: 0, user: 1 } })
      .sort({ user: 1 })
      .limit(limit)
      .toArray()
    return { users: [...new Set(found.map(({ user }) => user ?? ''))], isFull: found.length === limit }
  }

  #withOtherWork(after: string, limit: number): Promise<Page>[] {
    return this.#others.map(async ({ collection, key, filter }) => {
      const found = await collection
        .find({ ...filter, [key]: { $gt: after } }, { projection: { [key]: 1 } })
        .sort({ [key]: 1 })
        .limit(limit)
        .toArray()
      return { users: found.map((document) => document[key] as string), isFull: found.length === limit }
    })
  }

  async held(hold: HoldReason, after: string, limit: number): Promise<readonly string[]> {
    const users: string[] = []
    const filter = { 'atproto.state': 'local' as const, 'atproto.hold': hold }
    for (let from = after; users.length < limit;) {
      const page = await this.#withMoods(filter, from, limit)
      users.push(...page.users)
      const last = users.at(-1)
      if (!page.isFull || last === undefined) break
      from = last
    }
    return users.slice(0, limit)
  }

  async forget(user: string): Promise<void> {
    await this.#repos.deleteOne({ _id: user })
  }

  listen(wake: () => void): Disposable {
    return listen(this.#repos, wake)
  }
}

interface Page {
  /** Without repetition, in order. */
  readonly users: readonly string[]
  readonly isFull: boolean
}

function underLease(lease: Lease): Filter<RepoDocument> {
  return { _id: lease.user, leaseToken: lease.token }
}
