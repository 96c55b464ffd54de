/** Publishing history: moods from before the engine, or of which the database has lost the record. */

import pMap from 'p-map'
import { isReady, type ReadyAccount } from '../domain/account.ts'
import { type BackfillReport, type Finding, missing } from '../domain/audit.ts'
import { MAX_WRITES } from '../domain/batches.ts'
import { RESERVED_FOR_DELETES } from '../domain/budget.ts'
import { DomainError } from '../domain/errors.ts'
import type { LooksTogether } from '../domain/looks.ts'
import type { Mood } from '../domain/mood.ts'
import { type FederationPolicy, federates, inForce } from '../domain/policy.ts'
import type { RelayPlan } from '../domain/relay.ts'
import { refusedRowsReason } from '../domain/odd-reasons.ts'
import { accountReason } from '../domain/reasons.ts'
import { nameOf } from '../domain/user-names.ts'
import { type AuditDeps, auditUser, reasonOf } from './audit.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { leftOutText } from './federation.ts'
import { Hosts } from './hosts.ts'
import { MoodProgress } from './mood-progress.ts'
import { authors, historyOf } from './pages.ts'
import { relayPlanFor } from './relay-plan.ts'
import { repairFindings } from './repair.ts'
import type { SilentHost } from './silence.ts'
import { lastKnown } from './survey.ts'
import { findUsers, handleOf } from './users.ts'
import { type LeftUndone, type OnLeft, workOff } from './watch.ts'

/**
 * Whether a backfill handles the finding, beside the backlog; all others are left to a repair. It handles
 * a dangling reference where the engine has never seen the mood: the claim of an old document proves nothing.
 */
function isHandled({ kind, fix }: Finding): boolean {
  if (kind === 'dangling') return fix.kind === 'enqueue' && fix.mood.sync.hold === 'backfill'
  return kind === 'missing' || kind === 'unlinked'
}

type Deps = AuditDeps & Pick<OperatorDeps, 'engine'>

export interface BackfillOptions {
  /** Milliseconds to wait after each mood; 0 leaves the pace to the budgets. */
  readonly delayMs: number
  /** Does it; without this, it is only counted. */
  readonly execute: boolean
}

/** The results of all users, added up. */
interface Overall extends Pick<BackfillReport, 'total' | 'migrated' | 'already' | 'failed' | 'notReached' | 'skipped'> {
  readonly users: number
  readonly withAccount: number
  /** Users that it had not come to when it was stopped. */
  readonly usersNotBegun: number
}

export interface Backfill {
  /** Whether every user's history was seen to. */
  readonly complete: boolean
  readonly executed: boolean
  readonly overall: Overall
  readonly users: readonly BackfillReport[]
  /** Hosts that did not answer. */
  readonly silent: readonly SilentHost[]
  /** What was known before of the repos that were not reached; null where nothing was. */
  readonly lastKnown: LooksTogether | null
  /** What it asks of a relay: of a dry run, what would be published; else what it might have come to. Null where no limit is set. */
  readonly relay: RelayPlan | null
}

interface AllOptions extends BackfillOptions {
  /** Only the first so many users whom federation includes. */
  readonly limit?: number
  /** How many accounts of the PDS a relay admits; null, the default, where that is not known. */
  readonly relayAccountLimit?: number | null
  /** Told, before anything is published, what that may ask of a relay. */
  readonly onRelayPlan?: (plan: RelayPlan) => void
}

/** Users whose history is published at the same time. */
const PARALLEL = 8

/**
 * Publishes the history of the users who are named, several at a time; with a delay, one after the other.
 *
 * @param names `@handle`, DID or `sub`; none for all users who have moods
 * @param onLeftOut told, before it begins, that federation leaves users out, and what lets them in
 * @param stop ends it early; any worker publishes what was ordered, and running it again orders the rest
 * @throws DomainError `usage` for an unknown user, or where it is to be done and federation leaves out a user who is named,
 *   or everybody
 */
export async function backfill(
  deps: Deps,
  names: readonly string[],
  { limit = Infinity, delayMs, execute, relayAccountLimit = null, onRelayPlan = () => {} }: AllOptions,
  onLeftOut: (text: string) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Backfill> {
  const stored = await deps.store.policy.get()
  const { users, leftOutUsers } = await chosenUsers(deps, inForce(stored), names, limit)
  if (leftOutUsers > 0) {
    // With a limit, not all users were looked at.
    const all = limit === Infinity ? users.length + leftOutUsers : leftOutUsers
    const text = leftOutText(stored, leftOutUsers, all, names.length > 0 ? '' : 'with moods')
    // Whoever is named is wanted, and nobody has to find out afterwards that nothing was done.
    if (execute && (names.length > 0 || users.length === 0)) throw new DomainError('usage', text)
    onLeftOut(text)
  }
  const reports: BackfillReport[] = []
  const progress = await MoodProgress.of(deps.store, users, 'moods', onProgress)
  const relayPlan = (moods: readonly number[]): Promise<RelayPlan | null> => {
    const requests = moods.reduce((commits, n) => commits + commitsOf(n, delayMs), 0)
    return relayPlanFor(deps.store, { requests, cost: 1, share: 1 - RESERVED_FOR_DELETES }, relayAccountLimit, 0)
  }
  const atMost = execute ? await relayPlan(users.map((user) => progress.moodsOf(user))) : null
  if (atMost) onRelayPlan(atMost)
  const hosts = new Hosts(deps, stop, progress.waits)
  const one = async (user: string): Promise<void> => {
    if (stop.aborted) return
    const onLeft: OnLeft = (left, waitsUntil) => {
      progress.left(user, left)
      progress.waits(waitsUntil)
    }
    const report = await backfillUser(
      { ...deps, client: deps.client.until(stop) },
      user,
      { delayMs, execute },
      onLeft,
      stop,
      hosts,
    )
    reports.push(report)
    progress.finish(user)
  }
  // The delay is a pace for all users together.
  await pMap(users, one, { concurrency: delayMs > 0 ? 1 : PARALLEL })
  const overall = { ...sum(reports), usersNotBegun: users.length - reports.length }
  const notReached = reports.filter((report) => report.notReached > 0).map(({ user }) => user)
  return {
    complete: notReached.length === 0 && overall.usersNotBegun === 0,
    executed: execute,
    overall,
    users: reports,
    silent: hosts.silent,
    lastKnown: await lastKnown(deps.store, notReached),
    relay: execute ? atMost : await relayPlan(reports.map(({ migrated }) => migrated)),
  }
}

/** Commits, each of which is one event, in which a user's moods are published. @param delayMs with one, each mood has its own */
function commitsOf(moods: number, delayMs: number): number {
  return delayMs > 0 ? moods : Math.ceil(moods / MAX_WRITES)
}

/** The users whose history is published, and how many federation leaves out. */
async function chosenUsers(
  { store }: Deps,
  policy: FederationPolicy,
  names: readonly string[],
  limit: number,
): Promise<{ readonly users: readonly string[]; readonly leftOutUsers: number }> {
  const users: string[] = []
  let leftOutUsers = 0
  const pages = names.length > 0 ? [await findUsers(store, names)] : authors(store)
  for await (const page of pages) {
    const handles = await store.accounts.handlesOf(page)
    for (const user of page) {
      if (!federates(policy, user, handles.get(user) ?? null)) leftOutUsers++
      else if (users.length < limit) users.push(user)
    }
    if (users.length >= limit) break
  }
  return { users, leftOutUsers }
}

function sum(reports: readonly BackfillReport[]): Omit<Overall, 'usersNotBegun'> {
  const skipped = { ...NOT_SKIPPED }
  const all = { total: 0, migrated: 0, already: 0, failed: 0, notReached: 0 }
  for (const report of reports) {
    for (const name of Object.keys(all) as (keyof typeof all)[]) all[name] += report[name]
    for (const name of Object.keys(skipped) as (keyof typeof skipped)[]) skipped[name] += report.skipped[name]
  }
  const withAccount = reports.filter(({ skipped: { noAccount } }) => noAccount === 0).length
  return { users: reports.length, withAccount, ...all, skipped }
}

const NOT_SKIPPED = { private: 0, deleted: 0, tooLong: 0, noAccount: 0, other: 0 }

/**
 * Audits one user, orders what is missing, and runs the engine until that is published. Repeating it orders only what is
 * still missing.
 *
 * @param onLeft told at each look, while it waits, how many moods are left
 * @param stop ends it early; any worker publishes what was ordered
 * @param hosts those of the whole command, so that one that is silent is given up once
 */
export async function backfillUser(
  deps: Deps,
  user: string,
  { delayMs, execute }: BackfillOptions,
  onLeft: OnLeft,
  stop: AbortSignal,
  hosts = new Hosts(deps, stop),
): Promise<BackfillReport> {
  const moods = await historyOf(deps.store, user)
  const handle = await handleOf(deps.store, user)
  const found = await auditUser(deps, user, {}, hosts)
  const none = { user, handle, total: moods.size, migrated: 0, already: 0, failed: 0, notReached: 0 }
  if (found.kind === 'no_account') {
    return { ...none, skipped: skippedOf(moods, 'noAccount'), reason: reasonOf(found, nameOf(user, handle)) }
  }
  if (found.kind !== 'audited') {
    const skipped = skippedOf(moods, null)
    const publishable = moods.size - skipped.private - skipped.deleted
    const left = found.kind === 'not_reached' ? { notReached: publishable } : { failed: publishable }
    return { ...none, ...left, skipped, reason: reasonOf(found, nameOf(user, handle)) }
  }
  const findings = [...found.audit.backlog.map(missing), ...found.audit.findings.filter(isHandled)]
  const wanted = new Set([...findings.map(({ moodId }) => moodId!), ...underWay(moods)])
  const already = found.audit.counts.synced + found.audit.counts.legacy
  const skipped = { ...skippedOf(moods, null), tooLong: found.audit.counts.unpublishable }
  if (!execute) return { ...none, migrated: wanted.size, already, skipped, reason: null }
  await order(deps, found.account, findings, delayMs, stop)
  const undone = wanted.size > 0 ? await workOff(deps, [user], onLeft, stop) : { silent: [], refused: [] }
  for (const host of undone.silent) hosts.giveUp(host)
  const outcome = await outcomeOf(deps, user, wanted, undone, stop)
  return { ...none, ...outcome, already, skipped }
}

/** Moods that were ordered before, by a backfill that was cut short for one, and have never been published. */
function underWay(moods: ReadonlyMap<string, Mood>): string[] {
  return [...moods.values()].filter(isOrdered).map(({ id }) => id)
}

function isOrdered({ sync, isPrivate, deleted }: Mood): boolean {
  return sync.state === 'pending' && sync.cid === null && !isPrivate && deleted === null
}

/** What became of the moods. @param undone what was not waited for */
async function outcomeOf(
  { store }: Deps,
  user: string,
  wanted: ReadonlySet<string>,
  { silent, refused }: LeftUndone,
  stop: AbortSignal,
): Promise<Pick<BackfillReport, 'migrated' | 'failed' | 'notReached' | 'reason'>> {
  const after = await historyOf(store, user)
  const account = await store.accounts.byUser(user)
  const states = [...wanted].map((id) => after.get(id)?.sync.state)
  const migrated = states.filter((state) => state === 'published').length
  const isOpen = (stop.aborted || silent.length > 0) && isReady(account)
  // Those that were not ordered yet are as they were.
  const notReached = isOpen ? states.filter((state) => state === 'pending' || state === 'local').length : 0
  const ofRows = refused.length > 0 ? refusedRowsReason(refused) : null
  const reason = isReady(account) ? ofRows : accountReason(account, nameOf(user, account?.handle ?? null))
  return { migrated, failed: wanted.size - migrated - notReached, notReached, reason }
}

/** Moods that do not belong in a repo; those of a user without an account wait for one. */
function skippedOf(moods: ReadonlyMap<string, Mood>, others: 'noAccount' | null): BackfillReport['skipped'] {
  const skipped = { ...NOT_SKIPPED }
  for (const mood of moods.values()) {
    if (mood.isPrivate) skipped.private++
    else if (mood.deleted) skipped.deleted++
    else if (others !== null) skipped[others]++
  }
  return skipped
}

async function order(
  deps: AuditDeps,
  account: ReadyAccount,
  findings: readonly Finding[],
  delayMs: number,
  stop: AbortSignal,
): Promise<void> {
  if (delayMs === 0) return void (await repairFindings(deps, account, findings))
  for (const finding of findings) {
    if (stop.aborted) return
    await repairFindings(deps, account, [finding])
    await deps.timer.pause(delayMs, stop)
  }
}
