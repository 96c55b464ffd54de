/** Waiting for a time, and work that is done again and again. */

import type { TimerOptions } from 'node:timers'
import { setTimeout } from 'node:timers/promises'

/** Timers count in 31 bits: one that is set for longer would end at once. */
const LONGEST_MS = 2 ** 31 - 1

/** A pause of `ms` milliseconds, cut short by `stop`; one of more than 24 days ends then. */
export function pause(ms: number, stop: AbortSignal): Promise<void> {
  return pauseBy(ms, { signal: stop })
}

/** As {@link pause}, but a process with nothing else to do ends. */
export function pauseIdly(ms: number, stop: AbortSignal): Promise<void> {
  return pauseBy(ms, { signal: stop, ref: false })
}

async function pauseBy(ms: number, options: TimerOptions): Promise<void> {
  await setTimeout(Math.min(ms, LONGEST_MS), undefined, options).catch(() => {})
}

/**
 * Calls `look` every `ms` milliseconds, after a first pause and one call at a time, until `stopping` fires.
 *
 * @param wait how it pauses: a process with nothing else to do stays alive for it, by default
 */
export async function repeat(
  ms: number,
  stopping: AbortSignal,
  look: () => Promise<void>,
  wait: typeof pause = pause,
): Promise<void> {
  for (;;) {
    await wait(ms, stopping)
    if (stopping.aborted) return
    await look()
  }
}

/** Work that is done again and again: that it fails is told once, until it no longer does. */
export class Recurring {
  #isFailing = false

  async attempt(work: () => Promise<void>, onFailure: (error: unknown) => void): Promise<void> {
    try {
      await work()
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) onFailure(error)
      this.#isFailing = true
    }
  }
}
