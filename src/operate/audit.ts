/** Comparing a user's repo with the primary, and noting what was found. */

import { type Account, isReady, type ReadyAccount } from '../domain/account.ts'
import { type AuditInput, countWithoutRepo, type Finding, type RepoAudit } from '../domain/audit.ts'
import { addedCounts, type AuditCounts, NO_COUNTS } from '../domain/audit-counts.ts'
import { type FindingKind } from '../domain/finding-kinds.ts'
import { userHold } from '../domain/hold.ts'
import { FURTHEST, isVoid } from '../domain/furthest.ts'
import { type GoodLook, lastSeen } from '../domain/looks.ts'
import { codeOf } from '../domain/outcome.ts'
import { inForce } from '../domain/policy.ts'
import { type Proof, proofIn } from '../domain/proof.ts'
import { accountReason, type Reason, silentReason, unreadableReason } from '../domain/reasons.ts'
import { countBy } from '../domain/tally.ts'
import type { ChangePosition, Store } from '../ports/store.ts'
import { compareUser } from './compare.ts'
import type { OperatorDeps } from './deps.ts'
import { Hosts, STOPPED } from './hosts.ts'
import { histories, pagesOf } from './pages.ts'

export type AuditDeps = Pick<OperatorDeps, 'store' | 'client' | 'clock' | 'timer'>

export interface AuditOptions {
  /** A repo whose signature cannot be checked is not read. By default it is, and is not proven. */
  readonly verify?: boolean
  /** Counts records of the legacy form as drift, so that a repair rewrites them. */
  readonly modernise?: boolean
}

/** The result for one user. */
export type UserAudit =
  | {
      readonly kind: 'audited'
      readonly account: ReadyAccount
      /** Null where the PDS does not tell. */
      readonly rev: string | null
      /** Whether the signature of the commit was checked. */
      readonly signed: boolean
      readonly audit: RepoAudit
      /** Of what the repo held, all that is not as it should be. */
      readonly records: AuditInput['records']
      /** Null where something was found, work is under way, or no signed commit was shown. */
      readonly proof: Proof | null
    }
  /** The PDS refuses the repo, or what it sends cannot be read: nothing is known of it, and it is not taken for empty. */
  | { readonly kind: 'unreadable'; readonly account: Account; readonly code: string }
  /** The PDS did not answer, or the command was stopped: nothing is known of the repo now. */
  | { readonly kind: 'not_reached'; readonly account: Account; readonly code: string }
  | {
      readonly kind: 'no_account'
      readonly account: Account | null
      /** How the user's moods stand, by the database alone. */
      readonly counts: AuditCounts
    }

const PAGE = 500

/** Why nothing is known of a repo, or why there is none; null where the look was stopped before it began. */
export function reasonOf(result: Exclude<UserAudit, { kind: 'audited' }>, name: string): Reason | null {
  switch (result.kind) {
    case 'no_account':
      return accountReason(result.account, name)
    case 'unreadable':
      return unreadableReason(result.account, result.code, name)
    case 'not_reached':
      return result.code === STOPPED ? null : silentReason(result.code)
  }
}

/**
 * Audits one user and stores the result; a look that fails is stored beside the last good one.
 *
 * @param hosts those of the whole command, so that one that is silent is given up once
 * @param since a revision that the repo has had: an older one is not what it holds now
 */
export async function auditUser(
  deps: AuditDeps,
  user: string,
  options: AuditOptions = {},
  hosts = new Hosts(deps, new AbortController().signal),
  since: string | null = null,
): Promise<UserAudit> {
  const { store, client, clock } = deps
  const account = await store.accounts.byUser(user)
  if (!account || (account.did === null && !account.odd)) {
    const hold = userHold(user, account, inForce(await store.policy.get()))
    let counts = NO_COUNTS
    for await (const moods of histories(store, user)) counts = addedCounts(counts, countWithoutRepo(moods, hold))
    return { kind: 'no_account', account, counts }
  }
  const at = clock.now()
  if (!isReady(account))
    return unreadable(deps, account, at, account.error?.code ?? (account.odd ? 'OddAccount' : 'NotReady'))
  // Its moods need not be read for a comparison that cannot be made.
  if (hosts.isSilent(account.pds)) return { kind: 'not_reached', account, code: 'HostSilent' }
  const { modernise = false } = options
  const verify = options.verify === true ? true : 'if_possible'
  const compared = await compareUser(deps, account, { verify, modernise }, hosts)
  if (compared.kind === 'not_reached') {
    if (compared.tried) await store.audits.note(user, { kind: 'failed', at, code: compared.code })
    return { kind: 'not_reached', account, code: compared.code }
  }
  if (compared.kind !== 'ok') return unreadable(deps, account, at, codeOf(compared))
  const { repo, audit, moves } = compared.value
  if (isBefore(repo.rev, since)) return unreadable(deps, account, at, 'RepoOutdated')
  if (audit.findings.length > 0 && since === null) {
    // A cache, or whoever has made up the repo, would have us repair what is right.
    const newest = await hosts.ask(account.pds, () => client.revision(account))
    if (newest.kind === 'ok' && isBefore(repo.rev, newest.value)) {
      return auditUser(deps, user, options, hosts, newest.value)
    }
  }
  const read = { did: account.did, records: repo.size, at }
  const proof = !moves && audit.findings.length === 0 ? proofIn(repo, read) : null
  await store.audits.note(user, {
    kind: 'good',
    at,
    // Work in flight will change the repo, so its revision cannot spare the next audit.
    rev: moves ? null : repo.rev,
    counts: audit.counts,
    findings: countKinds(audit.findings),
    proof,
  })
  return { kind: 'audited', account, rev: repo.rev, signed: repo.signed, audit, records: repo.records, proof }
}

/** Whether a revision is older than another; false where one of them is not known. They are in the order of their text. */
function isBefore(rev: string | null, other: string | null): boolean {
  return rev !== null && other !== null && rev < other
}

async function unreadable({ store }: AuditDeps, account: Account, at: number, code: string): Promise<UserAudit> {
  await store.audits.note(account.user, { kind: 'failed', at, code })
  return { kind: 'unreadable', account, code }
}

export function countKinds(findings: readonly Finding[]): Partial<Record<FindingKind, number>> {
  return countBy(findings.map(({ kind }) => kind))
}

/**
 * Users whose repo and moods have not changed since their last look, which was good and found nothing; nor has the policy,
 * where it held moods. What that look proved is noted as seen again.
 *
 * @param accounts their repos' revisions are taken from the lists of their hosts
 */
export async function unchangedSince(
  { store, client, clock }: AuditDeps,
  accounts: readonly ReadyAccount[],
  hosts: Hosts,
): Promise<ReadonlyMap<string, GoodLook>> {
  const clean = new Map<string, GoodLook>()
  const now = clock.now()
  const [audits, stored] = await Promise.all([store.audits.of(accounts.map(({ user }) => user)), store.policy.get()])
  for (const pds of new Set(accounts.map((account) => account.pds))) {
    const revs = await hosts.ask(pds, () => client.revisions(pds))
    if (revs.kind !== 'ok') continue
    for (const account of accounts) {
      const { good = null, failed = null } = audits.get(account.user) ?? {}
      // After a look that failed, nobody knows whether the repo can be read.
      if (account.pds !== pds || good === null || good.rev === null || failed !== null) continue
      if (Object.keys(good.findings).length > 0 || isVoid(good.at, now, FURTHEST.look)) continue
      // What federation held then it may have let go since.
      if (good.counts.held > 0 && good.at <= (stored?.at ?? 0)) continue
      if (revs.value.get(account.did) === good.rev) clean.set(account.user, good)
    }
  }
  await withoutChanged(store, clean, now)
  const again = [...clean].map(([user, { rev }]) => [user, { kind: 'unchanged', at: now, rev: rev! }] as const)
  await store.audits.noteAll(new Map(again.filter(([user]) => clean.get(user)!.proof !== null)))
  return clean
}

/** Removes the users who have a mood that changed since their repo was last seen. */
async function withoutChanged(store: Store, clean: Map<string, GoodLook>, now: number): Promise<void> {
  if (clean.size === 0) return
  const since = new Map([...clean].map(([user, good]) => [user, lastSeen(good, now)]))
  const after = { changedAt: Math.min(...since.values()), id: '' }
  const read = (position: ChangePosition) => store.moods.changes(position, PAGE)
  for await (const page of pagesOf({ read, positionOf: ({ position }) => position, after, pageSize: PAGE })) {
    for (const { mood, position } of page) {
      if (position.changedAt >= (since.get(mood.user) ?? Infinity)) clean.delete(mood.user)
    }
    if (clean.size === 0) return
  }
}
