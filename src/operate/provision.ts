/** Has accounts made on the PDS for users who lack one. */

import { type Account, newAccount, retried } from '../domain/account.ts'
import { countBy } from '../domain/tally.ts'
import { DomainError } from '../domain/errors.ts'
import { accountHandle } from '../domain/handle.ts'
import { EVENTS_OF_ACCOUNT, type RelayPlan } from '../domain/relay.ts'
import type { AccountStore } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { leftOut } from './federation.ts'
import { relayPlanFor } from './relay-plan.ts'
import { allSilent, type SilentHost } from './silence.ts'
import { allUsers, findUsers, type KnownUser, theseUsers } from './users.ts'
import { type Look, watch, whileEngineRuns } from './watch.ts'

export type ProvisionDeps = Pick<OperatorDeps, 'store' | 'client' | 'clock' | 'engine' | 'host' | 'timer'> & {
  readonly pdsUrl: string
  /** How many accounts of the PDS a relay admits; null where that is not known. */
  readonly config: { readonly relayAccountLimit: number | null }
}

/** A user for whom an account is to be made. */
interface Wanted {
  readonly user: string
  readonly handle: string
  /** Which of the names of {@link accountHandle} to try first. */
  readonly candidate: number
  /** No account yet; one that was requested; one that the PDS has refused. */
  readonly from: 'none' | 'pending' | 'refused'
}

interface Plan {
  readonly wanted: readonly Wanted[]
  readonly beingErased: number
}

export interface Provision {
  readonly executed: boolean
  /** Users for whom accounts are made, by the state of the account before. */
  readonly planned: Readonly<Record<Wanted['from'], number>>
  /** Of these users, those whom federation leaves out: they get an account, and nothing is published to it yet. */
  readonly leftOut: number
  readonly beingErased: number
  /** What this asks of a relay; null where no limit is set. */
  readonly relay: RelayPlan | null
  /** Null in a dry run. */
  readonly result: Provisioned | null
}

type Named = Pick<KnownUser, 'user' | 'handle'>

export interface Provisioned {
  readonly made: readonly (Named & { readonly pdsHandle: string | null })[]
  readonly failed: readonly (Named & { readonly code: string; readonly message: string })[]
  /** Failures by code. */
  readonly reasons: Readonly<Partial<Record<string, number>>>
  /** Neither made nor refused: the PDS did not answer, or the command was stopped. The same command makes them. */
  readonly notReached: number
  /** Of these, requested already: a worker makes them, too, once federation includes them. */
  readonly waiting: number
  /** Hosts that did not answer. */
  readonly silent: readonly SilentHost[]
}

/**
 * Requests accounts for users who have moods or a handle, and runs the engine until each is made or refused. It publishes
 * nothing, so the policy on federation has no say in it. Repeating it requests only what is missing, and retries what was
 * refused.
 *
 * @param names of users; all users if none is named
 * @param execute without it, the users are only counted
 * @param onPlan told the plan, before any account is requested
 * @param stop ends it; accounts requested by then stay requested, as they do when the PDS falls silent on the way
 * @throws DomainError `usage` for an unknown name; `unavailable` when the PDS does not answer: no account is requested then
 */
export async function provisionAccounts(
  deps: ProvisionDeps,
  names: readonly string[],
  execute: boolean,
  onPlan: (plan: Omit<Provision, 'result'>) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Provision> {
  const { store } = deps
  const users =
    names.length > 0 ? await theseUsers(store, await findUsers(store, names)) : await allUsers(store, onProgress, stop)
  const { wanted, beingErased } = await planAccounts(deps, users)
  const planned = { none: 0, pending: 0, refused: 0, ...countBy(wanted.map(({ from }) => from)) }
  const load = { requests: wanted.length, cost: EVENTS_OF_ACCOUNT, share: 1 }
  const relay = await relayPlanFor(store, load, deps.config.relayAccountLimit, wanted.length)
  const plan = { executed: execute, planned, leftOut: (await leftOut(deps, wanted)).users, beingErased, relay }
  onPlan(plan)
  return { ...plan, result: execute ? await makeAccounts(deps, wanted, onProgress, stop) : null }
}

/** Of these users, those who have moods or a handle and no account on the PDS. */
async function planAccounts({ store }: ProvisionDeps, users: readonly KnownUser[]): Promise<Plan> {
  const lacking = users.filter(
    ({ account, handle, moods }) => !account?.did && !account?.odd && (handle !== null || moods > 0),
  )
  const wanted: Wanted[] = []
  let beingErased = 0
  for (const { user, handle, account } of lacking) {
    if (await store.erasures.byUser(user)) {
      beingErased++
      continue
    }
    const from = account === null ? 'none' : account.state === 'pending' ? 'pending' : 'refused'
    wanted.push({ user, handle: handle ?? '', candidate: await firstChoice(store.accounts, user, handle ?? ''), from })
  }
  // Handles that the PDS accepts unaltered come first, so that no altered one takes theirs.
  wanted.sort((a, b) => Number(isAltered(a)) - Number(isAltered(b)))
  return { wanted, beingErased }
}

function isAltered({ user, handle }: Wanted): boolean {
  return accountHandle(handle, user, 0, '') !== handle
}

/** The second name if the first one is the handle of another user of the application. */
async function firstChoice(accounts: AccountStore, user: string, handle: string): Promise<number> {
  const label = accountHandle(handle, user, 0, '')
  if (label === handle) return 0
  const owner = (await accounts.usersOf([label])).get(label)
  return owner === undefined || owner === user ? 0 : 1
}

/** Accounts requested at the same time. */
const WINDOW = 50
/** The reference PDS allows 100 new accounts per address in five minutes, so one may have to wait for the next five. */
const PATIENCE = { everyMs: 100, patienceMs: 600_000 }

/** @throws DomainError `unavailable` */
async function makeAccounts(
  deps: ProvisionDeps,
  wanted: readonly Wanted[],
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Provisioned> {
  const domain = await deps.host.handleDomain()
  if (domain.kind !== 'ok') throw new DomainError('unavailable', `the PDS at ${deps.pdsUrl} does not take accounts now`)
  const made: Provisioned['made'][number][] = []
  const failed: Provisioned['failed'][number][] = []
  const requested = new Set<string>()
  const settle = (account: Account): void => {
    const { user, pdsHandle, error } = account
    const handle = account.handle || null
    if (account.state === 'ready') made.push({ user, handle, pdsHandle })
    else failed.push({ user, handle, code: error?.code ?? 'Unknown', message: error?.message ?? '' })
  }
  let next = 0
  let silent: readonly SilentHost[] = []
  const look = async (): Promise<Look> => {
    let seen: Look = 'waiting'
    while (requested.size < WINDOW && next < wanted.length) {
      const one = wanted[next++]!
      if (await request(deps, one)) requested.add(one.user)
    }
    for (const user of requested) {
      const account = await deps.store.accounts.byUser(user)
      if (account?.state === 'pending') continue
      requested.delete(user)
      seen = 'progress'
      // There is none if the user was erased meanwhile.
      if (account) settle(account)
    }
    onProgress('making accounts', made.length + failed.length, wanted.length)
    if (next === wanted.length && requested.size === 0) return 'done'
    silent = seen === 'progress' ? [] : await allSilent(deps, new Set([deps.pdsUrl]))
    return silent.length > 0 ? 'silent' : seen
  }
  const chosen = { users: () => [...requested], accountsOnly: true }
  if (wanted.length > 0) await whileEngineRuns(deps, chosen, stop, () => watch(look, PATIENCE, stop, deps.timer))
  const reasons = countBy(failed.map(({ code }) => code))
  const notReached = requested.size + wanted.length - next
  return { made, failed, reasons, notReached, waiting: requested.size, silent }
}

/** @returns whether the account was requested */
async function request({ store, engine }: ProvisionDeps, { user, handle, candidate }: Wanted): Promise<boolean> {
  if (await store.erasures.byUser(user)) return false
  const account = await store.accounts.add({ ...newAccount(user, handle), candidate })
  if (account.did !== null) return false
  // If another process changes it at the same time, the next look shows the result.
  if (account.state === 'needs_attention') await store.accounts.save(retried(account))
  await engine.nudge(user)
  return true
}
