/** Waiting for a time. */

import { setTimeout } from 'node:timers/promises'

/** A pause of `ms` milliseconds, cut short by `stop`. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal: stop }).catch(() => {})
}

/** Calls `look` every `ms` milliseconds, after a first pause and one call at a time, until `stopping` fires. */
export async function repeat(ms: number, stopping: AbortSignal, look: () => Promise<void>): Promise<void> {
  for (;;) {
    await pause(ms, stopping)
    if (stopping.aborted) return
    await look()
  }
}
