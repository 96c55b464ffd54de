/** Reading a user's repo whole, and comparing it with the primary. */

import { type Account, isReady, type ReadyAccount } from '../domain/account.ts'
import { auditRepo, type Finding, NO_COUNTS, type RepoAudit } from '../domain/audit.ts'
import { type FindingKind } from '../domain/finding-kinds.ts'
import { countBy } from '../domain/tally.ts'
import { codeOf } from '../domain/outcome.ts'
import { type FederationPolicy, inForce } from '../domain/policy.ts'
import { COLLECTION } from '../domain/record.ts'
import type { ChangePosition, Store, StoredAudit } from '../ports/store.ts'
import type { OperatorDeps } from './deps.ts'
import { historyOf, pagesOf } from './pages.ts'

export type AuditDeps = Pick<OperatorDeps, 'store' | 'client' | 'clock'>

export interface AuditOptions {
  /** Checks the signature of each repo's commit as well. */
  readonly verify?: boolean
  /** Counts records of the legacy form as drift, so that a repair rewrites them. */
  readonly modernise?: boolean
  /** Compares as under this policy instead of the one in force; such a result is not stored. */
  readonly asIf?: FederationPolicy
}

/** The result for one user. */
export type UserAudit =
  | { readonly kind: 'audited'; readonly account: ReadyAccount; readonly rev: string; readonly audit: RepoAudit }
  /** Nothing is known of the repo; it is not taken for empty. */
  | { readonly kind: 'unreadable'; readonly account: Account; readonly code: string }
  | { readonly kind: 'no_account'; readonly account: Account | null }

const PAGE = 500

/**
 * Audits one user and stores the result. Where something is found, the moods are read again after the repo: what changed
 * meanwhile is in flight, and no finding.
 */
export async function auditUser(deps: AuditDeps, user: string, options: AuditOptions = {}): Promise<UserAudit> {
  const { store, client, clock } = deps
  const account = await store.accounts.byUser(user)
  if (!account || account.did === null) return { kind: 'no_account', account }
  const at = clock.now()
  if (!isReady(account)) return unreadable(deps, account, at, account.error?.code ?? 'NotReady')
  const before = await historyOf(store, user)
  const removing = new Set((await store.removals.of(user)).map(({ rkey }) => rkey))
  const snapshot = await client.snapshot(account, COLLECTION, options.verify ?? false)
  if (snapshot.kind !== 'ok') return unreadable(deps, account, at, codeOf(snapshot))
  const { rev, records } = snapshot.value
  const policy = options.asIf ?? inForce(await store.policy.get())
  const input = { account, policy, records, removing, modernise: options.modernise ?? false }
  let audit = auditRepo({ ...input, moods: [...before.values()], moving: new Set() })
  if (audit.findings.length > 0) {
    const moods = [...(await historyOf(store, user)).values()]
    const moving = new Set(moods.filter((mood) => before.get(mood.id)?.version !== mood.version).map(({ id }) => id))
    audit = auditRepo({ ...input, moods, moving })
  }
  const isStill = audit.counts.inFlight === 0 && removing.size === 0
  if (options.asIf) return { kind: 'audited', account, rev, audit }
  await store.audits.put({
    user,
    at,
    // Work in flight will change the repo, so its revision cannot spare the next audit.
    rev: isStill ? rev : null,
    code: null,
    counts: audit.counts,
    findings: countKinds(audit.findings),
  })
  return { kind: 'audited', account, rev, audit }
}

async function unreadable({ store }: AuditDeps, account: Account, at: number, code: string): Promise<UserAudit> {
  await store.audits.put({ user: account.user, at, rev: null, code, counts: NO_COUNTS, findings: { unreadable: 1 } })
  return { kind: 'unreadable', account, code }
}

export function countKinds(findings: readonly Finding[]): Partial<Record<FindingKind, number>> {
  return countBy(findings.map(({ kind }) => kind))
}

/**
 * Users whose repo and moods have not changed since an audit that found nothing.
 *
 * @param accounts their repos' revisions are taken from the lists of their hosts
 */
export async function unchangedSince(
  { store, client }: AuditDeps,
  accounts: readonly ReadyAccount[],
): Promise<ReadonlyMap<string, StoredAudit>> {
  const clean = new Map<string, StoredAudit>()
  const audits = await store.audits.of(accounts.map(({ user }) => user))
  for (const pds of new Set(accounts.map((account) => account.pds))) {
    const revs = await client.revisions(pds)
    if (revs.kind !== 'ok') continue
    for (const account of accounts) {
      const audit = audits.get(account.user)
      if (account.pds !== pds || !audit || audit.rev === null || Object.keys(audit.findings).length > 0) continue
      if (revs.value.get(account.did) === audit.rev) clean.set(account.user, audit)
    }
  }
  await withoutChanged(store, clean)
  return clean
}

/** Removes the users who have a mood that changed since their audit. */
async function withoutChanged(store: Store, clean: Map<string, StoredAudit>): Promise<void> {
  if (clean.size === 0) return
  const after = { changedAt: Math.min(...[...clean.values()].map(({ at }) => at)), id: '' }
  const read = (position: ChangePosition) => store.moods.changes(position, PAGE)
  for await (const page of pagesOf({ read, positionOf: ({ position }) => position, after, pageSize: PAGE })) {
    for (const { mood, position } of page) {
      const audit = clean.get(mood.user)
      if (audit && position.changedAt >= audit.at) clean.delete(mood.user)
    }
    if (clean.size === 0) return
  }
}
