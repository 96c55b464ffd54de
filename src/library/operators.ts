/** What operators do: audit, repair and backfill one user. */

import type { BackfillReport } from '../domain/audit.ts'
import type { AuditCounts } from '../domain/audit-counts.ts'
import type { FindingKind } from '../domain/finding-kinds.ts'
import { auditUser } from '../operate/audit.ts'
import { backfillUser } from '../operate/backfill.ts'
import { repairUser } from '../operate/repair.ts'
import { Installation } from './installation.ts'
import { requireUser } from './arguments.ts'

export interface AuditFinding {
  readonly kind: FindingKind
  readonly rkey: string | null
  readonly moodId: string | null
}

/** The result of comparing a user's repo with the database. */
export type AuditResult =
  | { readonly kind: 'audited'; readonly findings: readonly AuditFinding[]; readonly counts: AuditCounts }
  /** The PDS refuses the repo, or what it sends cannot be read: nothing is known of it, and it is not taken for empty. */
  | { readonly kind: 'unreadable'; readonly code: string }
  /** The PDS did not answer: nothing is known of the repo now. */
  | { readonly kind: 'not_reached'; readonly code: string }
  | { readonly kind: 'no_account' }

/**
 * Compares a user's repo with the database, by CID, every block's hash checked.
 *
 * @param options.verify checks the repo's signature as well
 * @throws DomainError `bad_request`, `unavailable` when the database does not answer
 */
export async function audit(
  installation: Installation,
  { user, verify = false }: { readonly user: string; readonly verify?: boolean },
): Promise<AuditResult> {
  const result = await auditUser(Installation.appOf(installation), requireUser(user), { verify })
  if (result.kind === 'no_account') return { kind: 'no_account' }
  if (result.kind !== 'audited') return { kind: result.kind, code: result.code }
  const findings = result.audit.findings.map(({ kind, rkey, moodId }) => ({ kind, rkey, moodId }))
  return { kind: 'audited', findings, counts: result.audit.counts }
}

/**
 * Audits a user's repo and orders the repairs; the worker carries them out. A repo that cannot be read whole is left alone.
 *
 * @param options.kinds only these findings; by default all but what other clients wrote, and what cannot be read
 * @returns how many were ordered, by kind
 * @throws DomainError `bad_request`, `unavailable`
 */
export async function repair(
  installation: Installation,
  { user, kinds }: { readonly user: string; readonly kinds?: readonly FindingKind[] },
): Promise<Readonly<Partial<Record<FindingKind, number>>>> {
  return repairUser(Installation.appOf(installation), requireUser(user), kinds ? { kinds } : {})
}

/**
 * Publishes a user's history: notes the records that are right already, publishes the rest by an engine in this process
 * (beside any worker), and resolves when that is done.
 *
 * @param options.delayMs milliseconds to wait after each mood; 0, the default, leaves the pace to the budgets
 * @param options.signal ends it; any worker publishes what was ordered
 * @throws DomainError `bad_request`, `unavailable`
 */
export async function backfill(
  installation: Installation,
  options: { readonly user: string; readonly delayMs?: number; readonly signal?: AbortSignal },
): Promise<BackfillReport> {
  const app = Installation.appOf(installation)
  const how = { delayMs: options.delayMs ?? 0, execute: true }
  const stop = options.signal ?? new AbortController().signal
  return backfillUser(app, requireUser(options.user), how, () => {}, stop)
}
