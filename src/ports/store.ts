/**
 * The primary: moods, accounts, jobs and budgets in one database. Implemented in `store/sqlite` and `store/mongo`; the
 * suite in `test/contract` holds every implementation to it.
 *
 * What a method changes, it changes in one atomic write of one row or document; given a list, in one for each item. The
 * exceptions say so, and what a crash leaves: `AccountStore.forget`, `RepoQueue.sweep`. A method that only reads has no
 * snapshot: rows that change meanwhile may be seen as they were or as they are.
 */

import type { Account, StoredAccountState } from '../domain/account.ts'
import type { Answer, FailingHost, LedgerEntry, Limit, Reservation } from '../domain/budget.ts'
import type { Erasure } from '../domain/erasure.ts'
import type { HostFacts } from '../domain/host-facts.ts'
import type { Intent, Removal } from '../domain/jobs.ts'
import type { Look, RepoLooks } from '../domain/looks.ts'
import type { Mood, Saying } from '../domain/mood.ts'
import type { StoredPolicy } from '../domain/policy.ts'
import type { OddMood } from '../domain/read-mood.ts'
import type { Odd } from '../domain/odd.ts'
import type { HoldReason, MoodSync, SyncState } from '../domain/sync.ts'
import type { Task, TaskNotes } from '../domain/tasks.ts'
import type { Unwell } from '../domain/unwell.ts'
import type { Worker } from '../domain/worker.ts'
import type { Archive } from './archive.ts'
import type { DataStore } from './data.ts'
import type { RepoQueue } from './queue.ts'
import type { SightingStore } from './sightings.ts'

/** Everything that is kept in the primary. */
export interface Store extends AsyncDisposable {
  readonly moods: MoodStore
  readonly work: WorkStore
  readonly odd: OddStore
  readonly accounts: AccountStore
  readonly repos: RepoQueue
  readonly intents: IntentStore
  readonly erasures: ErasureStore
  readonly removals: RemovalStore
  readonly audits: AuditStore
  readonly sightings: SightingStore
  readonly policy: PolicyStore
  readonly ledger: LedgerStore
  readonly workers: WorkerStore
  readonly tasks: TaskStore
  readonly data: DataStore
  readonly archive: Archive
  /** Where it is kept, for people. */
  readonly name: string
  /**
   * Why this process may only read it, and what to grant, in one line; null where it may write. Of such a store every method
   * that writes throws `config` with these words, but for what only spares later work: audits are not noted, budgets are
   * counted in this process alone, and the first policy is in force without being stored.
   */
  readonly onlyRead: string | null
  /** @throws DomainError `unavailable` when the store cannot be used just now */
  check(): Promise<void>
  /**
   * What time it has, in ms since 1970: that of its server, or of this machine where it is a file.
   *
   * @throws DomainError `unavailable`
   */
  time(): Promise<number>
}

/** What authors do to moods, and who looks at them. */
export interface MoodStore {
  /**
   * Saves a new mood, durably, with its work order in the same write; or saves nothing when it repeats the user's latest
   * one. Posts that race are ordered: each is compared with the one before it.
   */
  add(mood: NewMood): Promise<{ readonly mood: Mood; readonly added: boolean }>
  /** The highest number among the user's moods, deleted or not; 0 for none. */
  lastOrdinal(user: string): Promise<number>
  byId(id: string): Promise<Mood | null>
  /** When the mood was last changed, by its author or the engine, in ms since 1970; null where that was never noted. */
  changedAt(id: string): Promise<number | null>
  /** Undeleted moods, newest first by `(when, id)`; private ones only for their own author. */
  feed(query: FeedQuery): Promise<readonly Mood[]>
  /** Moods changed after a position, in the order of their changes. */
  changes(after: ChangePosition, limit: number): Promise<readonly { mood: Mood; position: ChangePosition }[]>
  /**
   * Saves each mood whose stored version is still `mood.version`: what its author may change, its deletion and its sync
   * state; its version grows by one. One whose new record key another mood of the user has is not saved, nor is one whose row
   * the database refuses to change.
   *
   * @param now when it changed, in ms since 1970
   * @returns the ids of those that were saved
   */
  save(moods: readonly Mood[], now: number): Promise<ReadonlySet<string>>
  /**
   * Up to `limit` moods of the user, numbered up to `through`, that are not deleted, or that a nuke has deleted, after one
   * (null for the first). A caller changes each so that it is no longer among them; those that cannot be changed are left behind.
   */
  ofUser(
    user: string,
    which: 'undeleted' | 'nuked',
    through: number,
    after: MoodPosition | null,
    limit: number,
  ): Promise<readonly Mood[]>
  /** Up to `limit` moods of the user, deleted ones too, in an order of the store's own, after one (null for the first). */
  history(user: string, after: MoodPosition | null, limit: number): Promise<readonly Mood[]>
  /** Up to `limit` users who have moods, once each, by their names, after one (`''` for the first). */
  authors(after: string, limit: number): Promise<readonly string[]>
  /** Removes up to `limit` moods of the user without trace, odd ones too if the user’s name stands there alone. @returns how many */
  purge(user: string, limit: number): Promise<number>
  /** Removes each of these moods without trace if its stored version is still its own. @returns how many */
  purgeMoods(moods: readonly Pick<Mood, 'id' | 'version'>[]): Promise<number>
}

/** A place among the moods of a user: each store goes by what it has an index of. */
export type MoodPosition = Pick<Mood, 'id' | 'when' | 'ordinal'>

/** A mood to be saved, except for what only the store can know. */
export interface NewMood {
  readonly user: string
  /** Whether it adds nothing to the user's latest mood that is not deleted. */
  repeats(latest: Saying): boolean
  /**
   * The whole mood.
   *
   * @param ordinal the user's next free number
   * @param salt 0, and one more for each record key that was taken
   */
  numbered(ordinal: number, salt: number): Mood
}

export interface FeedQuery {
  /** These users' moods; null for those of all users. */
  readonly users: readonly string[] | null
  /** Whose private moods are included, if that user is among `users`. */
  readonly viewer: string | null
  readonly limit: number
  readonly after: FeedPosition | null
}

/** A place in a list, newest first: everything before it has been seen. */
export interface FeedPosition {
  readonly when: number
  readonly id: string
}

/** How far a reader of changes has come. */
export interface ChangePosition {
  readonly changedAt: number
  readonly id: string
}

/** The same moods as work for the engine. */
export interface WorkStore {
  /** The user's pending moods that are due, oldest first; last those that are due further ahead than a mood can be. */
  due(user: string, now: number, limit: number): Promise<readonly Mood[]>
  /** When the user's next pending mood is due; null when none is pending. */
  nextDue(user: string): Promise<number | null>
  /**
   * Keeps each result whose mood is still at the version it was computed from.
   *
   * @param now when it changed, in ms since 1970
   * @returns the ids whose result is stored now
   */
  settle(settlements: readonly Settlement[], now: number): Promise<ReadonlySet<string>>
  /** Up to `limit` of the user's moods that are held for this reason, by their ids, after one (`''` for the first). */
  held(user: string, hold: HoldReason, after: string, limit: number): Promise<readonly Mood[]>
  /** Up to `limit` rejected moods, of this code or (null) of any, by their ids, after one (`''` for the first). */
  rejected(code: string | null, after: string, limit: number): Promise<readonly Mood[]>
  /**
   * Up to `limit` pending moods that have been due the longest, of all users, those that are due next coming last. What is
   * posted or enqueued is due at once, so that its `dueAt` tells how long it has waited.
   */
  oldestPending(limit: number): Promise<readonly Mood[]>
  /** How many moods are in each state, held for each reason, and rejected with each code. */
  count(): Promise<MoodCounts>
  /** How many moods each of these users has, deleted ones too; users without any are left out. */
  countOf(users: readonly string[]): Promise<ReadonlyMap<string, number>>
  /**
   * How many moods of each of these users are pending; users without any are left out. It counts along an index, so that moods
   * which cannot be read for certain may be among them: `nextDue` tells whether there is work.
   */
  pendingOf(users: readonly string[]): Promise<ReadonlyMap<string, number>>
}

/** A result for one mood, kept only if the mood is still at `version`. */
export interface Settlement {
  readonly id: string
  readonly version: number
  readonly next: MoodSync
}

export interface MoodCounts {
  readonly states: Readonly<Record<SyncState, number>>
  /** Of all these, how many their authors have deleted. */
  readonly deleted: number
  /** Of the local moods, how many are held for each reason; history that is private or deleted counts as that. */
  readonly held: Readonly<Record<HoldReason, number>>
  /** Of the rejected moods, how many by code. */
  readonly rejected: Readonly<Record<string, number>>
}

/** Moods that cannot be read for certain: in no list of the other ports, so that they are left alone, and here to be named. */
export interface OddStore {
  /**
   * All that are the user's, or may be: where a list stands in the place of the user, it holds this one.
   *
   * @param good how many moods of the user can be read; where there are no more, none is looked at again
   */
  of(user: string, good?: number): Promise<readonly OddMood[]>
  /** Of the moods that records name by these ids, those that are odd, whosever they are. */
  named(ids: readonly string[]): Promise<readonly OddMood[]>
}

export interface AccountStore {
  /** Gives the user this handle. `taken`: another user has it; `has_other`: this user has a different one; `odd`: what this user has cannot be read. */
  claimHandle(user: string, handle: string): Promise<'claimed' | 'taken' | 'has_other' | 'odd'>
  /** Handles of these users, where they have one. */
  handlesOf(users: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Users of these handles, where there are any; by handle. */
  usersOf(handles: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** In state `odd` where it cannot be read, or another user has the same DID. */
  byUser(user: string): Promise<Account | null>
  byDid(did: string): Promise<Account | null>
  /** Up to `limit` accounts that have a sealed password, whichever. */
  sealed(limit: number): Promise<readonly Account[]>
  /** Adds an account, whose handle the user has claimed, unless the user has one. @returns what the user has now */
  add(account: Account): Promise<Account>
  /** Saves if the stored version is still `account.version`. @returns the account as saved, or null if it had changed, or is odd */
  save(account: Account): Promise<Account | null>
  /** Removes the user's account, then the handle: a crash in between leaves the handle, until this is called again. */
  forget(user: string): Promise<void>
  /** Up to `limit` accounts that need attention, for this code or (null) for any, by their users, after one (`''` for the first). */
  needingAttention(code: string | null, after: string, limit: number): Promise<readonly Account[]>
  /** How many accounts are in each state, and of those that need attention, how many by code. */
  count(): Promise<AccountCounts>
}

export interface AccountCounts {
  /** One that is odd may be among them, as what it seems to be. */
  readonly states: Readonly<Record<StoredAccountState, number>>
  readonly attention: Readonly<Record<string, number>>
}

export interface IntentStore {
  /** Stores the intent unless the user has one; in place of one that cannot be read. @returns the user's intent now */
  begin(intent: Intent): Promise<Intent>
  get(user: string): Promise<Intent | Odd | null>
  /** Removes the user's intent: it has been applied. */
  finish(user: string): Promise<void>
}

export interface ErasureStore {
  /**
   * Stores the job unless one is under way for the user.
   *
   * @returns the one under way
   * @throws DomainError `being_erased` when the one under way cannot be read
   * @throws when the receipt is taken
   */
  begin(erasure: Erasure): Promise<Erasure>
  /** The job under way for the user. */
  byUser(user: string): Promise<Erasure | Odd | null>
  byReceipt(receipt: string): Promise<Erasure | Odd | null>
  /** Saves if the stored version is still `erasure.version`. @returns the job as saved, or null if it had changed */
  save(erasure: Erasure): Promise<Erasure | null>
  /** Up to `limit` jobs that are not finished, the oldest first by `(requestedAt, receipt)`, after one (null for the first). */
  open(after: ErasurePosition | null, limit: number): Promise<readonly Erasure[]>
  /** Up to `limit` jobs that name a user and cannot be read: nobody carries them out. */
  odd(limit: number): Promise<readonly Odd[]>
}

/** A place in a list of erasures, oldest first: everything before it has been seen. */
export type ErasurePosition = Pick<Erasure, 'requestedAt' | 'receipt'>

/** Orders to remove records that belong to no row, kept until a reading has shown them gone. */
export interface RemovalStore {
  /** Adds orders to those of the user. One for a record key that has an order already replaces it. */
  add(user: string, removals: readonly Removal[]): Promise<void>
  /** All that are ordered, by record key; none where the orders cannot be read, since the next repair gives them again. */
  of(user: string): Promise<readonly Removal[]>
  /** Removes the orders for these record keys: they are done. */
  finish(user: string, rkeys: readonly string[]): Promise<void>
  /** Removes all orders of the user, also those that cannot be read. */
  forget(user: string): Promise<void>
}

export interface AuditStore {
  /** Adds a look at the user's repo to those before it (`looked` of `domain/looks.ts`). */
  note(user: string, look: Look): Promise<void>
  /** The same for a look at the repo of each of these users, in a few requests; each is a write of its own. */
  noteAll(looks: ReadonlyMap<string, Look>): Promise<void>
  /** The last audits of these users, where there are any; by user. */
  of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>>
  /** Up to `limit` audits, by their users, after one (`''` for the first). */
  page(after: string, limit: number): Promise<readonly StoredAudit[]>
  /** Removes the user's audit. */
  forget(user: string): Promise<void>
}

/** What the last audits of a user's repo found, or why they failed. */
export interface StoredAudit extends RepoLooks {
  readonly user: string
}

/** The operator's policy on federation, which every process follows. */
export interface PolicyStore {
  /**
   * The policy in force; null before a process has stored the first one. One that cannot be read is replaced by
   * `unreadablePolicy`.
   */
  get(): Promise<StoredPolicy | null>
  /** Stores the first policy, unless there is one. @returns the policy in force */
  begin(first: Omit<StoredPolicy, 'version'>): Promise<StoredPolicy>
  /** Replaces the policy whose version is still `policy.version`, or (with `odd`) the one that cannot be read. @returns the policy as saved, or null if it had changed */
  save(policy: StoredPolicy): Promise<StoredPolicy | null>
}

/** What has been used of the budgets of accounts and hosts, shared by all processes. */
export interface LedgerStore {
  /** What is noted under the key; null when nothing is. */
  get(key: string): Promise<LedgerEntry | null>
  /** Uses points if there are enough (`reserve` of `domain/budget.ts`). */
  reserve(key: string, reservation: Reservation, now: number): Promise<Answer>
  /** The PDS asked to wait. @param until ms since 1970 @param limits of the budget, where it is an account's */
  block(key: string, until: number, limits?: readonly Limit[]): Promise<void>
  /**
   * The host could not be reached.
   *
   * @param certain the connection was refused: no further proof is needed
   * @param waitMs how long to leave the host alone after so many failures in a row
   * @param askedAt when the request was sent, in ms since 1970; just now where it is not given
   */
  unreachable(
    key: string,
    certain: boolean,
    waitMs: (failures: number) => number,
    now: number,
    askedAt?: number,
  ): Promise<void>
  /**
   * The host has not answered a method as a PDS does.
   *
   * @param askedAt when the request was sent, in ms since 1970
   */
  noteUnwell(key: string, note: Pick<Unwell, 'method' | 'said'>, now: number, askedAt: number): Promise<void>
  /** The host has answered these methods as a PDS does. */
  noteWell(key: string, methods: readonly string[]): Promise<void>
  /** Keeps what holds on the host, or (null) forgets it. */
  know(key: string, facts: HostFacts | null): Promise<void>
  /**
   * Up to `limit` hosts that have missed the last request, or do not answer as a PDS does, in the order of their names.
   *
   * @param after only hosts behind this one
   */
  failing(limit: number, after?: string): Promise<readonly FailingHost[]>
  /** The host has answered. */
  reachable(key: string): Promise<void>
  /** Removes the entry: its user is erased. */
  forget(key: string): Promise<void>
}

/** The processes whose engines work for all users. */
export interface WorkerStore {
  /** Keeps what a worker says of itself, in place of what it said before: it is alive. */
  beat(worker: Worker): Promise<void>
  /** All that are not forgotten, the dead too, by their ids. */
  all(): Promise<readonly Worker[]>
  /** Removes the worker: nobody needs to know of it any more. */
  forget(id: string): Promise<void>
}

/** What processes do one at a time, again and again, each process for all others. */
export interface TaskStore {
  /**
   * Takes the task for one process (`mayClaim`), or keeps it longer.
   *
   * @param until ms since 1970; no later than `now` gives it back
   * @returns false if another process has it
   */
  claim(task: Task, owner: string, now: number, until: number): Promise<boolean>
  /** What came of the task last; null where it was never done, or what is stored of that cannot be read. */
  last<T extends Task>(task: T): Promise<TaskNotes[T] | null>
  /** Keeps what came of the task, in place of what was kept before. */
  note<T extends Task>(task: T, note: TaskNotes[T]): Promise<void>
}
