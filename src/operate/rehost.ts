/** Has the accounts on a PDS of ours be looked for at its new address. */

import { type Account, type ReadyAccount, rehosted } from '../domain/account.ts'
import { LEDGER } from '../domain/budget.ts'
import { DomainError } from '../domain/errors.ts'
import { codeOf } from '../domain/outcome.ts'
import { COLLECTION } from '../domain/record.ts'
import { isSameUrl } from '../domain/urls.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { Hosts } from './hosts.ts'
import { archived } from './pages.ts'

type RehostDeps = Pick<OperatorDeps, 'store' | 'client' | 'clock' | 'timer'> & { readonly pdsUrl: string }

/**
 * Why an account stays at the old address:
 * - `missing`: the new one does not have its repo;
 * - `older`: it has a repo without any of the latest moods, as one that was restored from an older backup;
 * - `unread`: it lists the repo, and could not be asked what is in it.
 */
export type WhyNotThere = 'missing' | 'older' | 'unread'

/** An account that stays at the old address. */
interface NotThere {
  readonly user: string
  readonly handle: string | null
  readonly did: string
  readonly why: WhyNotThere
}

/** Of the latest moods, so many are looked at for some that are published. */
const LOOKED_AT = 50
/** Of the published ones, so many are looked for: the author may have deleted the latest by another program. */
const LOOKED_FOR = 3

export interface Rehosted {
  readonly executed: boolean
  readonly from: string
  readonly to: string
  /** Accounts that are stored with the old address. */
  readonly accounts: number
  /** Of these, accounts whose repos the new address has, with a mood that was published last. */
  readonly there: number
  readonly notThere: readonly NotThere[]
  /** Of those that are there, how many were changed. */
  readonly changed: number
  /** Where new accounts are made, if that is not the new address. */
  readonly madeAt: string | null
}

/**
 * Looks at the new address for the repo of every account that is stored with the old one, and for one of its latest records,
 * and changes the address of those that are there. Each is a compare-and-set; repeating it resumes it. What was used of the old host's budgets is forgotten with
 * the last of them: the new address counts for itself.
 *
 * @param execute without it, only looks
 * @param stop ends it between two accounts
 * @throws DomainError `usage` for what is no address of a server; `unavailable` when the new address does not list its repos
 */
export async function rehost(
  deps: RehostDeps,
  { from, to }: { readonly from: string; readonly to: string },
  execute: boolean,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Rehosted> {
  const [old, address] = [originOf(from), originOf(to)]
  if (isSameUrl(old, address)) throw new DomainError('usage', `${to} is the same address as ${from}`)
  const hosts = new Hosts(deps, stop)
  const repos = await reposAt(deps, address, hosts)
  const notThere: NotThere[] = []
  let [accounts, changed] = [0, 0]
  for await (const page of archived(deps.store, 'accounts', stop)) {
    for (const account of page) {
      const { user, handle, did, pds, odd } = account
      if (did === null || odd || pds === null || !isSameUrl(pds, old)) continue
      accounts++
      const repo: ReadyAccount = { ...account, state: 'ready', did, pds: address }
      const why = repos.has(did) ? await whyNotThere(deps, repo, hosts) : 'missing'
      if (stop.aborted) break
      if (why !== null) notThere.push({ user, handle: handle || null, did, why })
      else if (execute && !stop.aborted && (await change(deps, account, address))) changed++
      onProgress('accounts looked at', accounts, 0)
    }
  }
  if (execute && notThere.length === 0 && !stop.aborted) {
    for (const key of [LEDGER.requests(old), LEDGER.events(old)]) await deps.store.ledger.forget(key)
  }
  const madeAt = isSameUrl(deps.pdsUrl, address) ? null : deps.pdsUrl
  const counts = { accounts, there: accounts - notThere.length, notThere, changed }
  return { executed: execute, from: old, to: address, ...counts, madeAt }
}

function originOf(text: string): string {
  const url = URL.parse(text)
  const isRoot = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search + url.hash === ''
  if (isRoot && url.username + url.password === '') return url.origin
  throw new DomainError('usage', `${text} is no address of a PDS: http:// or https://, a host, and no path`)
}

/** DIDs of the repos that a PDS lists, which no other server does. */
async function reposAt(deps: RehostDeps, pds: string, hosts: Hosts): Promise<ReadonlySet<string>> {
  const answer = await hosts.ask(pds, () => deps.client.revisions(pds))
  if (answer.kind === 'ok') return new Set(answer.value.keys())
  const code = answer.kind === 'not_reached' ? answer.code : codeOf(answer)
  throw new DomainError('unavailable', `${pds} does not list its repos as a PDS does (${code}): nothing is changed`)
}

/** Whether the repo at the new address is the one that was written to, by its latest records; null where it is. */
async function whyNotThere(
  { store, client }: RehostDeps,
  repo: ReadyAccount,
  hosts: Hosts,
): Promise<WhyNotThere | null> {
  const { user } = repo
  const moods = await store.moods.feed({ users: [user], viewer: user, limit: LOOKED_AT, after: null })
  const latest = moods.filter(({ sync }) => sync.state === 'published' && sync.cid !== null).slice(0, LOOKED_FOR)
  for (const { sync } of latest) {
    const answer = await hosts.ask(repo.pds, () => client.read(repo, COLLECTION, [sync.rkey]))
    if (answer.kind !== 'ok') return 'unread'
    if (answer.value.cids.get(sync.rkey) === sync.cid) return null
    if (answer.value.unread.size > 0) return 'unread'
  }
  return latest.length === 0 ? null : 'older'
}

/** @returns whether it was changed */
async function change({ store, clock }: RehostDeps, found: Account, pds: string): Promise<boolean> {
  for (let account: Account | null = found; account !== null && account.did === found.did && !account.odd;) {
    const saved = await store.accounts.save(rehosted(account, pds))
    if (saved) {
      await store.repos.mark(saved.user, clock.now())
      return true
    }
    account = await store.accounts.byUser(found.user)
    if (account?.pds === pds) return false
  }
  return false
}
