/** Turning what an audit finds into work for the engine, and watching until it is done. */

import type { Account, ReadyAccount } from '../domain/account.ts'
import { type AuditInput, type Finding, type Fix, isDeletion } from '../domain/audit.ts'
import { chunks } from '../domain/chunks.ts'
import { type FindingKind, REPAIRED } from '../domain/finding-kinds.ts'
import { count } from '../domain/tally.ts'
import { firstWords, type Mood } from '../domain/mood.ts'
import { textIn, uriOf } from '../domain/record.ts'
import { adopted, enqueued } from '../domain/sync.ts'
import { type AuditDeps, auditUser, countKinds, type UserAudit } from './audit.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { leftOut } from './federation.ts'
import { MoodProgress } from './mood-progress.ts'
import { chosenAccounts, isComplete, type Summary, survey } from './survey.ts'
import { type OnLeft, workOff } from './watch.ts'

type KindCounts = Partial<Record<FindingKind, number>>

export interface RepairOptions {
  /** Only these findings; by default all but what other clients wrote, and what cannot be read. */
  readonly kinds?: readonly FindingKind[]
  /** Rewrites records of the legacy form. */
  readonly modernise?: boolean
  /** Does it; without this, it is only counted. */
  readonly execute: boolean
}

/** A record that a repair takes away. */
export interface Deletion {
  readonly kind: FindingKind
  readonly rkey: string
  /** The first words of its text: for a terminal alone. Null for a private mood, and where there is no text. */
  readonly words: string | null
}

export interface RepairEvents {
  /** Told, before it begins, that federation leaves users out, and what lets them in. */
  readonly onLeftOut: (text: string) => void
  /** Told what is deleted from each repo, or would be, before that is ordered. */
  readonly onDeletions: (account: ReadyAccount, deletions: readonly Deletion[]) => void
}

export interface Repair {
  /** Whether every repo was reached, before and after, and all that was ordered is done. */
  readonly complete: boolean
  readonly executed: boolean
  /** How many repairs were ordered, or would be, by kind. */
  readonly ordered: Readonly<KindCounts>
  /** How many findings of the chosen kinds stay as they are, because federation leaves their authors out; by kind. */
  readonly leftAlone: Readonly<KindCounts>
  readonly before: Summary
  /** A second audit, when the engine has done the work; null in a dry run. */
  readonly after: Summary | null
  /** How many repairs of the chosen kinds the second audit still finds necessary and possible; 0 in a dry run. */
  readonly left: number
  /** Ids of moods whose rows refuse to be changed, so that nothing that is done about them is noted. */
  readonly refused: readonly string[]
}

/**
 * Audits, orders the repairs, runs the engine until they are done, and audits again. A repo that cannot be read whole is
 * left alone; so are the public moods of users whom federation leaves out.
 *
 * @param names `@handle`, DID or `sub`; none for all users who have an account
 * @param stop ends it early; any worker finishes what was ordered
 * @throws DomainError `usage` for an unknown user
 */
export async function repair(
  deps: AuditDeps & Pick<OperatorDeps, 'engine'>,
  names: readonly string[],
  { kinds = REPAIRED, modernise = false, execute }: RepairOptions,
  { onLeftOut, onDeletions }: RepairEvents,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Repair> {
  const accounts = await chosenAccounts(deps.store, names)
  const { text } = await leftOut(deps, accounts)
  if (text !== null) onLeftOut(`${text} ${UNTIL_THEN}`)
  const ordered: KindCounts = {}
  const users: string[] = []
  const named = accounts.map(({ user }) => user)
  const reading = await MoodProgress.of(deps.store, named, 'moods read', onProgress)
  const each = async ({ user }: Account, result: UserAudit | 'unchanged'): Promise<void> => {
    reading.finish(user)
    const counts = result === 'unchanged' ? {} : await orderRepairs(deps, result, kinds, execute, onDeletions)
    const chosen = Object.entries(counts) as [FindingKind, number][]
    for (const [kind, n] of chosen) count(ordered, kind, n)
    if (result !== 'unchanged' && result.kind === 'audited' && chosen.length > 0) users.push(result.account.user)
  }
  const before = await survey(deps, accounts, { modernise }, each, stop, reading.waits)
  const leftAlone = Object.fromEntries(Object.entries(before.leftAlone).filter(([kind]) => isChosen(kinds, kind)))
  const planned = { executed: execute, ordered, leftAlone, before }
  if (!execute) return { ...planned, complete: isComplete(before), after: null, left: 0, refused: [] }
  const total = Object.values(ordered).reduce((sum, n) => sum + n, 0)
  const onLeft: OnLeft = (left, waitsUntil) =>
    onProgress('moods repaired', Math.max(0, total - left), total, waitsUntil)
  const { silent, refused } = await workOff(deps, users, onLeft, stop)
  const checking = await MoodProgress.of(deps.store, named, 'moods read again', onProgress)
  const after = await survey(deps, accounts, { modernise }, ({ user }) => checking.finish(user), stop, checking.waits)
  const left = kinds.reduce((sum, kind) => sum + (after.findings[kind] ?? 0) - (after.leftAlone[kind] ?? 0), 0)
  const isDone = silent.length === 0 && refused.length === 0 && !stop.aborted
  const complete = isComplete(before) && isComplete(after) && isDone
  return { ...planned, complete, after, left, refused }
}

const UNTIL_THEN =
  'Until then a repair leaves their public moods as they are on the PDS, and removes only what must not be there.'

function isChosen(kinds: readonly FindingKind[], kind: string): boolean {
  return kinds.some((chosen) => chosen === kind)
}

/**
 * Audits one user and orders the repairs; any engine carries them out.
 *
 * @returns how many were ordered, by kind
 */
export async function repairUser(
  deps: AuditDeps,
  user: string,
  { kinds = REPAIRED, modernise = false }: Omit<RepairOptions, 'execute'> = {},
): Promise<Readonly<KindCounts>> {
  return orderRepairs(deps, await auditUser(deps, user, { modernise }), kinds, true, () => {})
}

async function orderRepairs(
  deps: AuditDeps,
  result: UserAudit,
  kinds: readonly FindingKind[],
  execute: boolean,
  onDeletions: RepairEvents['onDeletions'],
): Promise<KindCounts> {
  if (result.kind !== 'audited') return {}
  const chosen = result.audit.findings.filter(({ kind, hold }) => hold === null && kinds.includes(kind))
  const deletions = chosen.filter(isDeletion).map((finding) => deletionOf(finding, result.records))
  if (deletions.length > 0) onDeletions(result.account, deletions)
  return execute ? repairFindings(deps, result.account, chosen) : countKinds(chosen)
}

function deletionOf({ kind, rkey }: Finding, records: AuditInput['records']): Deletion {
  const text = kind === 'leaked' ? null : textIn(records.get(rkey!)?.value)
  return { kind, rkey: rkey!, words: text === null ? null : firstWords(text) }
}

/** Most rows saved at once. */
const PAGE = 500

/**
 * Orders the repairs of these findings; the engine carries them out.
 *
 * @returns how many were ordered, by kind; a mood that has changed since it was read is left to the next audit
 */
export async function repairFindings(
  { store, clock }: Pick<AuditDeps, 'store' | 'clock'>,
  { user, did }: ReadyAccount,
  findings: readonly Finding[],
): Promise<KindCounts> {
  const done: Finding[] = findings.filter(({ fix }) => fix.kind === 'remove')
  await store.removals.add(
    user,
    done.flatMap(({ fix }) => (fix.kind === 'remove' ? [{ rkey: fix.rkey, cid: fix.cid }] : [])),
  )
  for (const page of chunks(findings, PAGE)) {
    const changed = page.flatMap((finding) => {
      const { fix } = finding
      return fix.kind === 'remove' || fix.kind === 'none' ? [] : [{ finding, mood: mended(fix, did, clock.now()) }]
    })
    const kept = await store.moods.save(
      changed.map(({ mood }) => mood),
      clock.now(),
    )
    done.push(...changed.filter(({ mood }) => kept.has(mood.id)).map(({ finding }) => finding))
  }
  if (done.length > 0) await store.repos.mark(user, clock.now())
  return countKinds(done)
}

/** The mood as a repair leaves it: naming the record that is there, or to be looked at by the engine. */
function mended(fix: Extract<Fix, { mood: Mood }>, did: string, now: number): Mood {
  const { mood, rkey, cid } = fix
  if (fix.kind === 'adopt') {
    return { ...mood, sync: adopted(mood.sync, { rkey, uri: uriOf(did, rkey), cid: fix.cid }, now) }
  }
  const uri = cid === null ? null : uriOf(did, rkey)
  return { ...mood, sync: enqueued(mood.sync, now, { rkey, uri, cid }) }
}
