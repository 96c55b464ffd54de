/** Erasing a user on an operator's behalf: how much there is, and watching the erasure until it is done. */

import { accountReason } from '../domain/reasons.ts'
import { type Account, isReady, needsOperator } from '../domain/account.ts'
import { type Erasure, type ErasureStep, nextStep } from '../domain/erasure.ts'
import { COLLECTION } from '../domain/record.ts'
import type { Erasures } from '../erasures.ts'
import type { OperatorDeps } from './deps.ts'
import { ErasureWait } from './erase-wait.ts'
import { histories } from './pages.ts'
import { silentFor, type SilentHost, silentText } from './silence.ts'
import type { StandingDeps } from './standing.ts'
import { handleOf } from './users.ts'
import { type Look, watch, whileEngineRuns } from './watch.ts'

export interface EraseDeps extends Pick<
  OperatorDeps,
  'store' | 'client' | 'engine' | 'clock' | 'timer' | 'host' | 'directory'
> {
  readonly erasures: Erasures
  /** The PDS on which an account may be deleted. */
  readonly pdsUrl: string
  /** `eraseAccounts`: whether an erasure also deletes the account on the PDS. */
  readonly config: { readonly eraseAccounts: boolean } & StandingDeps['config']
}

/** How much of a user there is to erase. */
export interface Extent {
  readonly user: string
  readonly handle: string | null
  readonly did: string | null
  /** Including deleted ones, and those that cannot be read for certain. */
  readonly moods: number
  /** Moods that stay, by their ids: a list that holds the user stands in the place of their author. */
  readonly shared: readonly string[]
  /** Records of the collection in the repo, ours or not; null where that is not known: an erasure does not wait to count them. */
  readonly records: number | null
  /** Whether the account on the PDS is deleted as well. */
  readonly account: boolean
}

/** Told how much an erasure will remove, its receipt, each of its steps when it is finished, and what a step waits for. */
export interface EraseEvents extends StepEvents {
  readonly onExtent: (extent: Extent) => void
  readonly onReceipt: (receipt: string) => void
}

export interface StepEvents {
  readonly onStep: (step: ErasureStep, needed: boolean) => void
  /** Told after a few seconds without a step, and when it is something else. */
  readonly onWaiting: (text: string) => void
}

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
 * Requests the erasure of a user, which removes the texts before a PDS is asked anything, and runs the engine until it is
 * done or stuck. An erasure cannot be undone; repeating it resumes it.
 *
 * @param execute without it, only looks at how much there is
 * @param stop ends the wait; any worker resumes the erasure
 */
export async function eraseUser(
  deps: EraseDeps,
  user: string,
  execute: boolean,
  { onExtent, onReceipt, onStep, onWaiting }: EraseEvents,
  stop: AbortSignal,
): Promise<ErasedUser> {
  const extent = await extentOf(deps, user, !execute)
  onExtent(extent)
  if (!execute || stop.aborted) return { executed: false, extent, erasure: null }
  const { receipt } = await deps.erasures.request(user)
  onReceipt(receipt)
  await forgetGoneAccount(deps, user)
  const steps: { step: ErasureStep; needed: boolean }[] = []
  const note: StepEvents['onStep'] = (step, needed) => {
    steps.push({ step, needed })
    onStep(step, needed)
  }
  const [watched] = await watchErasures(deps, [receipt], { onStep: note, onWaiting }, stop)
  return { executed: true, extent, erasure: { ...watched!, steps } }
}

/**
 * With ERASE_PDS_ACCOUNT, the account of a user whose erasure was requested may be gone from the PDS already: deleted by an
 * erasure before a backup was restored, or by an operator of the PDS. The engine would hold the erasure for an account that
 * needs attention. Once the PDS has confirmed that it has no such account, the DID is dropped, and the erasure has no repo to
 * wait for.
 */
export async function forgetGoneAccount(deps: EraseDeps, user: string): Promise<void> {
  const { store, host, config, clock } = deps
  const gone = config.eraseAccounts ? await store.accounts.byUser(user) : null
  if (!gone?.did || gone.odd || !(await isGone(deps, gone))) return
  if ((await host.deleteAccount(gone.did)).kind !== 'ok') return
  const nothing = { did: null, pds: null, pdsHandle: null, credentials: null, sealedSession: null }
  const error = { code: 'Erased', message: 'the PDS has no such account any more', at: clock.now() }
  // A worker may note meanwhile that the PDS refuses the account.
  for (let account: Account | null = gone; account?.did === gone.did && !account.odd;) {
    // Not pending: there is no account to be made.
    if (await store.accounts.save({ ...account, ...nothing, state: 'needs_attention', requeue: false, error })) break
    account = await store.accounts.byUser(user)
  }
  await store.repos.mark(user, clock.now())
}

/** Whether our PDS answers that it has no such repo; no answer proves nothing. */
async function isGone({ directory, pdsUrl }: EraseDeps, { did, pds }: Account): Promise<boolean> {
  if (pds !== pdsUrl || did === null) return false
  const status = await directory.repoStatus(pdsUrl, did)
  return 'code' in status && status.code === 'RepoNotFound'
}

async function extentOf({ store, client, config }: EraseDeps, user: string, withRecords: boolean): Promise<Extent> {
  const odd = await store.odd.of(user)
  const shared = odd.filter((mood) => mood.user !== user).map(({ id }) => id)
  let moods = odd.length - shared.length
  for await (const page of histories(store, user)) moods += page.length
  const account = await store.accounts.byUser(user)
  const listed = withRecords && isReady(account) ? await client.list(account, COLLECTION) : null
  const records = account?.did ? (listed?.kind === 'ok' ? listed.value.size : null) : 0
  const handle = await handleOf(store, user)
  const did = account?.did ?? null
  return { user, handle, did, moods, shared, records, account: config.eraseAccounts && did !== null }
}

/** Two minutes without a step end the wait: the quarantine and the longest back-off are shorter. */
export const PATIENCE = { everyMs: 100, patienceMs: 120_000 }

/**
 * Runs the engine until these erasures are done or stuck, make no progress, or until no PDS answers that they wait for.
 *
 * @param receipts of erasures that were requested
 * @param onStep told each finished step of any of them, including those finished before
 * @param onWaiting told what the first of them waits for
 * @returns one for each receipt, in any order
 */
export async function watchErasures(
  deps: EraseDeps,
  receipts: readonly string[],
  { onStep, onWaiting }: StepEvents,
  stop: AbortSignal,
): Promise<readonly Watched[]> {
  if (receipts.length === 0) return []
  /** How many steps of each were seen. */
  const open = new Map<string, number>(receipts.map((receipt) => [receipt, 0]))
  const users = new Set<string>()
  const ended: Watched[] = []
  const wait = new ErasureWait(deps, onWaiting)
  let silent: readonly SilentHost[] = []
  const look = async (): Promise<Look> => {
    let seen: Look = 'waiting'
    const waiting: Erasure[] = []
    for (const [receipt, before] of open) {
      const erasure = await deps.erasures.byReceipt(receipt)
      if (erasure.user !== null) users.add(erasure.user)
      const done = Object.entries(erasure.done) as [ErasureStep, { needed: boolean }][]
      for (const [step, { needed }] of done.slice(before)) onStep(step, needed)
      if (done.length > before) seen = 'progress'
      open.set(receipt, done.length)
      const end = await endOf(deps, erasure)
      if (end) {
        open.delete(receipt)
        ended.push(end)
      } else waiting.push(erasure)
    }
    if (waiting[0] === undefined) return 'done'
    silent =
      seen === 'progress'
        ? []
        : await silentFor(
            deps,
            waiting.map(({ user }) => user),
          )
    await wait.look(waiting[0], silent)
    return silent.length > 0 ? 'silent' : seen
  }
  const end = await whileEngineRuns(deps, { users: () => [...users] }, stop, () =>
    watch(look, PATIENCE, stop, deps.timer),
  )
  const reason =
    end === 'stopped'
      ? 'stopped'
      : silent[0]
        ? silentText(silent[0])
        : `no step in ${PATIENCE.patienceMs / 60_000} minutes`
  return [...ended, ...[...open.keys()].map((receipt) => ({ receipt, state: 'waiting' as const, reason }))]
}

/** How an erasure ended; null while it goes on. */
async function endOf({ store }: Pick<EraseDeps, 'store'>, erasure: Erasure): Promise<Watched | null> {
  const { receipt, user } = erasure
  if (user === null || nextStep(erasure) === null) return { receipt, state: 'done', reason: null }
  const account = await store.accounts.byUser(user)
  return isRefused(account)
    ? {
        receipt,
        state: 'stuck',
        reason: account?.odd ? accountReason(account).text : (account?.error?.code ?? 'the account needs attention'),
      }
    : null
}

/** Whether the PDS refuses an account that it has: the engine leaves it alone until an operator has looked at it. */
export function isRefused(account: Account | null): boolean {
  return needsOperator(account) && (account?.did !== null || account.odd !== undefined)
}
