/** Waiting for the engine: running it in a command's own process, and looking again and again at what it has done. */

import { isReady, needsOperator } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import { pause } from '../pause.ts'
import type { Timer } from '../ports/clock.ts'
import type { UsersWork } from '../sync/engine.ts'
import { LONG_WAIT_MS, type OperatorDeps } from './deps.ts'
import { countsOf } from './pages.ts'
import { Refusals } from './refusals.ts'
import { allSilent, GIVE_UP_MS, type SilentHost } from './silence.ts'

/**
 * Runs the engine in this process, for these users alone, as long as some work takes, or until `stop` fires.
 *
 * @throws DomainError `config` where the store may only be read: nothing would ever be done
 */
export async function whileEngineRuns<T>(
  { engine, store }: Pick<OperatorDeps, 'engine' | 'store'>,
  chosen: UsersWork,
  stop: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  if (store.onlyRead !== null) throw new DomainError('config', store.onlyRead)
  const over = new AbortController()
  const running = engine.runFor(chosen, AbortSignal.any([over.signal, stop]))
  try {
    return await work()
  } finally {
    over.abort()
    await running
  }
}

export const REAL_TIMER: Timer = { now: () => performance.now(), pause }

/** What a look has shown: all is done; something has changed since the last look; nothing has; nothing can, no host answers. */
export type Look = 'done' | 'progress' | 'waiting' | 'silent'

/** How a wait ended. `gave_up`: nothing changed for as long as the patience lasts; `silent`: no host answered for too long. */
type WatchEnd = 'done' | 'stopped' | 'gave_up' | 'silent'

interface WatchOptions {
  /** Milliseconds between two looks. */
  readonly everyMs: number
  /** Milliseconds without progress after which the wait ends; Infinity to end only by `stop`. */
  readonly patienceMs: number
  /** The first pause in milliseconds, if shorter; each is twice as long as the one before it, up to `everyMs`. */
  readonly firstMs?: number
}

/**
 * Looks again and again until all is done, until nothing has changed for too long, until the hosts were silent for
 * {@link GIVE_UP_MS}, or until `stop` fires. There is always a first look unless `stop` has fired before, and a last one when
 * the patience ends.
 *
 * @throws whatever `look` throws
 */
export async function watch(
  look: () => Promise<Look>,
  { everyMs, patienceMs, firstMs = everyMs }: WatchOptions,
  stop: AbortSignal,
  timer: Timer,
): Promise<WatchEnd> {
  let lastAt = timer.now()
  let silentFrom: number | null = null
  for (let pauseMs = firstMs; !stop.aborted; pauseMs = Math.min(2 * pauseMs, everyMs)) {
    const lookedAt = timer.now()
    const seen = await look()
    if (seen === 'done') return 'done'
    if (seen === 'progress') lastAt = timer.now()
    silentFrom = seen === 'silent' ? (silentFrom ?? lookedAt) : null
    const left = lastAt + patienceMs - timer.now()
    const leftSilent = silentFrom === null ? Infinity : silentFrom + GIVE_UP_MS - timer.now()
    if (leftSilent <= 0) return 'silent'
    if (left <= 0) return 'gave_up'
    await timer.pause(Math.min(pauseMs, left, leftSilent), stop)
  }
  return 'stopped'
}

/**
 * Told at each look how many moods are left to publish or withdraw, and records to delete; and, where nothing can go on just
 * now, until when it waits, in ms since 1970.
 */
export type OnLeft = (left: number, waitsUntil: number | null) => void

/** Work goes on for as long as it takes. */
const WORK_OFF = { everyMs: 250, patienceMs: Infinity }

/** What a command has not waited for any longer. */
export interface LeftUndone {
  /** Hosts that stayed silent. */
  readonly silent: readonly SilentHost[]
  /** Ids of moods whose rows refuse every change. */
  readonly refused: readonly string[]
}

/**
 * Runs the engine for these users until none of them has work left that it can do now or later, until only users are left
 * whose PDS stays silent, or whose moods refuse to be changed, or until `stop` fires. Workers may work on the same repos; leases keep them apart. It waits as
 * long as that takes: a budget of the PDS may ask for hours, and operators see the progress.
 *
 * @returns what it has not waited for any longer
 */
export async function workOff(
  deps: Pick<OperatorDeps, 'store' | 'client' | 'engine' | 'clock' | 'timer'>,
  users: readonly string[],
  onLeft: OnLeft,
  stop: AbortSignal,
): Promise<LeftUndone> {
  let left = [...users]
  let silent: readonly SilentHost[] = []
  const refusals = new Refusals(deps.store)
  const stuck = new Set<string>()
  if (left.length === 0) return { silent, refused: [] }
  const look = async (): Promise<Look> => {
    const pending = await countsOf(left, (page) => deps.store.work.pendingOf(page))
    const works = await Promise.all(left.map((user) => workOf(deps, user, pending.get(user) ?? 0)))
    await Promise.all(
      left.map(async (user, i) => {
        const work = works[i]
        if (work && work.moods > 0 && work.moods === work.left && (await refusals.isStuck(user))) stuck.add(user)
      }),
    )
    const open = works.filter((work, i) => work !== null && !stuck.has(left[i]!)).filter((work) => work !== null)
    left = left.filter((user, i) => works[i] !== null && !stuck.has(user))
    const dueAt = Math.min(...open.map((work) => work.dueAt ?? -Infinity))
    const waitsUntil = open.length > 0 && dueAt >= deps.clock.now() + LONG_WAIT_MS ? dueAt : null
    onLeft(
      open.reduce((sum, work) => sum + work.left, 0),
      waitsUntil,
    )
    if (left.length === 0) return 'done'
    const hosts = open.map((work) => work.pds)
    // An account that is still to be made has no host yet.
    const working = new Set(open.flatMap(({ pds, hasFailed }) => (hasFailed ? [] : [pds])))
    const isStuck = (pds: string): boolean => !working.has(pds)
    silent = hosts.includes(null) ? [] : await allSilent(deps, new Set(hosts as string[]), isStuck)
    return silent.length > 0 ? 'silent' : 'progress'
  }
  const work = { users: () => left, onRefused: refusals.note }
  const end = await whileEngineRuns(deps, work, stop, () => watch(look, WORK_OFF, stop, deps.timer))
  return { silent: end === 'silent' ? silent : [], refused: refusals.of([...stuck]) }
}

/** What the engine has to do for one user. */
interface UsersLeft {
  readonly pds: string | null
  /** Moods to publish or withdraw. */
  readonly moods: number
  /** These, and records to delete. */
  readonly left: number
  /** When the repo is due, in ms since 1970. */
  readonly dueAt: number | null
  /** The last pass over the repo failed. */
  readonly hasFailed: boolean
}

/**
 * Where the engine has something to do for the user, and how much; null where it has not. An account that needs attention
 * waits for an operator.
 */
async function workOf(
  { store }: Pick<OperatorDeps, 'store'>,
  user: string,
  pending: number,
): Promise<UsersLeft | null> {
  const account = await store.accounts.byUser(user)
  if (needsOperator(account)) return null
  const removals = isReady(account) ? (await store.removals.of(user)).length : 0
  // Moods that cannot be read for certain are counted, but are no work.
  const isWork = pending > 0 && (await store.work.nextDue(user)) !== null
  const moods = isWork ? pending : 0
  const left = moods + removals
  if (left === 0 && account?.state !== 'pending') return null
  const repo = await store.repos.get(user)
  return { pds: account?.pds ?? null, moods, left, dueAt: repo?.dueAt ?? null, hasFailed: (repo?.failures ?? 0) > 0 }
}
