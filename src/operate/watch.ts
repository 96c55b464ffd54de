/** Letting the engine work until some users' repos are as they should be, in a command's own process. */

import { setTimeout } from 'node:timers/promises'
import type { App } from '../app.ts'
import { isReady } from '../domain/account.ts'

const LOOK_EVERY_MS = 250

/** Runs the engine in this process as long as some work takes, or until told to stop. */
export async function whileEngineRuns<T>(
  { engine }: Pick<App, 'engine'>,
  stop: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const running = engine.run(AbortSignal.any([over.signal, stop]))
  try {
    return await work()
  } finally {
    over.abort()
    await running
  }
}

/** A pause between two looks at what has been done, cut short by `stop`. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal: stop }).catch(() => {})
}

/**
 * Runs the engine until none of the users has anything left that it could do, or until told to stop. Other workers may be
 * at it as well; leases keep them apart.
 *
 * @param say how many users are left, now and then
 */
export async function workOff(
  app: App,
  users: readonly string[],
  say: (left: number) => void,
  stop: AbortSignal,
): Promise<void> {
  await whileEngineRuns(app, stop, async () => {
    let left = [...users]
    while (left.length > 0 && !stop.aborted) {
      const busy = await Promise.all(left.map((user) => hasWork(app, user)))
      left = left.filter((_, i) => busy[i])
      say(left.length)
      if (left.length > 0) await pause(LOOK_EVERY_MS, stop)
    }
  })
}

/** Whether the engine could do something for the user. An account that needs attention waits for somebody else. */
async function hasWork({ store }: App, user: string): Promise<boolean> {
  const account = await store.accounts.byUser(user)
  if (account?.state === 'needs_attention') return false
  if (account?.state === 'pending') return true
  if ((await store.work.nextDue(user)) !== null) return true
  return isReady(account) && (await store.removals.of(user)).length > 0
}
