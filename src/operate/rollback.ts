/**
 * The way back, once federation is off: forget the references, delete the records. The first can be undone. Each step wants
 * the one before it to be done, and looks afterwards at what is left.
 */

import { type Account, isReady } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import type { Mood } from '../domain/mood.ts'
import type { Outcome } from '../domain/outcome.ts'
import { FEDERATE_ALL, inForce, policyText } from '../domain/policy.ts'
import { COLLECTION, moodIdIn } from '../domain/record.ts'
import { forgotten } from '../domain/sync.ts'
import { auditUser } from './audit.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { historyOf } from './pages.ts'
import { repairFindings } from './repair.ts'
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
  /** How many of these a second look has found unchanged; all of them in a dry run. */
  readonly left: number
  /** Repositories that could not be read whole, before or afterwards. Those unreadable before were left alone. */
  readonly unreadable: number
}

type Deps = Pick<OperatorDeps, 'store' | 'client' | 'clock' | 'engine'>
type Counts = Pick<Rollback, 'found' | 'left' | 'unreadable'>

/**
 * Takes one step of the way back, for all users.
 *
 * @param stop ends it between two users; running it again resumes
 * @throws DomainError `usage` when the step before has not been taken, or the step cannot be undone
 */
export async function rollback(
  deps: Deps,
  { step, undo, execute }: RollbackOptions,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Rollback> {
  if (step === 'delete-records' && undo) throw new DomainError('usage', 'a deletion cannot be undone')
  const counts = await take(deps, { step, undo, execute }, onProgress, stop)
  return { step, undo, executed: execute, ...counts }
}

async function take(
  deps: Deps,
  { step, undo, execute }: RollbackOptions,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Counts> {
  switch (step) {
    case 'strip-references': {
      if (!undo) await requireOff(deps)
      const each = undo ? restoreReferences : stripReferences
      return forAll(deps, (user) => each(deps, user, execute), onProgress, stop)
    }
    case 'delete-records':
      await requireOff(deps)
      await requireStripped(deps)
      return deleteRecords(deps, execute, onProgress, stop)
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
    `${published} moods still name records: run "moods rollback --strip-references --execute" first`,
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
  const sum = { found: 0, left: 0, unreadable: 0 }
  for (const [i, { user }] of accounts.entries()) {
    if (stop.aborted) break
    const { found, left, unreadable } = await each(user)
    sum.found += found
    sum.left += left
    sum.unreadable += unreadable
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
  if (!execute) return { found: found.length, left: found.length, unreadable: 0 }
  for (let i = 0; i < found.length; i += PAGE) {
    await store.moods.save(found.slice(i, i + PAGE).map(stripped), clock.now())
  }
  return { found: found.length, left: (await naming()).length, unreadable: 0 }
}

/**
 * Reads the repo and notes the records that are there: takes {@link stripReferences} back. Federation is off meanwhile, and
 * must not hide that they belong to moods.
 */
async function restoreReferences(deps: Deps, user: string, execute: boolean): Promise<Counts> {
  const before = await auditUser(deps, user, { asIf: FEDERATE_ALL })
  if (before.kind !== 'audited') return { found: 0, left: 0, unreadable: before.kind === 'unreadable' ? 1 : 0 }
  const lost = before.audit.findings.filter(({ kind }) => kind === 'unlinked')
  const found = lost.length
  if (!execute || found === 0) return { found, left: found, unreadable: 0 }
  await repairFindings(deps, before.account, lost)
  const after = await auditUser(deps, user, { asIf: FEDERATE_ALL })
  if (after.kind !== 'audited') return { found, left: found, unreadable: 1 }
  const left = after.audit.findings.filter(({ kind }) => kind === 'unlinked').length
  return { found, left, unreadable: 0 }
}

/** Orders the deletions, has the engine carry them out, and reads the repos again. */
async function deleteRecords(deps: Deps, execute: boolean, onProgress: OnProgress, stop: AbortSignal): Promise<Counts> {
  const accounts = await chosenAccounts(deps.store, [])
  const ordered: Account[] = []
  let [found, unreadable, read] = [0, 0, 0]
  for (const account of accounts) {
    if (stop.aborted) break
    const ours = await recordsOfOurs(deps, account)
    if (ours.kind !== 'ok') unreadable++
    else if (ours.value.length > 0) {
      if (execute) await orderDeletion(deps, account.user, ours.value)
      found += ours.value.length
      ordered.push(account)
    }
    onProgress('repositories read', ++read, accounts.length)
  }
  if (!execute) return { found, left: found, unreadable }
  const total = ordered.length
  const users = ordered.map(({ user }) => user)
  await workOff(deps, users, (n) => onProgress('repositories emptied', total - n, total), stop)
  let left = 0
  for (const account of ordered) {
    const ours = await recordsOfOurs(deps, account)
    if (ours.kind === 'ok') left += ours.value.length
    else unreadable++
  }
  return { found, left, unreadable }
}

interface OurRecord {
  readonly rkey: string
  readonly cid: string
}

/** Records in the repo that carry the id of a mood, in today's form or the legacy one. All others are other clients'. */
async function recordsOfOurs({ client }: Deps, account: Account): Promise<Outcome<readonly OurRecord[]>> {
  // Without an account on the PDS there is no repo, and so no record.
  if (account.did === null) return { kind: 'ok', value: [] }
  if (!isReady(account)) return { kind: 'unauthorized', code: account.error?.code ?? 'NotReady', message: 'not ready' }
  const snapshot = await client.snapshot(account, COLLECTION, false)
  if (snapshot.kind !== 'ok') return snapshot
  const ours = [...snapshot.value.records].filter(([, { value }]) => moodIdIn(value) !== null)
  return { kind: 'ok', value: ours.map(([rkey, { cid }]) => ({ rkey, cid })) }
}

async function orderDeletion({ store, clock }: Deps, user: string, records: readonly OurRecord[]): Promise<void> {
  await store.removals.add(user, records)
  await store.repos.mark(user, clock.now())
}
