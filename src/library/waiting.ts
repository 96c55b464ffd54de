/** Waiting for the worker, which is another process. */

import { DomainError } from '../domain/errors.ts'
import { REAL_TIMER, watch } from '../operate/watch.ts'

export interface WaitOptions {
  /** Whether to wait for the worker. */
  readonly wait?: boolean
  /** How long, in milliseconds; 30 seconds by default. */
  readonly timeoutMs?: number
  /** Rejects with its reason. The change itself is saved, and the worker carries it out all the same. */
  readonly signal?: AbortSignal
}

export interface Waiting {
  readonly timeoutMs: number
  readonly signal: AbortSignal | null
}

/** The longest time that a timer can take. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** @throws DomainError `bad_request` */
export function requireWaiting({ wait = false, timeoutMs = 30_000, signal }: WaitOptions): Waiting {
  if (!(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw new DomainError('bad_request', `timeoutMs is a number of milliseconds from 0 to ${MAX_TIMEOUT_MS}`)
  }
  return { timeoutMs: wait ? timeoutMs : 0, signal: signal ?? null }
}

const FIRST_LOOK_MS = 50
const LOOK_EVERY_MS = 500

/** Looks until nothing is pending, or the time is up. @throws the reason of the signal */
export async function untilSettled({ timeoutMs, signal }: Waiting, isPending: () => Promise<boolean>): Promise<void> {
  if (timeoutMs === 0) return
  const look = async () => ((await isPending()) ? ('waiting' as const) : ('done' as const))
  const pace = { firstMs: FIRST_LOOK_MS, everyMs: LOOK_EVERY_MS, patienceMs: timeoutMs }
  const end = await watch(look, pace, signal ?? new AbortController().signal, REAL_TIMER)
  if (end === 'stopped') signal?.throwIfAborted()
}
