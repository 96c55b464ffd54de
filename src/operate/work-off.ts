/** Letting the engine work until some users' repos are as they should be, in a command's own process. */

import { setTimeout } from 'node:timers/promises'
import type { App } from '../app.ts'
import { isReady } from '../domain/account.ts'

const LOOK_EVERY_MS = 250

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
  const stopping = new AbortController()
  const running = app.engine.run(AbortSignal.any([stopping.signal, stop]))
  try {
    let left = [...users]
    while (left.length > 0 && !stop.aborted) {
      const busy = await Promise.all(left.map((user) => hasWork(app, user)))
      left = left.filter((_, i) => busy[i])
      say(left.length)
      if (left.length > 0) await setTimeout(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => {})
    }
  } finally {
    stopping.abort()
    await running
  }
}

/** Whether the engine could do something for the user. An account that needs attention waits for somebody else. */
async function hasWork({ store }: App, user: string): Promise<boolean> {
  const account = await store.accounts.byUser(user)
  if (account?.state === 'needs_attention') return false
  if (account?.state === 'pending') return true
  if ((await store.work.nextDue(user)) !== null) return true
  return isReady(account) && (await store.removals.of(user)).length > 0
}
