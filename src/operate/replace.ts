/** Gives new accounts to users whose old ones are gone or shut, and has their moods published there. */

import { type Account, replaced } from '../domain/account.ts'
import { LEDGER } from '../domain/budget.ts'
import { DomainError } from '../domain/errors.ts'
import type { RepoCondition } from '../domain/repo-condition.ts'
import { whoIs } from '../domain/user-names.ts'
import { rehome } from '../sync/rehome.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { Hosts } from './hosts.ts'
import { archived } from './pages.ts'
import { type Provisioned, type ProvisionDeps, provisionAccounts } from './provision.ts'
import type { SilentHost } from './silence.ts'
import { findUsers, handleOf } from './users.ts'

type ReplaceDeps = ProvisionDeps & Pick<OperatorDeps, 'places'>

/** How an account was found that is to be replaced; `replaced`: by an earlier run, and the new one is still to be made. */
export type ReplacedFound = Exclude<RepoCondition, 'active'> | 'moved' | 'replaced'

/** An account that is replaced. */
interface Replaced {
  readonly user: string
  readonly handle: string | null
  readonly did: string
  readonly pds: string
  readonly found: ReplacedFound
  /** Moods that claimed a record in the old repo, and are published to the new one. Zero in a dry run. */
  readonly moods: number
}

export interface Replacement {
  readonly executed: boolean
  readonly accounts: readonly Replaced[]
  /** Users whose accounts can be used, so that there is nothing to replace. */
  readonly usable: readonly { readonly user: string; readonly handle: string | null; readonly did: string }[]
  /** Accounts of which nothing is known: their host did not answer. */
  readonly notReached: number
  readonly silent: readonly SilentHost[]
  /** The new accounts; null in a dry run, and where there is none to be made. */
  readonly result: Provisioned | null
}

/**
 * Replaces the accounts of these users that are gone or shut. The old DID is kept with the account; what the moods claim of the
 * old repo is forgotten, and they are published to the new one under the same record keys. Repeating it resumes it.
 *
 * @param names of users; `gone` for all whose PDS has no repo of theirs any more
 * @param execute without it, the accounts are only looked at
 * @param onPlan told what was found, before anything is changed
 * @throws DomainError `usage` for an unknown name, a user without an account, or an account that cannot be read
 */
export async function replaceAccounts(
  deps: ReplaceDeps,
  names: readonly string[] | 'gone',
  execute: boolean,
  onPlan: (plan: Omit<Replacement, 'result'>) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Replacement> {
  const hosts = new Hosts(deps, stop)
  const chosen = names === 'gone' ? await goneAccounts(deps, hosts, onProgress, stop) : await named(deps, names)
  const found: { readonly account: Account; readonly why: ReplacedFound }[] = []
  const usable: Replacement['usable'][number][] = []
  let notReached = 0
  for (const account of chosen) {
    if (stop.aborted) break
    const why = await findingOf(deps, hosts, account)
    const { user, handle, did } = account
    if (why === null) notReached++
    else if (why === 'active') usable.push({ user, handle: handle || null, did: did! })
    else found.push({ account, why })
    onProgress('accounts looked at', found.length + usable.length + notReached, chosen.length)
  }
  const planned = found.map(({ account, why }) => lineOf(account, why, 0))
  const plan = { executed: execute, accounts: planned, usable, notReached, silent: hosts.silent }
  onPlan(plan)
  if (!execute || stop.aborted || found.length === 0) return { ...plan, executed: execute, result: null }
  const accounts: Replaced[] = []
  for (const { account, why } of found) {
    if (stop.aborted) break
    accounts.push(lineOf(account, why, await replace(deps, account, why)))
    onProgress('accounts replaced', accounts.length, found.length)
  }
  const users = accounts.map(({ user }) => user)
  const { result } = await provisionAccounts(deps, users, true, () => {}, onProgress, stop)
  return { ...plan, accounts, result }
}

function lineOf(account: Account, found: ReplacedFound, moods: number): Replaced {
  const { user, handle } = account
  const { did, pds } = repoOf(account)!
  return { user, handle: handle || null, did, pds, found, moods }
}

/** The repo of the account; the last one for an account that was replaced and is still to be made. */
function repoOf({ did, pds, former }: Account): { readonly did: string; readonly pds: string } | null {
  return did !== null && pds !== null ? { did, pds } : (former.at(-1) ?? null)
}

async function named({ store }: ReplaceDeps, names: readonly string[]): Promise<readonly Account[]> {
  const accounts: Account[] = []
  for (const user of await findUsers(store, names)) {
    const account = await store.accounts.byUser(user)
    const who = whoIs(user, await handleOf(store, user))
    if (account?.odd)
      throw new DomainError('usage', `the account of ${who} cannot be read: "moods data check" names why`)
    if (account === null || repoOf(account) === null) throw new DomainError('usage', `${who} has no account to replace`)
    if (await store.erasures.byUser(user)) throw new DomainError('usage', `${who} is being erased`)
    accounts.push(account)
  }
  return accounts
}

/** Accounts that their PDS does not list any more, and does not know either. */
async function goneAccounts(
  deps: ReplaceDeps,
  hosts: Hosts,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<readonly Account[]> {
  const gone: Account[] = []
  const listed = new Map<string, ReadonlySet<string> | null>()
  for await (const page of archived(deps.store, 'accounts', stop)) {
    for (const account of page) {
      const { did, pds, odd, user } = account
      if (did === null || pds === null || odd || (await deps.store.erasures.byUser(user))) continue
      if (!listed.has(pds)) {
        const answer = await hosts.ask(pds, () => deps.client.revisions(pds))
        listed.set(pds, answer.kind === 'ok' ? new Set(answer.value.keys()) : null)
      }
      if (listed.get(pds)?.has(did)) continue
      const condition = await hosts.ask(pds, () => deps.host.condition({ did, pds }))
      if (condition.kind === 'ok' && condition.value === 'gone') gone.push(account)
      onProgress('accounts that are gone', gone.length, 0)
    }
  }
  return gone
}

/** How an account is found; null where its host does not tell. */
async function findingOf(deps: ReplaceDeps, hosts: Hosts, account: Account): Promise<ReplacedFound | 'active' | null> {
  const { did, pds } = account
  if (did === null || pds === null) return 'replaced'
  const repo = { ...account, state: 'ready', did, pds } as const
  if ((await deps.places.placeOf(repo, 'refusal')).kind === 'elsewhere') return 'moved'
  const condition = await hosts.ask(pds, () => deps.host.condition(repo))
  return condition.kind === 'ok' ? condition.value : null
}

/** @returns how many moods are published to the new repo */
async function replace({ store, clock }: ReplaceDeps, account: Account, why: string): Promise<number> {
  const { user, did, pds } = account
  const next = did === null || pds === null ? account : replaced({ ...account, did, pds }, why, clock.now())
  const saved = did === null ? account : await store.accounts.save(next)
  if (saved === null) throw new DomainError('unavailable', 'the account has changed meanwhile: run the command again')
  const { changed } = await rehome(store, clock, saved)
  // What was found in the old repo, and ordered there, is nothing to the new one.
  await store.audits.forget(user)
  await store.sightings.forget(user)
  await store.removals.forget(user)
  if (did !== null) await store.ledger.forget(LEDGER.points(did))
  return changed
}
