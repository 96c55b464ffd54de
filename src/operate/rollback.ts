/**
 * The way back, once federation is off: forget the references, delete the records. The first can be undone. Each step wants
 * the one before it to be done, and looks afterwards at what is left.
 */

import { counted } from '../domain/tally.ts'
import { type Account, isReady } from '../domain/account.ts'
import { chunks } from '../domain/chunks.ts'
import { DomainError } from '../domain/errors.ts'
import type { Mood } from '../domain/mood.ts'
import type { Outcome } from '../domain/outcome.ts'
import { inForce, policyText } from '../domain/policy.ts'
import { COLLECTION, ownersAmong } from '../domain/record.ts'
import { forgotten } from '../domain/sync.ts'
import { auditUser, type UserAudit } from './audit.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { Hosts, type NotReached } from './hosts.ts'
import { historyOf } from './pages.ts'
import { repairFindings } from './repair.ts'
import type { SilentHost } from './silence.ts'
import { chosenAccounts } from './survey.ts'
import { workOff } from './watch.ts'

export type RollbackStep = 'strip-references' | 'delete-records'

export interface RollbackOptions {
  readonly step: RollbackStep
  /** Takes the step back. A deletion cannot be undone. */
  readonly undo: boolean
  /** Does it; without this, it is only counted. */
  readonly execute: boolean
}

export interface Rollback {
  readonly step: RollbackStep
  readonly undo: boolean
  readonly executed: boolean
  /** Moods or records to change. */
  readonly found: number
  /** Users whose these are. */
  readonly users: number
  /** How many of these a second look has found unchanged; all of them in a dry run. */
  readonly left: number
  /** Repositories that the PDS refuses, or that are damaged, before or afterwards. Those unreadable before were left alone. */
  readonly unreadable: number
  /** Repositories whose PDS did not answer, before or afterwards, or that it had not come to when it was stopped. */
  readonly notReached: number
  /** Ids of moods whose rows refuse to be changed, so that they are left. */
  readonly refused: readonly string[]
  /** Hosts that did not answer. */
  readonly silent: readonly SilentHost[]
}

type Deps = Pick<OperatorDeps, 'store' | 'client' | 'clock' | 'timer' | 'engine'>
type Counts = Pick<Rollback, 'found' | 'users' | 'left' | 'unreadable' | 'notReached' | 'refused'>

const NONE: Counts = { found: 0, users: 0, left: 0, unreadable: 0, notReached: 0, refused: [] }

/** What cannot be undone, before it is done. */
export type DeletionPlan = Pick<Rollback, 'found' | 'users'>

/**
 * Takes one step of the way back, for all users.
 *
 * @param onPlan told what will be deleted, before any of it is
 * @param stop ends it between two users; running it again resumes
 * @throws DomainError `usage` when the step before has not been taken, or the step cannot be undone
 */
export async function rollback(
  deps: Deps,
  { step, undo, execute }: RollbackOptions,
  onPlan: (plan: DeletionPlan) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Rollback> {
  if (step === 'delete-records' && undo) throw new DomainError('usage', 'a deletion cannot be undone')
  const hosts = new Hosts(deps, stop)
  const counts = await take(
    { ...deps, client: deps.client.until(stop) },
    { step, undo, execute },
    hosts,
    onPlan,
    onProgress,
    stop,
  )
  return { step, undo, executed: execute, ...counts, silent: hosts.silent }
}

async function take(
  deps: Deps,
  { step, undo, execute }: RollbackOptions,
  hosts: Hosts,
  onPlan: (plan: DeletionPlan) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Counts> {
  switch (step) {
    case 'strip-references': {
      if (!undo) await requireOff(deps)
      const each = undo
        ? (user: string) => restoreReferences(deps, user, execute, hosts)
        : (user: string) => stripReferences(deps, user, execute)
      return forAll(deps, each, onProgress, stop)
    }
    case 'delete-records':
      await requireOff(deps)
      await requireStripped(deps)
      return deleteRecords(deps, execute, hosts, onPlan, onProgress, stop)
  }
}

async function requireOff({ store }: Deps): Promise<void> {
  const policy = inForce(await store.policy.get())
  if (policy.mode === 'off') return
  throw new DomainError('usage', `federation is ${policyText(policy)}: run "moods federation off --execute" first`)
}

async function requireStripped({ store }: Deps): Promise<void> {
  const { published } = (await store.work.count()).states
  if (published === 0) return
  throw new DomainError(
    'usage',
    `${counted(published, 'mood still names its record', 'moods still name records')}: run "moods rollback --strip-references --execute" first`,
  )
}

/** Adds up what came of each user who has an account. */
async function forAll(
  { store }: Deps,
  each: (user: string) => Promise<Counts>,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Counts> {
  const accounts = await chosenAccounts(store, [])
  const sum = { ...NONE, refused: [] as string[] }
  for (const [i, { user }] of accounts.entries()) {
    if (stop.aborted) {
      sum.notReached += accounts.length - i
      break
    }
    const { found, left, unreadable, notReached, refused } = await each(user)
    sum.found += found
    if (found > 0) sum.users++
    sum.left += left
    sum.unreadable += unreadable
    sum.notReached += notReached
    sum.refused.push(...refused)
    onProgress('users', i + 1, accounts.length)
  }
  return sum
}

/** Whether a row names a record, or claims one, and the engine has nothing to do about it. */
function namesRecord({ sync }: Mood): boolean {
  return sync.state !== 'pending' && (sync.uri !== null || sync.cid !== null || sync.state === 'published')
}

/** Most rows saved at once. */
const PAGE = 500

function stripped(mood: Mood): Mood {
  return { ...mood, sync: forgotten(mood.sync) }
}

/**
 * Takes the references out of a user's rows; records stay where they are. A mood that has still to be withdrawn keeps its
 * work order: switching off delays no deletion.
 */
async function stripReferences({ store, clock }: Deps, user: string, execute: boolean): Promise<Counts> {
  const naming = async (): Promise<Mood[]> => [...(await historyOf(store, user)).values()].filter(namesRecord)
  const found = await naming()
  if (!execute) return { ...NONE, found: found.length, left: found.length }
  const saved = new Set<string>()
  for (const page of chunks(found, PAGE)) {
    for (const id of await store.moods.save(page.map(stripped), clock.now())) saved.add(id)
  }
  const left = await naming()
  const refused = left.flatMap(({ id }) => (saved.has(id) ? [] : [id]))
  return { ...NONE, found: found.length, left: left.length, refused }
}

/** Reads the repo and notes the records that are there, also while federation is off: takes {@link stripReferences} back. */
async function restoreReferences(deps: Deps, user: string, execute: boolean, hosts: Hosts): Promise<Counts> {
  const before = await auditUser(deps, user, {}, hosts)
  if (before.kind !== 'audited') return { ...NONE, ...unread(before) }
  const lost = before.audit.findings.filter(({ kind }) => kind === 'unlinked')
  const found = lost.length
  if (!execute || found === 0) return { ...NONE, found, left: found }
  await repairFindings(deps, before.account, lost)
  const after = await auditUser(deps, user, {}, hosts)
  if (after.kind !== 'audited') return { ...NONE, ...unread(after), found, left: found }
  const left = after.audit.findings.filter(({ kind }) => kind === 'unlinked').length
  return { ...NONE, found, left }
}

function unread({ kind }: UserAudit): Pick<Counts, 'unreadable' | 'notReached'> {
  return { unreadable: kind === 'unreadable' ? 1 : 0, notReached: kind === 'not_reached' ? 1 : 0 }
}

/** Reads all repos, orders the deletions, has the engine carry them out, and reads the repos again. */
async function deleteRecords(
  deps: Deps,
  execute: boolean,
  hosts: Hosts,
  onPlan: (plan: DeletionPlan) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Counts> {
  const { found, ...counts } = await allRecordsOfOurs(deps, hosts, onProgress, stop)
  const sum = { ...NONE, ...counts, found: [...found.values()].flat().length, users: found.size }
  onPlan({ found: sum.found, users: sum.users })
  if (!execute || stop.aborted) return { ...sum, left: sum.found }
  for (const [{ user }, records] of found) await orderDeletion(deps, user, records)
  const users = [...found.keys()].map(({ user }) => user)
  const onLeft = (left: number): void => onProgress('records deleted', Math.max(0, sum.found - left), sum.found)
  const { silent } = await workOff(deps, users, onLeft, stop)
  for (const host of silent) hosts.giveUp(host)
  for (const account of found.keys()) {
    const ours = await recordsOfOurs(deps, account, hosts)
    if (ours.kind === 'ok') sum.left += ours.value.length
    else sum[ours.kind === 'not_reached' ? 'notReached' : 'unreadable']++
  }
  return sum
}

/** The records to delete, of all accounts that have any. */
async function allRecordsOfOurs(deps: Deps, hosts: Hosts, onProgress: OnProgress, stop: AbortSignal) {
  const accounts = await chosenAccounts(deps.store, [])
  const found = new Map<Account, readonly OurRecord[]>()
  const counts = { unreadable: 0, notReached: 0 }
  for (const [i, account] of accounts.entries()) {
    if (stop.aborted) {
      counts.notReached += accounts.length - i
      break
    }
    const ours = await recordsOfOurs(deps, account, hosts)
    if (ours.kind !== 'ok') counts[ours.kind === 'not_reached' ? 'notReached' : 'unreadable']++
    else if (ours.value.length > 0) found.set(account, ours.value)
    onProgress('repositories read', i + 1, accounts.length)
  }
  return { found, ...counts }
}

interface OurRecord {
  readonly rkey: string
  readonly cid: string
}

/** Records in the repo that belong to a mood, or did. All others are other clients', or cannot be read for certain. */
async function recordsOfOurs(
  { client, store }: Deps,
  account: Account,
  hosts: Hosts,
): Promise<Outcome<readonly OurRecord[]> | NotReached> {
  // Without an account on the PDS there is no repo, and so no record.
  if (account.did === null) return { kind: 'ok', value: [] }
  if (!isReady(account)) return { kind: 'unauthorized', code: account.error?.code ?? 'NotReady', message: 'not ready' }
  const held = await hosts.ask(account.pds, () => client.compare(account, COLLECTION))
  if (held.kind !== 'ok') return held
  const odd = await store.odd.of(account.user)
  const ownerOf = ownersAmong((await historyOf(store, account.user)).values(), odd)
  const ours = [...held.value.records].filter(([rkey, { value }]) =>
    ['mood', 'gone'].includes(ownerOf(value, rkey).kind),
  )
  return { kind: 'ok', value: ours.map(([rkey, { cid }]) => ({ rkey, cid })) }
}

async function orderDeletion({ store, clock }: Deps, user: string, records: readonly OurRecord[]): Promise<void> {
  await store.removals.add(user, records)
  await store.repos.mark(user, clock.now())
}
