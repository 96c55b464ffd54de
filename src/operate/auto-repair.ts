/** Mends what the continuous check has found, as far as that is safe, through the code of `moods repair`. */

import { isDeletion } from '../domain/audit.ts'
import { isSafe, REPAIRS_A_DAY, withdrawalsADay, withinADay } from '../domain/auto-repair.ts'
import { leftOf, LEDGER, type Limit } from '../domain/budget.ts'
import type { FindingKind } from '../domain/finding-kinds.ts'
import type { AuditDeps, UserAudit } from './audit.ts'
import { historyOf } from './pages.ts'
import { repairFindings } from './repair.ts'

/**
 * Orders the repairs that are safe; any engine carries them out. What is beyond the bounds of a day stays for the next one, or for
 * an operator. A repo whose signature was not checked, or that has work under way, is left as it is.
 *
 * @returns how many were ordered, by kind
 */
export async function repairSafely(
  deps: AuditDeps,
  { account, audit, records, signed }: Extract<UserAudit, { kind: 'audited' }>,
): Promise<Readonly<Partial<Record<FindingKind, number>>>> {
  if (!signed || audit.counts.inFlight > 0) return {}
  const { store } = deps
  const moods = await historyOf(store, account.user)
  const safe = audit.findings.filter((finding) => isSafe(finding, moods, records))
  if (safe.length === 0) return {}
  const { user } = account
  const ofWithdrawals = withdrawalsADay(audit.counts.records)
  const left = {
    repairs: await leftToday(deps, LEDGER.repairs(user), REPAIRS_A_DAY),
    withdrawals: await leftToday(deps, LEDGER.withdrawals(user), ofWithdrawals),
  }
  const chosen = withinADay(safe, left)
  const withdrawals = chosen.filter(isDeletion).length
  const isCharged =
    (await charge(deps, LEDGER.repairs(user), REPAIRS_A_DAY, chosen.length)) &&
    (await charge(deps, LEDGER.withdrawals(user), ofWithdrawals, withdrawals))
  return isCharged ? repairFindings(deps, account, chosen) : {}
}

async function leftToday({ store, clock }: AuditDeps, key: string, limit: Limit): Promise<number> {
  return leftOf(await store.ledger.get(key), limit, clock.now())
}

/** What is charged is gone, whatever comes of the repair: a crash in between repairs less, and never more. */
async function charge({ store, clock }: AuditDeps, key: string, limit: Limit, cost: number): Promise<boolean> {
  if (cost === 0) return true
  const { waitUntil } = await store.ledger.reserve(key, { limits: [limit], cost, share: 1, probeMs: 0 }, clock.now())
  return waitUntil === null
}
