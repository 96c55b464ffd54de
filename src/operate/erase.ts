/** Erasing a user on an operator's behalf: how much there is, and watching the erasure until it is done. */

import { type Account, isReady } from '../domain/account.ts'
import { type Erasure, type ErasureStep, nextStep } from '../domain/erasure.ts'
import { COLLECTION } from '../domain/record.ts'
import type { Erasures } from '../erasures.ts'
import type { OperatorDeps } from './deps.ts'
import { histories } from './pages.ts'
import { handleOf } from './users.ts'
import { type Look, watch, whileEngineRuns } from './watch.ts'

export interface EraseDeps extends Pick<OperatorDeps, 'store' | 'client' | 'engine' | 'clock' | 'host' | 'directory'> {
  readonly erasures: Erasures
  /** The PDS on which an account may be deleted. */
  readonly pdsUrl: string
  /** `eraseAccounts`: whether an erasure also deletes the account on the PDS. */
  readonly config: { readonly eraseAccounts: boolean }
}

/** How much of a user there is to erase. */
export interface Extent {
  readonly user: string
  readonly handle: string | null
  readonly did: string | null
  /** Including deleted ones. */
  readonly moods: number
  /** Records of the collection in the repo, ours or not; null where that is not known. */
  readonly records: number | null
  /** Whether the account on the PDS is deleted as well. */
  readonly account: boolean
}

/** Told how much an erasure will remove, its receipt, and each of its steps when it is finished. */
export interface EraseEvents {
  readonly onExtent: (extent: Extent) => void
  readonly onReceipt: (receipt: string) => void
  readonly onStep: OnStep
}

export type OnStep = (step: ErasureStep, needed: boolean) => void

export interface ErasedUser {
  readonly executed: boolean
  readonly extent: Extent
  /** Null when the erasure was not requested. */
  readonly erasure: (Watched & { readonly steps: readonly { step: ErasureStep; needed: boolean }[] }) | null
}

/** An erasure as far as it was watched. */
export interface Watched {
  readonly receipt: string
  /** `stuck`: the PDS refuses the account; `waiting`: the PDS did not answer for too long, or the command was stopped. */
  readonly state: 'done' | 'waiting' | 'stuck'
  /** What it waits for, or why it is stuck; null when it is done. */
  readonly reason: string | null
}

/**
 * Requests the erasure of a user and runs the engine until it is done or stuck. An erasure cannot be undone; repeating it
 * resumes it.
 *
 * @param execute without it, only looks at how much there is
 * @param stop ends the wait; any worker resumes the erasure
 */
export async function eraseUser(
  deps: EraseDeps,
  user: string,
  execute: boolean,
  { onExtent, onReceipt, onStep }: EraseEvents,
  stop: AbortSignal,
): Promise<ErasedUser> {
  const extent = await extentOf(deps, user)
  onExtent(extent)
  if (!execute || stop.aborted) return { executed: false, extent, erasure: null }
  const { receipt } = await requestErasure(deps, user)
  onReceipt(receipt)
  const steps: { step: ErasureStep; needed: boolean }[] = []
  const note: OnStep = (step, needed) => {
    steps.push({ step, needed })
    onStep(step, needed)
  }
  const [watched] = await watchErasures(deps, [receipt], note, stop)
  return { executed: true, extent, erasure: { ...watched!, steps } }
}

/**
 * Requests the erasure of a user, or resumes the one under way.
 *
 * With ERASE_PDS_ACCOUNT, the account may be gone from the PDS already: deleted by an erasure before a backup was restored,
 * or by an operator of the PDS. The engine would hold its erasure for an account that needs attention. Once the PDS has
 * confirmed that it has no such account, the DID is dropped, and the erasure has no repo to wait for.
 */
export async function requestErasure(deps: EraseDeps, user: string): Promise<Erasure> {
  const { store, host, config, clock, erasures } = deps
  const account = await store.accounts.byUser(user)
  if (account?.did && config.eraseAccounts && (await isGone(deps, account))) {
    const confirmed = await host.deleteAccount(account.did)
    if (confirmed.kind === 'ok') {
      const nothing = { did: null, pds: null, pdsHandle: null, credentials: null, sealedSession: null }
      // Not pending: a worker would create an account before the erasure is requested.
      const error = { code: 'Erased', message: 'the PDS has no such account any more', at: clock.now() }
      await store.accounts.save({ ...account, ...nothing, state: 'needs_attention', requeue: false, error })
      await store.repos.mark(user, clock.now())
    }
  }
  return erasures.request(user)
}

/** Whether our PDS answers that it has no such repo; no answer proves nothing. */
async function isGone({ directory, pdsUrl }: EraseDeps, { did, pds }: Account): Promise<boolean> {
  if (pds !== pdsUrl || did === null) return false
  const status = await directory.repoStatus(pdsUrl, did)
  return 'code' in status && status.code === 'RepoNotFound'
}

async function extentOf({ store, client, config }: EraseDeps, user: string): Promise<Extent> {
  let moods = 0
  for await (const page of histories(store, user)) moods += page.length
  const account = await store.accounts.byUser(user)
  const listed = isReady(account) ? await client.list(account, COLLECTION) : null
  const records = account?.did ? (listed?.kind === 'ok' ? listed.value.size : null) : 0
  const handle = await handleOf(store, user)
  const did = account?.did ?? null
  return { user, handle, did, moods, records, account: config.eraseAccounts && did !== null }
}

/** Two minutes without a step end the wait: the quarantine and the longest back-off are shorter. */
export const PATIENCE = { everyMs: 100, patienceMs: 120_000 }

/**
 * Runs the engine until these erasures are done or stuck, or make no progress.
 *
 * @param receipts of erasures that were requested
 * @param onStep told each finished step of any of them, including those finished before
 * @returns one for each receipt, in any order
 */
export async function watchErasures(
  deps: EraseDeps,
  receipts: readonly string[],
  onStep: OnStep,
  stop: AbortSignal,
): Promise<readonly Watched[]> {
  if (receipts.length === 0) return []
  /** How many steps of each were seen. */
  const open = new Map<string, number>(receipts.map((receipt) => [receipt, 0]))
  const users = new Set<string>()
  const ended: Watched[] = []
  const look = async (): Promise<Look> => {
    let seen: Look = 'waiting'
    for (const [receipt, before] of open) {
      const erasure = await deps.erasures.byReceipt(receipt)
      if (erasure.user !== null) users.add(erasure.user)
      const done = Object.entries(erasure.done) as [ErasureStep, { needed: boolean }][]
      for (const [step, { needed }] of done.slice(before)) onStep(step, needed)
      if (done.length > before) seen = 'progress'
      open.set(receipt, done.length)
      const end = await endOf(deps, erasure)
      if (!end) continue
      open.delete(receipt)
      ended.push(end)
    }
    return open.size === 0 ? 'done' : seen
  }
  const end = await whileEngineRuns(deps, { users: () => [...users] }, stop, () => watch(look, PATIENCE, stop))
  const reason = end === 'stopped' ? 'stopped' : 'the PDS does not answer'
  return [...ended, ...[...open.keys()].map((receipt) => ({ receipt, state: 'waiting' as const, reason }))]
}

/** How an erasure ended; null while it goes on. */
async function endOf({ store }: Pick<EraseDeps, 'store'>, erasure: Erasure): Promise<Watched | null> {
  const { receipt, user } = erasure
  if (user === null || nextStep(erasure) === null) return { receipt, state: 'done', reason: null }
  const account = await store.accounts.byUser(user)
  return isRefused(account)
    ? { receipt, state: 'stuck', reason: account?.error?.code ?? 'the account needs attention' }
    : null
}

/** Whether the PDS refuses an account that it has: the engine leaves it alone until an operator has looked at it. */
export function isRefused(account: Account | null): boolean {
  return account?.state === 'needs_attention' && account.did !== null
}
