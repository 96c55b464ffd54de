/**
 * What the product needs from the outside: a store for moods, accounts and leases, a PDS to write to, and a clock.
 * Adapters in `store/` and `pds/` implement these; nothing else is asked of them. Each method that writes is one atomic
 * write of one row or document (of moods in lists: one for each), so any store that has those will do.
 */

import type { Account, AccountState, ReadyAccount } from './domain/account.ts'
import type { AuditCounts, AuditedRecord, FindingKind } from './domain/audit.ts'
import type { Answer, LedgerEntry, Reservation } from './domain/budget.ts'
import type { Erasure } from './domain/erasure.ts'
import type { Mood, RecordsOnDelete, Saying } from './domain/mood.ts'
import type { Outcome } from './domain/outcome.ts'
import type { Quarantine, RepoWrite } from './domain/plan.ts'
import type { HoldReason, MoodSync, SyncState } from './domain/sync.ts'

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

/** A place in a list, newest first: everything before it has been seen. */
export interface FeedPosition {
  readonly when: number
  readonly id: string
}

export interface FeedQuery {
  /** These users' moods; null for everybody's. */
  readonly users: readonly string[] | null
  /** Whose private moods are included, if that user is among `users`. */
  readonly viewer: string | null
  readonly limit: number
  readonly after: FeedPosition | null
}

/** A result for one mood, kept only if the mood is still at `version`. */
export interface Settlement {
  readonly id: string
  readonly version: number
  readonly next: MoodSync
}

/** How far a reader of changes has come. */
export interface ChangePosition {
  readonly changedAt: number
  readonly id: string
}

/** A mood about to be saved: all of it, but for what only the store can know. */
export interface NewMood {
  readonly user: string
  /** Whether it says nothing new after this one, the user's latest that is not deleted. */
  repeats(latest: Saying): boolean
  /**
   * The whole mood.
   *
   * @param ordinal the user's next free number
   * @param salt 0, and one more for each record key that was taken
   */
  numbered(ordinal: number, salt: number): Mood
}

/** What authors do to moods, and who looks at them. */
export interface MoodStore {
  /**
   * Saves a new mood, durably, with its work order in the same write; or saves nothing when it repeats the latest one,
   * also when many come at once.
   */
  add(mood: NewMood): Promise<{ readonly mood: Mood; readonly added: boolean }>
  /** The highest number among the user's moods, deleted or not; 0 for none. */
  lastOrdinal(user: string): Promise<number>
  byId(id: string): Promise<Mood | null>
  /** Undeleted moods, newest first by `(when, id)`; private ones only for their own author. */
  feed(query: FeedQuery): Promise<readonly Mood[]>
  /** Moods changed after a position, in the order of their changes. */
  changes(after: ChangePosition, limit: number): Promise<readonly { mood: Mood; position: ChangePosition }[]>
  /** Keeps each changed mood whose stored version is still its own. @returns the ids that were kept */
  save(moods: readonly Mood[], now: number): Promise<ReadonlySet<string>>
  /** Moods of the user, numbered up to `through`, that are not deleted, or that a nuke has deleted. */
  ofUser(user: string, which: 'undeleted' | 'nuked', through: number, limit: number): Promise<readonly Mood[]>
  /** All moods of the user, deleted ones too, by their ids, after one. */
  history(user: string, after: string, limit: number): Promise<readonly Mood[]>
  /** Users who have moods, after one, in order. */
  authors(after: string, limit: number): Promise<readonly string[]>
  /** Removes up to `limit` moods of the user without trace. @returns how many */
  purge(user: string, limit: number): Promise<number>
}

/** The same moods as work for the engine. */
export interface WorkStore {
  /** The user's pending moods that are due, oldest first. */
  due(user: string, now: number, limit: number): Promise<readonly Mood[]>
  /** When the user's next pending mood is due; null when none is pending. */
  nextDue(user: string): Promise<number | null>
  /** Keeps each result whose mood has not changed meanwhile. @returns the ids whose result is there now */
  settle(settlements: readonly Settlement[], now: number): Promise<ReadonlySet<string>>
  /** Makes up to `limit` of the user's moods that were parked for this reason pending. @returns how many */
  requeueParked(user: string, hold: HoldReason, now: number, limit: number): Promise<number>
  /** Makes up to `limit` rejected moods pending: of this code, or all. @returns how many */
  retry(code: string | null, now: number, limit: number): Promise<number>
  /** How many moods are in each state, and why those are held back or rejected that are. */
  count(): Promise<MoodCounts>
}

export interface MoodCounts {
  readonly states: Readonly<Record<SyncState, number>>
  /** Of the rejected moods, how many by code. */
  readonly rejected: Readonly<Record<string, number>>
}

/** A change to many moods of a user, to be applied to those numbered up to `through`; kept until that is done. */
export interface Intent {
  readonly user: string
  readonly kind: 'nuke' | 'restore'
  readonly records: RecordsOnDelete
  readonly through: number
}

export interface IntentStore {
  /** Notes the intent unless the user has one. @returns what the user has now */
  begin(intent: Intent): Promise<Intent>
  get(user: string): Promise<Intent | null>
  /** Forgets it: it has been applied. */
  finish(user: string): Promise<void>
}

/** A record that is to go from a repo and belongs to no row: a second copy, or a stray. */
export interface Removal {
  readonly rkey: string
  /** Only this content; whatever else is there by then stays. */
  readonly cid: string
}

/** Orders to remove such records, kept until a reading has shown them gone. */
export interface RemovalStore {
  add(user: string, removals: readonly Removal[]): Promise<void>
  of(user: string): Promise<readonly Removal[]>
  finish(user: string, rkeys: readonly string[]): Promise<void>
}

/** What the last audit of a repo has found. */
export interface StoredAudit {
  readonly user: string
  /** When it was read, in ms since 1970. */
  readonly at: number
  /** Revision of the repo then; null when it could not be read. */
  readonly rev: string | null
  /** Why not. */
  readonly code: string | null
  readonly counts: AuditCounts
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
}

export interface AuditStore {
  put(audit: StoredAudit): Promise<void>
  /** Of these users, those that there are. */
  of(users: readonly string[]): Promise<ReadonlyMap<string, StoredAudit>>
  page(after: string, limit: number): Promise<readonly StoredAudit[]>
  remove(user: string): Promise<void>
}

/** The operator's switch, which all processes look at: nothing new is published while it is off. */
export interface SwitchStore {
  isOff(): Promise<boolean>
  turn(isOff: boolean): Promise<void>
}

export interface ErasureStore {
  /** Notes the job unless one is under way for the user. @returns the one under way */
  begin(erasure: Erasure): Promise<Erasure>
  /** The job under way for the user. */
  byUser(user: string): Promise<Erasure | null>
  byReceipt(receipt: string): Promise<Erasure | null>
  /** Saves if the stored version is still `erasure.version`. @returns the job as saved, or null if it had changed */
  save(erasure: Erasure): Promise<Erasure | null>
}

/** What has been used of the budgets of accounts and hosts, shared by all processes. */
export interface LedgerStore {
  /** Uses points if there are enough. */
  reserve(key: string, reservation: Reservation, now: number): Promise<Answer>
  /** The PDS asked to wait. */
  block(key: string, until: number): Promise<void>
  /** The host could not be reached. @param waitMs how long to leave it alone, given how often in a row that was */
  unreachable(key: string, certain: boolean, waitMs: (failures: number) => number, now: number): Promise<void>
  /** The host has answered. */
  reachable(key: string): Promise<void>
  /** Whoever it was about is erased. */
  forget(key: string): Promise<void>
}

export interface AccountStore {
  /** Gives the user this handle. `has_other`: the user already has a different one. */
  claimHandle(user: string, handle: string): Promise<'claimed' | 'taken' | 'has_other'>
  /** Handles of these users, where they have one. */
  handlesOf(users: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Users of these handles, where there are any; by handle. */
  usersOf(handles: readonly string[]): Promise<ReadonlyMap<string, string>>
  byUser(user: string): Promise<Account | null>
  byDid(did: string): Promise<Account | null>
  /** Some account that has a sealed password; null where there is none. */
  anySealed(): Promise<Account | null>
  /** Adds an account unless the user has one. @returns what the user has now */
  add(account: Account): Promise<Account>
  /** Saves if the stored version is still `account.version`. @returns the account as saved, or null if it had changed */
  save(account: Account): Promise<Account | null>
  /** Removes handle and account of the user. */
  remove(user: string): Promise<void>
  /** Has up to `limit` accounts that need attention tried again: of this code, or all. @returns how many */
  retry(code: string | null, limit: number): Promise<number>
  /** How many accounts are in each state, and of those that need attention, how many by code. */
  count(): Promise<AccountCounts>
}

export interface AccountCounts {
  readonly states: Readonly<Record<AccountState, number>>
  readonly attention: Readonly<Record<string, number>>
}

/** The right to work on one repo, until a time. */
export interface Lease {
  readonly user: string
  readonly token: string
  /** The holder before may have written something that nobody recorded: read the repo before writing. */
  readonly uncertain: boolean
  /** What may still happen to the repo by requests of before. */
  readonly quarantine: Quarantine
  /** Passes over this repo that failed in a row. */
  readonly failures: number
  /** Marks that the holder has seen. */
  readonly marks: number
}

/** How a pass over a repo ended. */
export interface Release {
  /** When to come back, in ms since 1970; null when nothing is pending. */
  readonly dueAt: number | null
  readonly uncertain: boolean
  readonly quarantine: Quarantine
  readonly failures: number
}

/**
 * Which repos have work, and who is at it. A mark is a hint: `sweep` finds whatever a lost one has missed. Finding the
 * next repo costs the same however many moods or waiting repos there are.
 */
export interface RepoQueue {
  /** Says that the user's repo has work now. A repo that is backing off stays so. */
  mark(user: string, now: number): Promise<void>
  /**
   * Takes the repo that has been due the longest. One whose last lease was not released is uncertain, and in quarantine
   * for `quarantineMs` after that lease ended.
   */
  claim(owner: string, now: number, until: number, quarantineMs: number): Promise<Lease | null>
  /** Notes, before it is sent, that something destructive is under way; a release forgets it. @returns false if the lease was lost */
  noteDestructive(lease: Lease): Promise<boolean>
  /** @returns false if the lease was lost */
  renew(lease: Lease, until: number): Promise<boolean>
  /** Gives the repo back. A mark set meanwhile makes it due at once. A lost lease changes nothing. */
  release(lease: Lease, release: Release, now: number): Promise<void>
  /** Marks up to `limit` users after `after` who have work but no mark. @returns where to go on; null at the end */
  sweep(after: string, limit: number, now: number): Promise<string | null>
  /** Up to `limit` users after `after` who have moods parked for this reason. */
  parked(hold: HoldReason, after: string, limit: number): Promise<readonly string[]>
  /** Forgets the repo: its user is erased. */
  remove(user: string): Promise<void>
  /** Calls `wake` when another process may have marked a repo, where the store can tell. @returns how to stop */
  listen(wake: () => void): Disposable
}

/** A repo as the queue knows it. */
export interface RepoState {
  readonly user: string
  readonly dueAt: number | null
  readonly marks: number
  readonly failures: number
  readonly uncertain: boolean
  readonly quarantine: Quarantine
  readonly lease: { readonly token: string; readonly owner: string; readonly until: number } | null
}

/** What a store holds, by kind; enough to make another store that is its equal. */
export interface ArchiveItems {
  readonly handles: { readonly user: string; readonly handle: string }
  readonly accounts: Account
  readonly moods: { readonly mood: Mood; readonly changedAt: number }
  readonly intents: Intent
  readonly erasures: Erasure
  readonly ledger: { readonly key: string; readonly entry: LedgerEntry }
  readonly removals: { readonly user: string; readonly removals: readonly Removal[] }
  readonly repos: RepoState
}
export type ArchiveKind = keyof ArchiveItems

/** The whole store, item by item, for moving it elsewhere. */
export interface Archive {
  count(kind: ArchiveKind): Promise<number>
  /** Up to `limit` items after a key (`''` for the first), in the order of their keys. */
  page<K extends ArchiveKind>(
    kind: K,
    after: string,
    limit: number,
  ): Promise<readonly { readonly key: string; readonly item: ArchiveItems[K] }[]>
  /** Puts items where their keys are, over what is there; each is one atomic write. */
  put<K extends ArchiveKind>(kind: K, items: readonly ArchiveItems[K][]): Promise<void>
}

/** Everything that is kept in the primary. */
export interface Store extends AsyncDisposable {
  readonly moods: MoodStore
  readonly work: WorkStore
  readonly accounts: AccountStore
  readonly repos: RepoQueue
  readonly intents: IntentStore
  readonly erasures: ErasureStore
  readonly removals: RemovalStore
  readonly audits: AuditStore
  readonly publishing: SwitchStore
  readonly ledger: LedgerStore
  readonly archive: Archive
  /** Where it is kept, for people. */
  readonly name: string
  /** Throws when the store cannot be used. */
  check(): Promise<void>
}

/** What a PDS holds under a record key. */
export interface RepoRecord {
  readonly uri: string
  readonly cid: string
  readonly value: unknown
}

/** A collection as it was at one revision. */
export interface RepoSnapshot {
  readonly rev: string
  readonly records: ReadonlyMap<string, AuditedRecord>
}

/** Reads and writes one collection of a repo. Says nothing of how it was authorised. */
export interface RepoClient {
  /** CIDs of these records; null for those that are not there. A partial reading is a failure. */
  read(
    account: ReadyAccount,
    collection: string,
    rkeys: readonly string[],
  ): Promise<Outcome<ReadonlyMap<string, string | null>>>
  /** All records of the collection: record keys and CIDs. */
  list(account: ReadyAccount, collection: string): Promise<Outcome<ReadonlyMap<string, string>>>
  /** The whole collection with its contents, at one revision. @param verify checks the signature of the repo as well */
  snapshot(account: ReadyAccount, collection: string, verify: boolean): Promise<Outcome<RepoSnapshot>>
  /** Revisions of all repos on a PDS, by DID. */
  revisions(pds: string): Promise<Outcome<ReadonlyMap<string, string>>>
  /** One record, with its content; null when it is not there. */
  get(account: ReadyAccount, collection: string, rkey: string): Promise<Outcome<RepoRecord | null>>
  /** All of these or none, in one commit. */
  write(account: ReadyAccount, collection: string, writes: readonly RepoWrite[], signal: AbortSignal): Promise<Outcome>
}

/** What came of asking a PDS for an account. */
export interface OpenedAccount {
  readonly did: string
  readonly pds: string
  readonly sealedSession: string
}

/** Makes accounts on a PDS. */
export interface AccountHost {
  /** What the PDS appends to handles, with its dot. */
  handleDomain(): Promise<Outcome<string>>
  /** A new password, sealed, to be stored before {@link open} is called. */
  newSealedPassword(): Promise<string>
  /**
   * Makes the account, or finds it made: safe to repeat with the same handle and password.
   * `rejected` with the code `HandleNotAvailable`: reserved, or somebody else's.
   */
  open(account: Account): Promise<Outcome<OpenedAccount>>
  /** Finds what an earlier {@link open} may have made, and makes nothing; null when there is no such account. */
  find(account: Account): Promise<Outcome<OpenedAccount | null>>
  /** Deletes an account with all that it holds; fine when there is none. */
  remove(did: string): Promise<Outcome>
}
