/** Auditing many users, several at a time, and adding up what was found. */

import pMap from 'p-map'
import { type Account, isReady } from '../domain/account.ts'
import { addedCounts, type AuditCounts, NO_COUNTS } from '../domain/audit-counts.ts'
import { chunks } from '../domain/chunks.ts'
import { type FindingKind } from '../domain/finding-kinds.ts'
import { type GoodLook, type LooksTogether, withLook } from '../domain/looks.ts'
import { type Odd, oddText } from '../domain/odd.ts'
import { oddRemedy } from '../domain/odd-advice.ts'
import type { Reason } from '../domain/reasons.ts'
import type { RelayCounts } from '../domain/sighting.ts'
import type { UserHold } from '../domain/hold.ts'
import { count } from '../domain/tally.ts'
import { nameOf } from '../domain/user-names.ts'
import type { Store } from '../ports/store.ts'
import { type AuditDeps, type AuditOptions, auditUser, reasonOf, unchangedSince, type UserAudit } from './audit.ts'
import type { OnProgress, OnWait } from './deps.ts'
import { leftOut } from './federation.ts'
import { Hosts, STOPPED } from './hosts.ts'
import { MoodProgress } from './mood-progress.ts'
import { archived } from './pages.ts'
import { standingsOf } from './relays.ts'
import type { SilentHost } from './silence.ts'
import { findUsers } from './users.ts'

/** Repos read at the same time: one is decoded while another is fetched. */
const PARALLEL = 3

/**
 * Accounts of the users who are named, those without one left out; all accounts if none is named, ordered by user.
 *
 * @param names `@handle`, DID or `sub`
 * @throws DomainError `usage` for an unknown user
 */
export async function chosenAccounts(store: Store, names: readonly string[], limit = Infinity): Promise<Account[]> {
  if (names.length > 0) {
    const users = await findUsers(store, names)
    const found = await Promise.all(users.map((user) => store.accounts.byUser(user)))
    return found.filter((account) => account !== null).slice(0, limit)
  }
  const accounts: Account[] = []
  for await (const page of archived(store, 'accounts')) {
    accounts.push(...page)
    if (accounts.length >= limit) break
  }
  return accounts.slice(0, limit)
}

export interface SurveyOptions extends AuditOptions {
  /** Leaves out repos that have not changed since an audit that found nothing. */
  readonly incremental?: boolean
}

export interface Summary {
  readonly users: number
  /** Read whole and compared. */
  readonly audited: number
  /** Not read: neither repo nor moods have changed since their last audit, which found nothing. */
  readonly unchanged: number
  /** Refused by the PDS, or damaged. */
  readonly unreadable: number
  /** The PDS did not answer, or the command was stopped before. */
  readonly notReached: number
  readonly withoutAccount: number
  /** Audited or unchanged, and nothing found. */
  readonly clean: number
  /** Of these, those that a commit has proven whose signature was checked: now, or before they were unchanged. */
  readonly proven: number
  readonly counts: AuditCounts
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
  /** Of these findings, those that a repair leaves as they are, because nothing is published for the author now. */
  readonly leftAlone: Readonly<Partial<Record<FindingKind, number>>>
  /** Of the moods that belong in a repo, the share that is there, correct and noted: 0 to 1; null where there are none. */
  readonly syncRate: number | null
  /** Hosts that did not answer. */
  readonly silent: readonly SilentHost[]
  /** What was known before of the repos that could not be read now, in no other number; null where nothing was. */
  readonly lastKnown: LooksTogether | null
}

/**
 * Audits each account's user. What was not reached is counted as that, and asked for once.
 *
 * @param each called for each user when the result is known
 * @param stop ends it between two users
 * @param onWait told of waits that a budget or the PDS asks for
 */
export async function survey(
  deps: AuditDeps,
  accounts: readonly Account[],
  options: SurveyOptions,
  each: (account: Account, result: UserAudit | 'unchanged') => Promise<void> | void,
  stop: AbortSignal,
  onWait?: OnWait,
): Promise<Summary> {
  const hosts = new Hosts(deps, stop, onWait)
  const reading = { ...deps, client: deps.client.until(stop) }
  const unchanged = options.incremental
    ? await unchangedSince(reading, accounts.filter(isReady), hosts)
    : new Map<string, GoodLook>()
  const tally = new Tally()
  const unread: string[] = []
  const one = async (account: Account): Promise<void> => {
    const before = unchanged.get(account.user)
    const result = before ? ('unchanged' as const) : await auditOrNot(reading, account, options, hosts, stop)
    tally.add(result === 'unchanged' ? before! : result)
    if (result !== 'unchanged' && (result.kind === 'not_reached' || result.kind === 'unreadable')) {
      unread.push(account.user)
    }
    await each(account, result)
  }
  await pMap(accounts, one, { concurrency: PARALLEL })
  return { ...tally.summary(), silent: hosts.silent, lastKnown: await lastKnown(deps.store, unread) }
}

async function auditOrNot(
  deps: AuditDeps,
  account: Account,
  options: AuditOptions,
  hosts: Hosts,
  stop: AbortSignal,
): Promise<UserAudit> {
  return stop.aborted ? { kind: 'not_reached', account, code: STOPPED } : auditUser(deps, account.user, options, hosts)
}

/** Most audits read at once. */
const PAGE = 500

/** What the last good looks at these users' repos found; null where there was none. */
export async function lastKnown(
  { audits }: Pick<Store, 'audits'>,
  users: readonly string[],
): Promise<LooksTogether | null> {
  let sum: LooksTogether | null = null
  for (const page of chunks(users, PAGE)) {
    for (const { good } of (await audits.of(page)).values()) if (good) sum = withLook(sum, good)
  }
  return sum
}

/** Whether everything was reached. */
export function isComplete({ notReached }: Summary): boolean {
  return notReached === 0
}

/** An oddity, with what is wrong and what sets it right in words. */
export interface ShownOdd extends Pick<Odd, 'field' | 'kind' | 'mendable'> {
  readonly text: string
  readonly remedy: string
}

export function shownOdd(odd: Odd): ShownOdd {
  const { field, kind, mendable } = odd
  return { field, kind, mendable, text: oddText(odd), remedy: `${oddRemedy('moods', odd, mendable)}.` }
}

/** One user whose audit was not clean. */
interface AuditedUser {
  readonly user: string
  readonly handle: string
  readonly did: string | null
  readonly result: 'findings' | 'unreadable' | 'not_reached' | 'no_account'
  /** Why the repo could not be read. */
  readonly code?: string
  /** Why nothing is known, in words; null where there is something to find, or the audit was stopped. */
  readonly reason: Reason | null
  readonly findings: readonly {
    readonly kind: FindingKind
    readonly rkey: string | null
    readonly mood: string | null
    /** What cannot be read for certain, and what sets it right; null for all other findings. */
    readonly odd: ShownOdd | null
    /** Why a repair leaves it as it is; null where it mends it. */
    readonly hold: UserHold | null
  }[]
}

export interface AuditReport {
  /** Whether every user was looked at. */
  readonly complete: boolean
  readonly summary: Summary
  /** Why federation keeps a repair from mending all that was found, and what lets users in; null where it does not. */
  readonly leftOut: string | null
  /** How the accounts of these users stand with each relay, as workers have found it out. */
  readonly relays: readonly RelayCounts[]
  readonly users: readonly AuditedUser[]
}

/**
 * Audits the users who are named, and lists those whose audit was not clean.
 *
 * @param names `@handle`, DID or `sub`; none for all users who have an account
 * @param options.limit only the first so many
 * @param options.relays base URLs of the relays that workers ask; none by default
 * @throws DomainError `usage` for an unknown user
 */
export async function auditUsers(
  deps: AuditDeps,
  names: readonly string[],
  { limit, relays = [], ...options }: SurveyOptions & { readonly limit?: number; readonly relays?: readonly string[] },
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<AuditReport> {
  const accounts = await chosenAccounts(deps.store, names, limit)
  const users: AuditedUser[] = []
  const named = accounts.map(({ user }) => user)
  const progress = await MoodProgress.of(deps.store, named, 'moods read', onProgress)
  const each = (account: Account, result: UserAudit | 'unchanged'): void => {
    progress.finish(account.user)
    const audited = describe(account, result)
    if (audited) users.push(audited)
  }
  const summary = await survey(deps, accounts, options, each, stop, progress.waits)
  const isHeld = users.some(({ findings }) => findings.some(({ hold }) => hold !== null))
  const { text } = isHeld ? await leftOut(deps, accounts) : { text: null }
  const seen = await standingsOf(deps.store, relays, named)
  return { complete: isComplete(summary), summary, leftOut: text, relays: seen, users }
}

/** Null for a clean repo. */
function describe({ user, handle, did }: Account, result: UserAudit | 'unchanged'): AuditedUser | null {
  const who = { user, handle, did }
  if (result === 'unchanged') return null
  if (result.kind !== 'audited') {
    const code = result.kind === 'no_account' ? {} : { code: result.code }
    return { ...who, result: result.kind, ...code, reason: reasonOf(result, nameOf(user, handle)), findings: [] }
  }
  const findings = result.audit.findings.map(({ kind, rkey, moodId, fix, hold }) => {
    return { kind, rkey, mood: moodId, odd: fix.kind === 'none' ? shownOdd(fix.odd) : null, hold }
  })
  return findings.length === 0 ? null : { ...who, result: 'findings', reason: null, findings }
}

class Tally {
  readonly #of = {
    users: 0,
    audited: 0,
    unchanged: 0,
    unreadable: 0,
    notReached: 0,
    withoutAccount: 0,
    clean: 0,
    proven: 0,
  }
  #counts = NO_COUNTS
  readonly #findings: Partial<Record<FindingKind, number>> = {}
  readonly #leftAlone: Partial<Record<FindingKind, number>> = {}

  add(result: UserAudit | GoodLook): void {
    this.#of.users++
    if (!('kind' in result)) {
      this.#of.unchanged++
      this.#of.clean++
      // An older one may have stayed through a look that could not check the signature.
      if (result.proof !== null && result.proof.rev === result.rev) this.#of.proven++
      this.#counts = addedCounts(this.#counts, result.counts)
    } else if (result.kind === 'audited') {
      this.#of.audited++
      if (result.proof !== null) this.#of.proven++
      if (result.audit.findings.length === 0) this.#of.clean++
      this.#counts = addedCounts(this.#counts, result.audit.counts)
      for (const { kind, hold } of result.audit.findings) {
        this.#found(kind)
        if (hold !== null) count(this.#leftAlone, kind)
      }
    } else if (result.kind === 'unreadable') {
      this.#of.unreadable++
      this.#found('unreadable')
    } else if (result.kind === 'not_reached') this.#of.notReached++
    else {
      this.#of.withoutAccount++
      this.#counts = addedCounts(this.#counts, result.counts)
    }
  }

  #found(kind: FindingKind): void {
    count(this.#findings, kind)
  }

  summary(): Omit<Summary, 'silent' | 'lastKnown'> {
    const counts = this.#counts
    const inStep = counts.synced + counts.legacy
    const { missing = 0, drift = 0, dangling = 0, unlinked = 0 } = this.#findings
    const wanted = inStep + missing + drift + dangling + unlinked
    const syncRate = wanted === 0 ? null : inStep / wanted
    return { ...this.#of, counts, findings: this.#findings, leftAlone: this.#leftAlone, syncRate }
  }
}
