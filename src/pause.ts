/** Waiting for a time. */

import { setTimeout } from 'node:timers/promises'

/** A pause of `ms` milliseconds, cut short by `stop`. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal: stop }).catch(() => {})
}
