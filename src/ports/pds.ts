/** What the engine asks of a PDS: reading and writing repos, and making accounts. Implemented in `pds/`. */

import type { Account, Credentials, ReadyAccount } from '../domain/account.ts'
import type { Compared } from '../domain/audit-pages.ts'
import type { ExpectedRecords } from '../domain/expected.ts'
import type { SmallBudget } from '../domain/budget.ts'
import type { HostTraits } from '../domain/host-facts.ts'
import type { Failure, Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import type { ReadCommit } from '../domain/proof.ts'
import type { RepoCondition } from '../domain/repo-condition.ts'

/** Reads and writes one collection of a repo. Says nothing of how it was authorised. */
export interface RepoClient {
  /**
   * The same, but that what it reads is `uncertain` when the signal fires; what it writes has a signal of its own.
   *
   * @param small what its readings are charged to as well; none by default
   */
  until(signal: AbortSignal, small?: SmallBudget): RepoClient
  /**
   * What is there of these records. It fails where nothing was heard of the host, or it asks to wait.
   *
   * @param hints what may spare requests; however wrong they are, what comes back is what is there
   */
  read(
    account: ReadyAccount,
    collection: string,
    rkeys: readonly string[],
    hints?: ReadHints,
  ): Promise<Outcome<ReadRecords>>
  /**
   * All records of the collection: record keys and CIDs.
   *
   * @param hints.deleted those that were just deleted, so that few others are likely to be there
   */
  list(
    account: ReadyAccount,
    collection: string,
    hints?: Pick<ReadHints, 'deleted'>,
  ): Promise<Outcome<ReadonlyMap<string, string>>>
  /**
   * Compares the collection with what it should hold, at one revision, and reads what differs with its content: by the tree of
   * the repo, where the host can do that and it costs less, and else from the whole repo.
   * Where a repo is sent damaged, the damage is told.
   */
  compare(account: ReadyAccount, collection: string, options?: CompareOptions): Promise<Outcome<RepoComparison>>
  /** Revision of the newest commit of a repo; null where the PDS does not tell. */
  revision(account: ReadyAccount): Promise<Outcome<string | null>>
  /** Revisions of all repos on a PDS, by DID. */
  revisions(pds: string): Promise<Outcome<ReadonlyMap<string, string>>>
  /**
   * One record, with its content; null when it is not there. It can be read also where the account is refused.
   *
   * @param by the operator by default. `anyone`: whoever asks the API; they have a small budget of their own, which never takes what authors need.
   */
  get(
    repo: Pick<ReadyAccount, 'did' | 'pds'>,
    collection: string,
    rkey: string,
    by?: 'operator' | 'anyone',
  ): Promise<Outcome<RepoRecord | null>>
  /** Probes a PDS that has missed a request, once it may be tried again; asks nothing of one that has answered the last one. */
  reach(pds: string): Promise<Outcome>
  /** All of these or none, in one commit. @param forms which forms of `swapRecord` the host takes; all, where it is not said */
  write(
    account: ReadyAccount,
    collection: string,
    writes: readonly RepoWrite[],
    signal: AbortSignal,
    forms?: Pick<HostTraits, 'nullSwap' | 'cidSwap'>,
  ): Promise<Outcome>
  /** Finds out what holds on the account's host, by test records that are deleted again. @param signal ends it early */
  probe(account: ReadyAccount, signal: AbortSignal): Promise<Outcome<HostTraits>>
}

/** Some records, each of which was read by itself: an answer that cannot be believed says nothing of the others. */
export interface ReadRecords {
  /** CIDs; null for those that are not there. */
  readonly cids: ReadonlyMap<string, string | null>
  /** Why the others could not be read. */
  readonly unread: ReadonlyMap<string, Failure>
}

/** What a PDS holds under a record key. */
export interface RepoRecord {
  readonly uri: string
  readonly cid: string
  readonly value: unknown
}

/** What a reader knows of the records before it reads them. */
export interface ReadHints {
  /** Those that were just deleted: what is likely can be asked for at less cost. */
  readonly deleted?: ReadonlySet<string>
  /** How many records the collection may hold. */
  readonly records?: number
}

export interface CompareOptions {
  /**
   * What the collection should hold; nothing by default, so that all of it is read. However wrong it is, what comes back is
   * what the repo holds.
   */
  readonly expected?: ExpectedRecords
  /**
   * Whether the signature of the repo is checked as well; not by default. With `if_possible` it is where the key of the account is
   * known or can be had, and a repo that has none is read all the same; a signature that is wrong makes the reading fail.
   */
  readonly verify?: boolean | 'if_possible'
}

/** A collection as it was at one revision, beside what it should hold. */
export interface RepoComparison extends Compared, ReadCommit {}

/** Makes accounts on a PDS. */
export interface AccountHost {
  /** What the PDS appends to handles, with its dot. */
  handleDomain(): Promise<Outcome<string>>
  /** A new password, sealed, to be stored before {@link ensure} is called. */
  newCredentials(): Promise<Credentials>
  /**
   * Makes the account, or finds it made: safe to repeat with the same handle and password.
   * `rejected` with the code `HandleNotAvailable`: reserved, or taken by another account.
   */
  ensure(account: Account): Promise<Outcome<OpenedAccount>>
  /** Finds what an earlier {@link ensure} may have made, and makes nothing; null when there is no such account. */
  find(account: Account): Promise<Outcome<OpenedAccount | null>>
  /** Whether this is the PDS on which accounts are made and deleted. @param pds base URL */
  administers(pds: string): boolean
  /** How an account stands with its PDS, as anyone may ask. */
  condition(repo: Pick<ReadyAccount, 'did' | 'pds'>): Promise<Outcome<RepoCondition>>
  /**
   * Deletes an account with all that it holds; fine when there is none. Done once the PDS has no such repo: until then the
   * outcome is `uncertain`, whatever was answered to the order.
   */
  deleteAccount(did: string): Promise<Outcome>
}

/** What came of asking a PDS for an account. */
export interface OpenedAccount {
  readonly did: string
  readonly pds: string
  readonly sealedSession: string
}
