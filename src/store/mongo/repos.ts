/** Marks and leases in MongoDB: one document for each repo that ever had work. */

import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { AnyBulkWriteOperation, Collection, Db, Document, Filter, FindOptions } from 'mongodb'
import {
  claimed,
  type Lease,
  leaseOf,
  notedDestructive,
  type Release,
  released,
  reminded,
  renewed,
  type RepoState,
  unmarked,
} from '../../domain/queue.ts'
import { isUserName } from '../../domain/odd.ts'
import type { HoldReason } from '../../domain/sync.ts'
import type { RepoQueue } from '../../ports/queue.ts'
import type { UserDocument } from './account-documents.ts'
import { COLLECTIONS } from './collections.ts'
import type { MoodDocument } from './documents.ts'
import { isOnlyTaken, takenKey } from './errors.ts'
import { listen } from './listen.ts'
import { HAS_REMOVALS } from './removals.ts'

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

export function toRepo(document: RepoDocument): RepoState {
  const { _id: user, dueAt, marks, failures, uncertain, quarantineUntil, destructive } = document
  const { leaseToken: token, leaseOwner: owner, leaseUntil } = document
  const quarantine = { until: quarantineUntil.getTime(), destructive }
  const lease = token === null ? null : { token, owner: owner ?? '', until: leaseUntil.getTime() }
  return { user, dueAt: dueAt?.getTime() ?? null, marks, failures, uncertain, quarantine, lease }
}

export function toRepoDocument({ user, ...repo }: RepoState): RepoDocument {
  const { dueAt, marks, failures, uncertain, quarantine, lease } = repo
  return {
    _id: user,
    dueAt: dueAt === null ? null : new Date(dueAt),
    marks,
    failures,
    uncertain,
    quarantineUntil: new Date(quarantine.until),
    destructive: quarantine.destructive,
    ...leaseFields(lease),
  }
}

function leaseFields(lease: RepoState['lease']): Pick<RepoDocument, 'leaseToken' | 'leaseOwner' | 'leaseUntil'> {
  return {
    leaseToken: lease?.token ?? null,
    leaseOwner: lease?.owner ?? null,
    leaseUntil: lease === null ? EPOCH : new Date(lease.until),
  }
}

/** The fields in which the document of one value differs from that of the other. */
function changedFields(before: RepoState, after: RepoState): Partial<RepoDocument> {
  const old: Document = toRepoDocument(before)
  return Object.fromEntries(
    Object.entries(toRepoDocument(after)).filter(([name, value]) => !isDeepStrictEqual(value, old[name])),
  )
}

/** The repo, unless it was marked, claimed or released since. */
function unchanged({ user, dueAt, marks, lease }: RepoState): Filter<RepoDocument> {
  return { _id: user, marks, dueAt: dueAt === null ? null : new Date(dueAt), leaseToken: lease?.token ?? null }
}

const { _id: _, ...FRESH } = toRepoDocument(unmarked(''))

/**
 * `marked` of `domain/queue.ts` as one request, which posts that race for a user's repo need not repeat. A property test
 * in `test/contract` holds it equal to the rule.
 */
function markPipeline(now: number): Document[] {
  const at = new Date(now)
  const isDue = { $and: [{ $ne: ['$dueAt', null] }, { $lte: ['$dueAt', at] }] }
  const needsNone = { $and: [isDue, { $eq: ['$leaseToken', null] }] }
  const waiting = { $ifNull: ['$dueAt', at] }
  const dueAfterMark = { $cond: [{ $gt: ['$failures', 0] }, waiting, { $min: [waiting, at] }] }
  return [
    {
      $set: Object.fromEntries(Object.entries(FRESH).map(([name, value]) => [name, { $ifNull: [`$${name}`, value] }])),
    },
    {
      $set: {
        marks: { $cond: [needsNone, '$marks', { $add: ['$marks', 1] }] },
        dueAt: { $cond: [needsNone, '$dueAt', dueAfterMark] },
      },
    },
  ]
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
      { collection: db.collection(COLLECTIONS.removals), key: '_id', filter: HAS_REMOVALS },
      { collection: db.collection(COLLECTIONS.erasures), key: 'user', filter: {} },
    ]
  }

  async mark(user: string, now: number): Promise<void> {
    await this.#upsert(user, markPipeline(now))
  }

  async #upsert(user: string, update: Document[]): Promise<void> {
    try {
      // Only a hint, which the sweep makes up for: it need not be on disk.
      await this.#repos.updateOne({ _id: user }, update, { upsert: true, writeConcern: { w: 1 } })
    } catch (error) {
      // Two made it at the same time; the second finds it there.
      if (takenKey(error) === null) throw error
      await this.#repos.updateOne({ _id: user }, update)
    }
  }

  /**
   * One request takes the lease, so that workers do not collide. What the rule adds for a repo whose last lease was lost
   * is a second one; a crash between the two leaves a lost lease again, and the next claim adds it.
   */
  async claim(
    owner: string,
    now: number,
    until: number,
    quarantineMs: number,
    among?: readonly string[],
  ): Promise<Lease | null> {
    const at = new Date(now)
    const lease = { token: randomUUID(), owner, until }
    // Those that are due but leased come first and are passed over: never more than there are workers.
    const document = await this.#repos.findOneAndUpdate(
      { dueAt: { $lte: at }, leaseUntil: { $lte: at }, ...(among === undefined ? {} : { _id: { $in: [...among] } }) },
      { $set: leaseFields(lease) },
      { sort: { dueAt: 1 }, returnDocument: 'before' },
    )
    const before = document && toRepo(document)
    const after = before && claimed(before, lease, now, quarantineMs)
    if (!before || !after) return null
    const rest = changedFields({ ...before, lease }, after)
    if (Object.keys(rest).length > 0) {
      const { matchedCount } = await this.#repos.updateOne({ _id: after.user, leaseToken: lease.token }, { $set: rest })
      if (matchedCount === 0) return null
    }
    return leaseOf(after)
  }

  noteDestructive(lease: Lease): Promise<boolean> {
    return this.#asHolder(lease, (repo) => notedDestructive(repo, lease))
  }

  renew(lease: Lease, until: number): Promise<boolean> {
    return this.#asHolder(lease, (repo) => renewed(repo, lease, until))
  }

  async release(lease: Lease, release: Release, now: number): Promise<void> {
    await this.#asHolder(lease, (repo) => released(repo, lease, release, now))
  }

  /**
   * Applies a rule to the repo as it was just read, and again to the repo as it is then if it was marked meanwhile.
   *
   * @returns false when the rule finds that the lease was lost
   */
  async #asHolder({ user }: Lease, rule: (repo: RepoState) => RepoState | null): Promise<boolean> {
    for (;;) {
      const document = await this.#repos.findOne({ _id: user })
      const before = document && toRepo(document)
      const after = before && rule(before)
      if (!before || !after) return false
      const change = changedFields(before, after)
      if (Object.keys(change).length === 0) return true
      if ((await this.#repos.updateOne(unchanged(before), { $set: change })).matchedCount === 1) return true
    }
  }

  async sweep(after: string, limit: number, now: number): Promise<string | null> {
    const pages = await Promise.all([
      this.#withMoods({ 'atproto.state': 'pending' }, after, limit),
      ...this.#withOtherWork(after, limit),
    ])
    // A full page may lack users beyond its end.
    const bound = pages
      .filter((page) => page.isFull)
      .map((page) => page.users.at(-1)!)
      .toSorted()[0]
    const found = [...new Set(pages.flatMap((page) => page.users))].toSorted()
    const users = (bound === undefined ? found : found.filter((user) => user <= bound)).slice(0, limit)
    await this.#remind(users, now)
    return bound === undefined && users.length === found.length ? null : (users.at(-1) ?? null)
  }

  /** One reading for all; a write for each that lacks a mark. One that changes meanwhile is left to the next sweep. */
  async #remind(users: readonly string[], now: number): Promise<void> {
    const documents = await this.#repos.find({ _id: { $in: [...users] } }).toArray()
    const known = new Map(documents.map((document) => [document._id, toRepo(document)]))
    const writes = users.flatMap((user): AnyBulkWriteOperation<RepoDocument>[] => {
      const before = known.get(user) ?? unmarked(user)
      const after = reminded(before, now)
      if (after === before) return []
      if (known.has(user))
        return [{ updateOne: { filter: unchanged(before), update: { $set: changedFields(before, after) } } }]
      const { _id, ...fields } = toRepoDocument(after)
      return [{ updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true } }]
    })
    if (writes.length === 0) return
    try {
      await this.#repos.bulkWrite(writes, { ordered: false, writeConcern: { w: 1 } })
    } catch (error) {
      // Another process added the same repo at the same time, with a mark.
      if (!isOnlyTaken(error)) throw error
    }
  }

  /** The users of a page of moods along their index. A user who fills a page alone is returned, and the next page starts after. */
  async #withMoods(filter: Filter<MoodDocument>, after: string, limit: number): Promise<Page> {
    const meant = { ...filter, user: { $gt: after } }
    const options = { projection: { _id: 0, user: 1 }, sort: { user: 1 } } as const
    const found = (await this.#moods.find(meant, { ...options, limit }).toArray()).map(({ user }) => user)
    const users = found.every(isUserName) ? found : await this.#named(meant, options, limit)
    return { users: [...new Set(users)], isFull: users.length === limit }
  }

  /** A page where something else stands where a user should, which is no place to go on from. */
  async #named(filter: Filter<MoodDocument>, options: FindOptions, limit: number): Promise<string[]> {
    const users: string[] = []
    const noLists = { $and: [filter, { user: { $not: { $type: 'array' as const } } }] }
    await using cursor = this.#moods.find(noLists, options)
    for await (const { user } of cursor) if (isUserName(user) && users.push(user) === limit) break
    return users
  }

  #withOtherWork(after: string, limit: number): Promise<Page>[] {
    return this.#others.map(async ({ collection, key, filter }) => {
      const users: string[] = []
      await using cursor = collection.find({ ...filter, [key]: { $gt: after } }, { projection: { [key]: 1 } })
      // Bytes that are no UTF-8 are no place to go on from.
      for await (const document of cursor.sort({ [key]: 1 })) {
        const user: unknown = document[key]
        if (isUserName(user) && users.push(user) === limit) break
      }
      return { users, isFull: users.length === limit }
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

  async get(user: string): Promise<RepoState | null> {
    const document = await this.#repos.findOne({ _id: user })
    return document && toRepo(document)
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
