/** Erasing again after a backup was restored: tombstones, users that the backup has brought back, and removing them. */

import { readFile } from 'node:fs/promises'
import { softDeleted } from '../domain/changes.ts'
import { nextStep } from '../domain/erasure.ts'
import { DomainError } from '../domain/errors.ts'
import type { Mood } from '../domain/mood.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { type EraseDeps, isRefused, PATIENCE, type StepEvents, type Watched, watchErasures } from './erase.ts'
import { archived, histories } from './pages.ts'
import { silentFor } from './silence.ts'
import { allUsers } from './users.ts'
import { type Look, watch, whileEngineRuns } from './watch.ts'

/** What an operator keeps beside backups to find erased users in a restored one. Does not name the user. */
export interface Tombstone {
  readonly tombstone: string
  /** ISO 8601. */
  readonly requestedAt: string
}

/** The tombstones of all finished erasures in the store. @param stop ends it early */
export async function allTombstones(
  { store }: Pick<OperatorDeps, 'store'>,
  stop: AbortSignal,
): Promise<readonly Tombstone[]> {
  const found: Tombstone[] = []
  for await (const page of archived(store, 'erasures', stop)) {
    for (const erasure of page) {
      if (nextStep(erasure) !== null) continue
      found.push({ tombstone: erasure.tombstone, requestedAt: new Date(erasure.requestedAt).toISOString() })
    }
  }
  return found
}

/**
 * Reads a file that holds the output of `moods erase --tombstones`.
 *
 * @throws DomainError `usage` when it cannot be read, or with the number of the first line that is not a tombstone
 */
export async function readTombstones(file: string): Promise<readonly Tombstone[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new DomainError('usage', `${file} cannot be read`, { cause: error })
  })
  const lines = text.split('\n').map((line) => line.trim())
  return lines.flatMap((line, i) => {
    if (line === '') return []
    try {
      const { tombstone, requestedAt } = JSON.parse(line) as Tombstone
      if (/^[\w-]{43}$/.test(tombstone) && Number.isFinite(Date.parse(requestedAt))) return [{ tombstone, requestedAt }]
    } catch {
      // Reported below.
    }
    throw new DomainError(
      'usage',
      `line ${i + 1} is not a tombstone: the file is the output of "moods erase --tombstones"`,
    )
  })
}

/** An erased user who is in the store again. */
interface RestoredUser {
  readonly user: string
  readonly tombstone: string
  /** When the erasure was requested, in ms since 1970. */
  readonly requestedAt: number
  /** Moods from before the request. */
  readonly older: number
  /** Moods whose time may be any, since they cannot be read for certain. */
  readonly odd: number
  /**
   * - `erase`: everything is from before the request and is erased again;
   * - `purge`: the user has come back since; only moods that are surely older are purged;
   * - `leave`: nothing is from before the request.
   */
  readonly action: 'erase' | 'purge' | 'leave'
}

/**
 * Compares all users in the store with the tombstones of the store and of a file. Reads the whole store, changes nothing.
 *
 * A backup from before an erasure has no record of it. So where the file has a later erasure than the store, the restored
 * handle and account are older than it, too. Where the store itself has the erasure, they are newer, and are erased only
 * together with older moods, and only if no mood is newer.
 */
async function findRestored(
  { store, erasures }: EraseDeps,
  fromFile: readonly Tombstone[],
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<readonly RestoredUser[]> {
  const inStore = new Map<string, number>()
  const latest = new Map<string, number>()
  const note = (into: Map<string, number>, { tombstone, requestedAt }: Tombstone): void => {
    into.set(tombstone, Math.max(into.get(tombstone) ?? 0, Date.parse(requestedAt)))
  }
  for (const tombstone of await allTombstones({ store }, stop)) {
    note(inStore, tombstone)
    note(latest, tombstone)
  }
  for (const tombstone of fromFile) note(latest, tombstone)
  const found: RestoredUser[] = []
  for (const { user } of await allUsers(store, onProgress, stop)) {
    const tombstone = erasures.tombstoneOf(user)
    const requestedAt = latest.get(tombstone)
    // An erasure that is under way removes everything anyway.
    if (requestedAt === undefined || (await store.erasures.byUser(user))) continue
    let [older, newer] = [0, 0]
    for await (const page of histories(store, user)) {
      for (const mood of page) {
        if (mood.when < requestedAt) older++
        else newer++
      }
    }
    const odd = (await store.odd.of(user)).filter((mood) => mood.user === user).length
    const isRestored = older > 0 || odd > 0 || (inStore.get(tombstone) ?? 0) < requestedAt
    const action = newer > 0 ? (older > 0 ? 'purge' : 'leave') : isRestored ? 'erase' : 'leave'
    found.push({ user, tombstone, requestedAt, older, odd, action })
  }
  return found
}

/** How much of restored users is to be removed. */
export interface RestoredPlan {
  /** Users who are erased again. */
  readonly erase: number
  /** Users who have come back since, and how many older moods of them are purged. */
  readonly purge: number
  readonly older: number
}

/** Told how much there is, before anything is removed, and what a step of the first erasure waits for. */
export interface AgainEvents extends Pick<StepEvents, 'onWaiting'> {
  readonly onPlan: (plan: RestoredPlan) => void
}

export interface ErasedAgain {
  readonly executed: boolean
  /** Users are not named: they have asked to be erased. `requestedAt` is ISO 8601. */
  readonly returned: readonly (Tombstone & Pick<RestoredUser, 'action' | 'older' | 'odd'>)[]
  /** Older moods that were purged. */
  readonly purged: number
  /** Users with older moods whose records the PDS still holds; repeating the command resumes it. */
  readonly waiting: number
  readonly erasures: readonly Watched[]
  /** `done` when nothing is left, or nothing was there; otherwise `stuck` if any erasure is stuck, else `waiting`. */
  readonly state: Watched['state']
}

/**
 * Removes erased users whom a restored backup has brought back, by the tombstones in the store and in a file. Repeating
 * it resumes it.
 *
 * @param execute without it, only looks at how much there is
 * @param stop ends it; erasures that were requested are resumed by any worker
 */
export async function eraseRestored(
  deps: EraseDeps,
  fromFile: readonly Tombstone[],
  execute: boolean,
  { onPlan, onWaiting }: AgainEvents,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<ErasedAgain> {
  const found = await findRestored(deps, fromFile, onProgress, stop)
  const toErase = found.filter(({ action }) => action === 'erase')
  const toPurge = found.filter(({ action }) => action === 'purge')
  const older = toPurge.reduce((sum, each) => sum + each.older, 0)
  onPlan({ erase: toErase.length, purge: toPurge.length, older })
  const returned = found.map(({ tombstone, requestedAt, action, older: moods, odd }) => {
    return { tombstone, requestedAt: new Date(requestedAt).toISOString(), action, older: moods, odd }
  })
  if (!execute || stop.aborted) {
    return {
      executed: false,
      returned,
      purged: 0,
      waiting: 0,
      erasures: [],
      state: toErase.length + toPurge.length > 0 ? 'waiting' : 'done',
    }
  }
  const receipts: string[] = []
  for (const { user } of toErase) {
    if (!stop.aborted) receipts.push((await deps.erasures.request(user)).receipt)
  }
  const purge = await purgeOlder(deps, toPurge, stop)
  const erasures = await watchErasures(deps, receipts, { onStep: () => {}, onWaiting }, stop)
  const states = new Set(erasures.map(({ state }) => state))
  const isWaiting = purge.waiting > 0 || states.has('waiting')
  const state = states.has('stuck') ? 'stuck' : isWaiting ? 'waiting' : 'done'
  return { executed: true, returned, ...purge, erasures, state }
}

/**
 * Purges moods from before the erasures of users who have come back. The row of a mood is the job that withdraws its
 * record, so it is purged once the engine has seen the record gone; until then the mood is deleted.
 *
 * @returns how many moods were purged, and how many users have older moods left: the PDS refuses the account or does not
 *   answer, or `stop` has fired
 */
async function purgeOlder(
  deps: EraseDeps,
  users: readonly Pick<RestoredUser, 'user' | 'requestedAt'>[],
  stop: AbortSignal,
): Promise<{ readonly purged: number; readonly waiting: number }> {
  let purged = 0
  let waiting = 0
  let open = users
  const look = async (): Promise<Look> => {
    const before = purged
    const left: (typeof users)[number][] = []
    for (const each of open) {
      const step = await purgeStep(deps, each)
      purged += step.purged
      if (step.left === 0) continue
      if (isRefused(await deps.store.accounts.byUser(each.user))) waiting++
      else left.push(each)
    }
    open = left
    if (open.length === 0) return 'done'
    if (purged > before) return 'progress'
    const silent = await silentFor(
      deps,
      open.map(({ user }) => user),
    )
    return silent.length > 0 ? 'silent' : 'waiting'
  }
  const chosen = { users: () => open.map(({ user }) => user) }
  if (users.length > 0) await whileEngineRuns(deps, chosen, stop, () => watch(look, PATIENCE, stop, deps.timer))
  return { purged, waiting: waiting + open.length }
}

/**
 * One step with each older mood of a user: has its record withdrawn, or purges it. Each is a compare-and-set, so a mood
 * that changes meanwhile is looked at again in the next round.
 */
export async function purgeStep(
  { store, clock, engine }: Pick<OperatorDeps, 'store' | 'clock' | 'engine'>,
  { user, requestedAt }: Pick<RestoredUser, 'user' | 'requestedAt'>,
): Promise<{ readonly purged: number; readonly left: number }> {
  let [older, purged] = [0, 0]
  const now = clock.now()
  for await (const page of histories(store, user)) {
    const moods = page.filter((mood) => mood.when < requestedAt)
    const present = moods.filter((mood) => purgeState(mood) === 'present')
    const kept = await store.moods.save(
      present.map((mood) => softDeleted(mood, { by: 'author', records: 'withdraw' }, now)),
      now,
    )
    if (kept.size > 0) await engine.nudge(user)
    purged += await store.moods.purgeMoods(moods.filter((mood) => purgeState(mood) === 'gone'))
    older += moods.length
  }
  return { purged, left: older - purged }
}

/** Whether a mood is still to be withdrawn, is being withdrawn, or has left nothing in the repo. */
function purgeState({ deleted, sync }: Mood): 'present' | 'withdrawing' | 'gone' {
  if (deleted?.records !== 'withdraw') return 'present'
  switch (sync.state) {
    case 'pending':
      return 'withdrawing'
    case 'withdrawn':
      return 'gone'
    // A mood that was always private: it was never sent.
    case 'local':
      return 'gone'
    case 'published':
    case 'rejected':
      return 'present'
  }
}
