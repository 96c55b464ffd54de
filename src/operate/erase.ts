/** Erasing a user on an operator's behalf: how much there is, and watching the erasure until it is done. */

import { accountReason } from '../domain/reasons.ts'
import { type Account, isReady, needsOperator } from '../domain/account.ts'
import { type DoneStep, type Erasure, type ErasureStep, type Found, nextStep } from '../domain/erasure.ts'
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
  readonly onStep: (step: ErasureStep, done: DoneStep) => void
  /** Told after a few seconds without a step, and when it is something else. */
  readonly onWaiting: (text: string) => void
}

export interface ErasedUser {
  readonly executed: boolean
  readonly extent: Extent
  /** Null when the erasure was not requested. */
  readonly erasure: (Watched & { readonly steps: readonly TakenStep[] }) | null
}

interface TakenStep {
  readonly step: ErasureStep
  readonly needed: boolean
  /** Why nothing could be done. */
  readonly found: Found | null
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
  // One that was stuck is tried again now.
  await deps.store.repos.mark(user, deps.clock.now())
  const steps: TakenStep[] = []
  const note: StepEvents['onStep'] = (step, done) => {
    steps.push({ step, needed: done.needed, found: done.found ?? null })
    onStep(step, done)
  }
  const [watched] = await watchErasures(deps, [receipt], { onStep: note, onWaiting }, stop)
  return { executed: true, extent, erasure: { ...watched!, steps } }
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
      const done = Object.entries(erasure.done) as [ErasureStep, DoneStep][]
      for (const [step, result] of done.slice(before)) onStep(step, result)
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
  const [account, repo] = await Promise.all([store.accounts.byUser(user), store.repos.get(user)])
  if (account?.odd) return { receipt, state: 'stuck', reason: accountReason(account).text }
  // The engine has tried, and has nothing to try again until somebody has looked at the account.
  const isOver = erasure.trouble !== null && repo?.dueAt === null
  return isRefused(account) && isOver ? { receipt, state: 'stuck', reason: erasure.trouble.code } : null
}

/** Whether the PDS refuses an account that it has: the engine leaves it alone until an operator has looked at it. */
export function isRefused(account: Account | null): boolean {
  return needsOperator(account) && (account?.did !== null || account.odd !== undefined)
}
