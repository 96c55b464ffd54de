/** Auditing many users, several at a time, and adding up what was found. */

import pMap from 'p-map'
import { type Account, isReady } from '../domain/account.ts'
import { type AuditCounts, type FindingKind, NO_COUNTS } from '../domain/audit.ts'
import { count } from '../domain/counts.ts'
import type { Store } from '../ports/store.ts'
import { type AuditDeps, type AuditOptions, auditUser, countKinds, unchangedSince, type UserAudit } from './audit.ts'
import { archived } from './pages.ts'

/** Repos read at the same time: one is decoded while another is fetched. */
const PARALLEL = 3

/** Accounts of these users; of everybody who has one if none are named, in the order of their users. */
export async function accountsOf(store: Store, users: readonly string[], limit: number): Promise<Account[]> {
  if (users.length > 0) {
    const found = await Promise.all(users.map((user) => store.accounts.byUser(user)))
    return found.filter((account) => account !== null).slice(0, limit)
  }
  const accounts: Account[] = []
  for await (const page of archived(store, 'accounts')) {
    accounts.push(...page)
    if (accounts.length >= limit) break
  }
  return accounts.slice(0, limit)
}

export interface SurveyOptions extends AuditOptions {
  /** Leaves out repos that have not changed since an audit that found nothing. */
  readonly incremental?: boolean
}

export interface Summary {
  readonly users: number
  /** Read whole and compared. */
  readonly audited: number
  /** Known to be as they were at their last audit, which found nothing. */
  readonly unchanged: number
  readonly unreadable: number
  readonly withoutAccount: number
  /** Audited or unchanged, and nothing found. */
  readonly clean: number
  readonly counts: AuditCounts
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>
  /** Of the moods that should be in a repo, how many are there, right, and known to be; 0 to 1, null where there are none. */
  readonly syncRate: number | null
}

/**
 * Audits each account's user.
 *
 * @param each told of every user as soon as it is known
 * @param stop ends it between two users
 */
export async function survey(
  deps: AuditDeps,
  accounts: readonly Account[],
  options: SurveyOptions,
  each: (account: Account, result: UserAudit | 'unchanged') => Promise<void> | void,
  stop: AbortSignal,
): Promise<Summary> {
  const ready = accounts.filter(isReady)
  const unchanged = options.incremental ? await unchangedSince(deps, ready) : new Map()
  const tally = new Tally()
  const one = async (account: Account): Promise<void> => {
    if (stop.aborted) return
    const before = unchanged.get(account.user)
    const result = before ? ('unchanged' as const) : await auditUser(deps, account.user, options)
    tally.add(result === 'unchanged' ? { counts: before!.counts } : result)
    await each(account, result)
  }
  await pMap(accounts, one, { concurrency: PARALLEL })
  return tally.summary()
}

class Tally {
  readonly #of = { users: 0, audited: 0, unchanged: 0, unreadable: 0, withoutAccount: 0, clean: 0 }
  #counts: AuditCounts | null = null
  readonly #findings: Partial<Record<FindingKind, number>> = {}

  add(result: UserAudit | { readonly counts: AuditCounts }): void {
    this.#of.users++
    if (!('kind' in result)) {
      this.#of.unchanged++
      this.#of.clean++
      this.#count(result.counts)
    } else if (result.kind === 'audited') {
      this.#of.audited++
      if (result.audit.findings.length === 0) this.#of.clean++
      this.#count(result.audit.counts)
      for (const [kind, n] of Object.entries(countKinds(result.audit.findings))) this.#found(kind as FindingKind, n)
    } else if (result.kind === 'unreadable') {
      this.#of.unreadable++
      this.#found('unreadable', 1)
    } else this.#of.withoutAccount++
  }

  #found(kind: FindingKind, n: number): void {
    count(this.#findings, kind, n)
  }

  #count(counts: AuditCounts): void {
    const before = this.#counts
    const sum = Object.entries(counts).map(([name, n]) => [name, n + (before?.[name as keyof AuditCounts] ?? 0)])
    this.#counts = Object.fromEntries(sum) as unknown as AuditCounts
  }

  summary(): Summary {
    const counts = this.#counts ?? NO_COUNTS
    const inStep = counts.synced + counts.legacy
    const { missing = 0, drift = 0, dangling = 0, unlinked = 0 } = this.#findings
    const wanted = inStep + missing + drift + dangling + unlinked
    return { ...this.#of, counts, findings: this.#findings, syncRate: wanted === 0 ? null : inStep / wanted }
  }
}
