/** What operators do with the accounts of all users: see who has one, have them made, seal their passwords. */

import type { App } from '../app.ts'
import { type Account, type AccountState, isUnsealed, newAccount, plainOf, retried } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import { countBy } from '../domain/counts.ts'
import { accountHandle } from '../domain/handle.ts'
import { federates } from '../domain/policy.ts'
import type { Sealer } from '../pds/sealer.ts'
import type { AccountStore, Store } from '../ports/store.ts'
import type { OnProgress } from './deps.ts'
import { archived } from './pages.ts'
import { allUsers, type KnownUser } from './users.ts'
import { pause, whileEngineRuns } from './watch.ts'

/** One line of the list. */
interface AccountLine {
  readonly user: string
  readonly handle: string | null
  /** `none`: no account was ever asked for. */
  readonly state: AccountState | 'none'
  readonly did: string | null
  readonly pdsHandle: string | null
  /** Why there is no account to use, in the PDS's own code; null where there is one, or no reason is known. */
  readonly reason: string | null
  /** Moods that are not deleted. */
  readonly moods: number
}

export interface AccountList {
  readonly counts: {
    readonly users: number
    readonly withHandle: number
    readonly withMoods: number
    /** Have moods, and no account on the PDS. */
    readonly without: number
    readonly states: Readonly<Record<AccountState | 'none', number>>
  }
  readonly users: readonly AccountLine[]
  /** Stopped before the end: what is here is not all. */
  readonly interrupted: boolean
}

/**
 * Every user, with how the account stands.
 *
 * @param onlyWithout only those who have moods, and no account on the PDS; the counts are of everybody all the same
 */
export async function listAccounts(
  store: Store,
  onlyWithout: boolean,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<AccountList> {
  const all = (await allUsers(store, onProgress, stop)).map(toLine)
  const without = all.filter(({ moods, did }) => moods > 0 && did === null)
  const states = { none: 0, pending: 0, ready: 0, needs_attention: 0 }
  for (const { state } of all) states[state]++
  const counts = {
    users: all.length,
    withHandle: all.filter(({ handle }) => handle !== null).length,
    withMoods: all.filter(({ moods }) => moods > 0).length,
    without: without.length,
    states,
  }
  return { counts, users: onlyWithout ? without : all, interrupted: stop.aborted }
}

function toLine({ user, handle, account, moods }: KnownUser): AccountLine {
  const state = account?.state ?? 'none'
  const reason = account?.error?.code ?? null
  return { user, handle, state, did: account?.did ?? null, pdsHandle: account?.pdsHandle ?? null, reason, moods }
}

/** A user for whom an account is to be made. */
export interface Wanted {
  readonly user: string
  readonly handle: string
  /** Which of the names of {@link accountHandle} to begin with. */
  readonly candidate: number
  /** No account yet; one that was begun; one that the PDS has refused. */
  readonly from: 'none' | 'pending' | 'refused'
}

export interface ProvisionPlan {
  readonly wanted: readonly Wanted[]
  /** Users whose moods are not published now (FEDERATION): the engine would make no account for them. */
  readonly federationOff: number
  readonly beingErased: number
}

/** Of these users, those who have moods or a handle and no account on the PDS. */
export async function planAccounts(app: App, users: readonly KnownUser[]): Promise<ProvisionPlan> {
  const { store, config } = app
  const lacking = users.filter(({ account, handle, moods }) => !account?.did && (handle !== null || moods > 0))
  const federating = lacking.filter(({ user, handle }) => federates(config.federation, user, handle))
  const wanted: Wanted[] = []
  let beingErased = 0
  for (const { user, handle, account } of federating) {
    if (await store.erasures.byUser(user)) {
      beingErased++
      continue
    }
    const from = account === null ? 'none' : account.state === 'pending' ? 'pending' : 'refused'
    wanted.push({ user, handle: handle ?? '', candidate: await firstChoice(store.accounts, user, handle ?? ''), from })
  }
  // Whose handle can be had as it is comes first: nobody else's is to be turned into it.
  wanted.sort((a, b) => Number(isAltered(a)) - Number(isAltered(b)))
  return { wanted, federationOff: lacking.length - federating.length, beingErased }
}

function isAltered({ user, handle }: Wanted): boolean {
  return accountHandle(handle, user, 0, '') !== handle
}

/** The second name for whoever's first one would be the handle of another user of the application. */
async function firstChoice(accounts: AccountStore, user: string, handle: string): Promise<number> {
  const label = accountHandle(handle, user, 0, '')
  if (label === handle) return 0
  const owner = (await accounts.usersOf([label])).get(label)
  return owner === undefined || owner === user ? 0 : 1
}

export interface Provisioned {
  readonly made: readonly { readonly user: string; readonly handle: string; readonly pdsHandle: string | null }[]
  readonly failed: readonly { readonly user: string; readonly code: string; readonly message: string }[]
  /** Failures by code. */
  readonly reasons: Readonly<Partial<Record<string, number>>>
  /** Asked for, and neither made nor refused: the engine goes on with them whenever it runs. */
  readonly waiting: number
  readonly interrupted: boolean
}

/** Accounts asked for at the same time. */
const WINDOW = 50
const LOOK_EVERY_MS = 100
/** The PDS lets a machine make 100 accounts in five minutes: whoever waits has to be able to wait for the next five. */
const PATIENCE_MS = 600_000

/**
 * Asks for these accounts and runs the engine until each is made or refused. Repeating it asks only for what is still
 * missing, and tries anew what was refused.
 *
 * @param stop ends it; what was asked for by then stays asked for
 * @throws DomainError `unavailable` when the PDS does not answer: before anything is asked for
 */
export async function makeAccounts(
  app: App,
  wanted: readonly Wanted[],
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Provisioned> {
  const domain = await app.host.handleDomain()
  if (domain.kind !== 'ok') throw new DomainError('unavailable', `the PDS at ${app.pdsUrl} does not take accounts now`)
  const made: { user: string; handle: string; pdsHandle: string | null }[] = []
  const failed: { user: string; code: string; message: string }[] = []
  const asked = new Set<string>()
  const settle = (account: Account): void => {
    const { user, handle, pdsHandle, error } = account
    if (account.state === 'ready') made.push({ user, handle, pdsHandle })
    else failed.push({ user, code: error?.code ?? 'Unknown', message: error?.message ?? '' })
  }
  await whileEngineRuns(app, stop, async () => {
    let next = 0
    let lastAt = performance.now()
    while ((next < wanted.length || asked.size > 0) && !stop.aborted) {
      while (asked.size < WINDOW && next < wanted.length) {
        const one = wanted[next++]!
        if (await ask(app, one)) asked.add(one.user)
      }
      for (const user of asked) {
        const account = await app.store.accounts.byUser(user)
        if (account?.state === 'pending') continue
        asked.delete(user)
        lastAt = performance.now()
        // None: erased meanwhile.
        if (account) settle(account)
      }
      onProgress('making accounts', made.length + failed.length, wanted.length)
      if (performance.now() - lastAt > PATIENCE_MS) break
      await pause(LOOK_EVERY_MS, stop)
    }
  })
  const reasons = countBy(failed.map(({ code }) => code))
  return { made, failed, reasons, waiting: asked.size, interrupted: stop.aborted }
}

/** @returns whether the account is to be waited for */
async function ask({ store, engine }: App, { user, handle, candidate }: Wanted): Promise<boolean> {
  if (await store.erasures.byUser(user)) return false
  const account = await store.accounts.add({ ...newAccount(user, handle), candidate })
  if (account.did !== null) return false
  // Somebody else has changed it just now: what came of that is seen by looking.
  if (account.state === 'needs_attention') await store.accounts.save(retried(account))
  await engine.nudge(user)
  return true
}

export interface Sealed {
  readonly accounts: number
  /** Passwords in plain text at the beginning. */
  readonly plain: number
  /** Sealed now, read back and opened. */
  readonly sealed: number
  /** Could not be sealed, and are as they were. */
  readonly failed: number
  readonly interrupted: boolean
}

/**
 * Seals passwords that the database keeps in plain text, each in one write that also removes the plain one.
 *
 * @param execute without it, they are only counted
 */
export async function sealPasswords(
  { store, sealer }: Pick<App, 'store' | 'sealer'>,
  execute: boolean,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Sealed> {
  const total = await store.archive.count('accounts')
  const counts = { accounts: 0, plain: 0, sealed: 0, failed: 0 }
  for await (const page of archived(store, 'accounts', stop)) {
    for (const account of page) {
      if (stop.aborted) break
      counts.accounts++
      if (account.sealedPassword !== null && isUnsealed(account.sealedPassword)) {
        counts.plain++
        if (execute) counts[(await sealOne(store.accounts, sealer, account.user)) ? 'sealed' : 'failed']++
      }
      onProgress(execute ? 'sealing passwords' : 'looking at passwords', counts.accounts, total)
    }
  }
  return { ...counts, interrupted: stop.aborted }
}

/** Others may change the account at the same time, such as its session. */
const TRIES = 10

/** @returns whether what is stored now is sealed, and opens to the same password */
async function sealOne(accounts: AccountStore, sealer: Sealer, user: string): Promise<boolean> {
  for (let i = 0; i < TRIES; i++) {
    const account = await accounts.byUser(user)
    if (!account?.sealedPassword || !isUnsealed(account.sealedPassword)) return true
    const password = plainOf(account.sealedPassword)
    const sealedPassword = await sealer.seal(password)
    // Looked at before the plain one is gone.
    if ((await sealer.unseal(sealedPassword)) !== password) return false
    if (!(await accounts.save({ ...account, sealedPassword }))) continue
    const stored = (await accounts.byUser(user))?.sealedPassword ?? null
    return stored !== null && !isUnsealed(stored) && (await sealer.unseal(stored)) === password
  }
  return false
}
