/** Marks and leases in MongoDB: one document for each repo that ever had work. */

import { randomUUID } from 'node:crypto'
import type { AnyBulkWriteOperation, Collection, Db, Document, Filter, FindOptions } from 'mongodb'
import { byBytes } from '../../domain/byte-order.ts'
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
  rebuilt,
} from '../../domain/queue.ts'
import { isOdd, isUserName, type Odd, type StoredDocument } from '../../domain/odd.ts'
import { NO_ACCOUNT, readAccount } from '../../domain/read-account.ts'
import { readErasure, readIntent, readRemovals } from '../../domain/read-jobs.ts'
import type { HoldReason } from '../../domain/sync.ts'
import type { RepoQueue } from '../../ports/queue.ts'
import { ACCOUNT_ONLY } from './account-documents.ts'
import { COLLECTIONS } from './collections.ts'
import type { MoodDocument } from './documents.ts'
import { isOnlyTaken, takenKey } from './errors.ts'
import { listen } from './listen.ts'
import { pageOf } from './pages.ts'
import { HAS_REMOVALS } from './removals.ts'
import {
  changedFields,
  leaseFields,
  markPipeline,
  rebuiltFields,
  type RepoDocument,
  repoIn,
  toRepoDocument,
  unchanged,
} from './repo-documents.ts'
import { storedDocument } from './stored.ts'
import { Together } from './together.ts'

export class MongoRepos implements RepoQueue {
  readonly #repos: Collection<RepoDocument>
  readonly #moods: Collection<MoodDocument>
  readonly #others: readonly OtherWork[]
  readonly #marks = new Together<Mark, void>((marks) => this.#markAll(marks))

  constructor(db: Db) {
    this.#repos = db.collection<RepoDocument>(COLLECTIONS.repos)
    this.#moods = db.collection<MoodDocument>(COLLECTIONS.moods)
    const users = {
      collection: db.collection(COLLECTIONS.users),
      key: '_id',
      userOf: userWithAccount,
      projection: ACCOUNT_ONLY,
    }
    const [intents, removals, erasures] = [COLLECTIONS.intents, COLLECTIONS.removals, COLLECTIONS.erasures].map(
      (name) => db.collection(name),
    ) as [Collection, Collection, Collection]
    this.#others = [
      { ...users, filter: { 'atproto.state': 'pending' } },
      { ...users, filter: { 'atproto.requeue': true } },
      { collection: intents, key: '_id', filter: {}, userOf: userIn(readIntent) },
      { collection: removals, key: '_id', filter: HAS_REMOVALS, userOf: userIn(readRemovals) },
      { collection: erasures, key: 'user', filter: {}, userOf: userIn(readErasure) },
    ]
  }

  mark(user: string, now: number): Promise<void> {
    return this.#marks.ask({ user, now })
  }

  /** One write for all that are there. Each of the others is made. */
  async #markAll(marks: readonly Mark[]): Promise<(void | Promise<void>)[]> {
    const now = Math.max(...marks.map((mark) => mark.now))
    const users = [...new Set(marks.map(({ user }) => user))]
    if (users.length > 1) {
      // Only a hint, as below.
      const options = { writeConcern: { w: 1 } } as const
      const { matchedCount } = await this.#repos.updateMany({ _id: { $in: users } }, markPipeline(now), options)
      if (matchedCount === users.length) return marks.map(() => {})
    }
    const made = new Map(users.map((user) => [user, this.#upsert(user, markPipeline(now))]))
    return marks.map(({ user }) => made.get(user)!)
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
    if (!document) return null
    if (!isUserName(document._id)) {
      await this.#passOver(document.dueAt, lease.token)
      return this.claim(owner, now, until, quarantineMs, among)
    }
    const before = repoIn(document)
    if (isOdd(before)) return this.#claimRebuilt({ ...rebuilt(document._id, now), lease })
    const after = claimed(before, lease, now, quarantineMs)
    if (!after) return null
    const rest = changedFields({ ...before, lease }, after)
    if (Object.keys(rest).length > 0 && !(await this.#setLeased(after, rest))) return null
    return leaseOf(after)
  }

  /** Nobody's repo: it is due no more, so that it stands in nobody's way. */
  async #passOver(dueAt: unknown, leaseToken: string): Promise<void> {
    await this.#repos.updateOne({ dueAt: { $eq: dueAt }, leaseToken } as Filter<RepoDocument>, {
      $set: { dueAt: null },
    })
  }

  /** A state that cannot be read is made again under the new lease. */
  async #claimRebuilt(repo: RepoState): Promise<Lease | null> {
    const { _id, ...fields } = toRepoDocument(repo)
    return (await this.#setLeased(repo, fields)) ? leaseOf(repo) : null
  }

  async #setLeased({ user, lease }: RepoState, fields: Partial<RepoDocument>): Promise<boolean> {
    const { matchedCount } = await this.#repos.updateOne({ _id: user, leaseToken: lease!.token }, { $set: fields })
    return matchedCount === 1
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
      const before = document && repoIn(document)
      const after = before && !isOdd(before) ? rule(before) : null
      if (!before || isOdd(before) || !after) return false
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
      .toSorted(byBytes)[0]
    const found = [...new Set(pages.flatMap((page) => page.users))].toSorted(byBytes)
    const users = (bound === undefined ? found : found.filter((user) => byBytes(user, bound) <= 0)).slice(0, limit)
    await this.#remind(users, now)
    return bound === undefined && users.length === found.length ? null : (users.at(-1) ?? null)
  }

  /** One reading for all; a write for each that lacks a mark. One that changes meanwhile is left to the next sweep. */
  async #remind(users: readonly string[], now: number): Promise<void> {
    const documents = await this.#repos.find({ _id: { $in: [...users] } }).toArray()
    const known = new Map(documents.map((document) => [document._id, repoIn(document)]))
    const writes = users.flatMap((user): AnyBulkWriteOperation<RepoDocument>[] => {
      const before = known.get(user) ?? unmarked(user)
      if (isOdd(before)) return [{ updateOne: { filter: { _id: user }, update: { $set: rebuiltFields(user, now) } } }]
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
    return this.#others.map(async ({ collection, key, filter, projection = {}, userOf }) => {
      const page = { filter: { ...filter, [key]: { $gt: after } }, sort: { [key]: 1 } as const, limit, projection }
      const users = await pageOf(collection, page, (documents) => documents.map(userOf))
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
    const reading = document && repoIn(document)
    return reading && !isOdd(reading) ? reading : null
  }

  async forget(user: string): Promise<void> {
    await this.#repos.deleteOne({ _id: user })
  }

  listen(wake: () => void): Disposable {
    return listen(this.#repos, wake)
  }
}

/** A user's repo has work. */
interface Mark {
  readonly user: string
  readonly now: number
}

interface Page {
  /** Without repetition, in order. */
  readonly users: readonly string[]
  readonly isFull: boolean
}

/** What else is work for a user's repo. */
interface OtherWork {
  readonly collection: Collection
  /** The field that holds the user, along which an index leads. */
  readonly key: string
  readonly filter: Document
  readonly projection?: Document
  /** The user whose work it is; null for a document that is odd. */
  readonly userOf: (document: Document) => string | null
}

function userIn(read: (stored: StoredDocument) => { readonly user: string | null } | Odd) {
  return (document: Document): string | null => {
    const reading = read(storedDocument(document))
    return isOdd(reading) ? null : reading.user
  }
}

function userWithAccount(document: Document): string | null {
  // Which PDS an account has where its document names none makes no difference here.
  const reading = readAccount(storedDocument(document), '')
  return isOdd(reading) || reading === NO_ACCOUNT ? null : reading.user
}
