/** Putting history to work: moods that were there before the engine, or that it has lost sight of. */

import { isReady } from '../domain/account.ts'
import type { BackfillReport, Finding } from '../domain/audit.ts'
import type { Mood } from '../domain/mood.ts'
import { type AuditDeps, auditUser, repairFindings } from './audit.ts'
import { historyOf } from './pages.ts'
import type { OperatorDeps } from './deps.ts'
import { pause, workOff } from './watch.ts'

/**
 * What a backfill does something about; everything else is the business of a repair. A reference to nothing is its business
 * where the engine has never seen the mood: what an old document claims is no evidence.
 */
function isMeant({ kind, fix }: Finding): boolean {
  if (kind === 'dangling') return fix.kind === 'enqueue' && fix.mood.sync.hold === 'backfill'
  return kind === 'missing' || kind === 'unlinked'
}

export interface BackfillOptions {
  /** Milliseconds to wait after each mood; 0 leaves the pace to the budgets. */
  readonly delayMs: number
  readonly execute: boolean
}

const NOT_SKIPPED = { private: 0, deleted: 0, tooLong: 0, noAccount: 0, other: 0 }

/**
 * Looks at a user's repo and moods, puts to work what is missing, and waits until it is done. Repeating it does only what
 * is still to be done; interrupted, it leaves work orders that any worker goes on with.
 *
 * @param onLeft told how many moods are still on their way
 */
export async function backfillUser(
  deps: AuditDeps & Pick<OperatorDeps, 'engine'>,
  user: string,
  { delayMs, execute }: BackfillOptions,
  onLeft: (left: number) => void,
  stop: AbortSignal,
): Promise<BackfillReport> {
  const moods = await historyOf(deps.store, user)
  const handle = (await deps.store.accounts.handlesOf([user])).get(user) ?? null
  const found = await auditUser(deps, user)
  const none = { user, handle, total: moods.size, migrated: 0, already: 0, failed: 0 }
  if (found.kind === 'no_account') {
    const skipped = skippedOf(moods, 'noAccount')
    return { ...none, skipped, reason: found.account?.error?.code ?? 'no account' }
  }
  if (found.kind === 'unreadable') return { ...none, failed: moods.size, skipped: NOT_SKIPPED, reason: found.code }
  const meant = found.audit.findings.filter(isMeant)
  const already = found.audit.counts.synced + found.audit.counts.legacy
  const skipped = { ...skippedOf(moods, null), tooLong: found.audit.counts.unpublishable }
  if (!execute) return { ...none, migrated: meant.length, already, skipped, reason: null }
  await order(deps, found.account, meant, delayMs, stop)
  if (meant.length > 0) await workOff(deps, [user], onLeft, stop)
  const after = await historyOf(deps.store, user)
  const arrived = meant.filter(({ moodId }) => after.get(moodId!)?.sync.state === 'published').length
  const account = await deps.store.accounts.byUser(user)
  const reason = isReady(account) ? null : (account?.error?.code ?? 'the account is not ready')
  return { ...none, migrated: arrived, already, failed: meant.length - arrived, skipped, reason }
}

/** Moods that are not meant for a repo; of a user without an account, all others wait for one. */
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
  account: Parameters<typeof repairFindings>[1],
  findings: readonly Finding[],
  delayMs: number,
  stop: AbortSignal,
): Promise<void> {
  if (delayMs === 0) return void (await repairFindings(deps, account, findings))
  for (const finding of findings) {
    if (stop.aborted) return
    await repairFindings(deps, account, [finding])
    await pause(delayMs, stop)
  }
}
