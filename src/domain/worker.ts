/**
 * Workers as the store knows them: each process whose engine works for all users says every two seconds that it is alive.
 * Times are those of its own machine, so machines have to agree on the time to within a few seconds, as for leases.
 */

import type { ClockOffsets } from './clocks.ts'
import { FURTHEST, isVoid } from './furthest.ts'

export const WORKER_ROLES = ['all', 'worker'] as const

export interface Worker {
  /** Names the process in the store; its leases have the same owner. */
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly role: (typeof WORKER_ROLES)[number]
  /** Version of the package. */
  readonly version: string
  /** When it started, in ms since 1970. */
  readonly since: number
  /** When it was last heard of, in ms since 1970. */
  readonly at: number
  /** Version of the policy that it follows; null while it knows of none. */
  readonly policyVersion: number | null
  /**
   * When its engine last looked for work with a free hand, or finished a pass, in ms since 1970; null before it first did. Older
   * versions do not say.
   */
  readonly progressedAt?: number | null
  /** How far other clocks are ahead of its machine's. Older versions do not say. */
  readonly clocks?: ClockOffsets
  /** It has ended in peace, when it was last heard of. */
  readonly ended?: boolean
}

/** How often a worker says that it is alive. */
export const BEAT_MS = 2_000

/** One that was not heard of for this long is taken for dead: it missed five beats. */
const ALIVE_MS = 10_000

/** A pass over one repo may take minutes where a PDS is slow; an engine that has not got further for so long is stuck. */
const STUCK_MS = 5 * 60_000

/** Since when the engine of a worker that lives has not got further; null where it has. @param now ms since 1970 */
export function stuckSince(worker: Worker, now: number): number | null {
  const { since, progressedAt } = worker
  if (progressedAt === undefined || !isAlive(worker, now)) return null
  const last = progressedAt ?? since
  return worker.at - last > STUCK_MS ? last : null
}

/** The dead are remembered for a day, to say when the last one was seen, and so is the one that was the last to end. */
const REMEMBERED_MS = 24 * 60 * 60_000

/** @param now ms since 1970 */
export function isAlive({ at, ended }: Pick<Worker, 'at' | 'ended'>, now: number): boolean {
  return ended !== true && now - at <= ALIVE_MS && !isVoid(at, now, FURTHEST.beat)
}

/** Those that are alive. @param now ms since 1970 */
export function aliveAmong(workers: readonly Worker[], now: number): readonly Worker[] {
  return workers.filter((worker) => isAlive(worker, now))
}

/** Whether it has fallen silent without a word. @param now ms since 1970 */
export function isDead(worker: Pick<Worker, 'at' | 'ended'>, now: number): boolean {
  return worker.ended !== true && !isAlive(worker, now)
}

/** Whether nobody needs to know of it any more. */
export function isBygone({ at }: Pick<Worker, 'at'>, now: number): boolean {
  return Math.abs(now - at) > REMEMBERED_MS
}

/** How a worker is named for operators. */
export function workerName({ host, pid, role }: Pick<Worker, 'host' | 'pid' | 'role'>): string {
  return `"moods ${role}" on ${host} (process ${pid})`
}
