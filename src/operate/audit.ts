/** Reading repos whole and comparing them with the primary; and turning what was found into work for the engine. */

import { type Account, isReady, type ReadyAccount } from '../domain/account.ts'
import { auditRepo, type Finding, type FindingKind, type Fix, NO_COUNTS, type RepoAudit } from '../domain/audit.ts'
import { countBy } from '../domain/counts.ts'
import type { Mood } from '../domain/mood.ts'
import { codeOf } from '../domain/outcome.ts'
import { COLLECTION, uriOf } from '../domain/record.ts'
import { enqueued, published } from '../domain/sync.ts'
import type { ChangePosition, Store, StoredAudit } from '../ports/store.ts'
import type { OperatorDeps } from './deps.ts'
import { historyOf, pagesOf } from './pages.ts'

export type AuditDeps = Pick<OperatorDeps, 'store' | 'client' | 'clock' | 'policy'>

export interface AuditOptions {
  /** Checks the signature of each repo's commit as well. */
  readonly verify?: boolean
  /** Counts records of the older form as drift, so that a repair rewrites them. */
  readonly modernise?: boolean
}

/** What came of looking at one user. */
export type UserAudit =
  | { readonly kind: 'audited'; readonly account: ReadyAccount; readonly rev: string; readonly audit: RepoAudit }
  /** Nothing is known of the repo, which is not to say that it is empty. */
  | { readonly kind: 'unreadable'; readonly account: Account; readonly code: string }
  | { readonly kind: 'no_account'; readonly account: Account | null }

const PAGE = 500

/**
 * Audits one user, and keeps the result. Where something is found, the moods are read once more, after the repo: what
 * changed in between is on its way, and no finding.
 */
export async function auditUser(deps: AuditDeps, user: string, options: AuditOptions = {}): Promise<UserAudit> {
  const { store, client, clock, policy } = deps
  const account = await store.accounts.byUser(user)
  if (!account || account.did === null) return { kind: 'no_account', account }
  const at = clock.now()
  if (!isReady(account)) return unreadable(deps, account, at, account.error?.code ?? 'NotReady')
  const before = await historyOf(store, user)
  const removing = new Set((await store.removals.of(user)).map(({ rkey }) => rkey))
  const snapshot = await client.snapshot(account, COLLECTION, options.verify ?? false)
  if (snapshot.kind !== 'ok') return unreadable(deps, account, at, codeOf(snapshot))
  const { rev, records } = snapshot.value
  const input = { account, policy, records, removing, modernise: options.modernise ?? false }
  let audit = auditRepo({ ...input, moods: [...before.values()], moving: new Set() })
  if (audit.findings.length > 0) {
    const moods = [...(await historyOf(store, user)).values()]
    const moving = new Set(moods.filter((mood) => before.get(mood.id)?.version !== mood.version).map(({ id }) => id))
    audit = auditRepo({ ...input, moods, moving })
  }
  const isStill = audit.counts.inFlight === 0 && removing.size === 0
  await store.audits.put({
    user,
    at,
    // Work that is under way will change the repo: its revision says nothing of the next audit.
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
 * @param accounts whose repos are looked for, by their hosts' own lists
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

/** Leaves out whoever has a mood that changed since the audit. */
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

/**
 * Orders what mends these findings; the engine does it.
 *
 * @returns how many were ordered, by kind; a mood that has changed since it was read is left for the next audit
 */
export async function repairFindings(
  { store, clock }: Pick<AuditDeps, 'store' | 'clock'>,
  account: ReadyAccount,
  findings: readonly Finding[],
): Promise<Partial<Record<FindingKind, number>>> {
  const done: Finding[] = []
  const removals = findings.filter(({ fix }) => fix.kind === 'remove')
  await store.removals.add(
    account.user,
    removals.map(({ fix }) => ({ rkey: fix.rkey, cid: fix.cid! })),
  )
  done.push(...removals)
  for (let i = 0; i < findings.length; i += PAGE) {
    const changed = findings.slice(i, i + PAGE).flatMap((finding) => {
      return finding.fix.kind === 'remove' ? [] : [{ finding, mood: mended(finding.fix, account.did, clock.now()) }]
    })
    const kept = await store.moods.save(
      changed.map(({ mood }) => mood),
      clock.now(),
    )
    done.push(...changed.filter(({ mood }) => kept.has(mood.id)).map(({ finding }) => finding))
  }
  if (done.length > 0) await store.repos.mark(account.user, clock.now())
  return countKinds(done)
}

function mended(fix: Exclude<Fix, { kind: 'remove' }>, did: string, now: number): Mood {
  const { mood, rkey, cid } = fix
  const uri = cid === null ? null : uriOf(did, rkey)
  // What is there is remembered as it is, so that the engine replaces or deletes exactly that.
  const again = { ...enqueued(mood.sync, now), rkey, uri, cid }
  return { ...mood, sync: fix.kind === 'adopt' ? published(again, uri!, fix.cid) : again }
}
