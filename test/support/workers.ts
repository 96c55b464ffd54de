/** Workers that say that they are alive, for tests that run the engine themselves. */

import { hostname } from 'node:os'
import type { Worker } from '../../src/domain/worker.ts'
import type { Site } from './site.ts'

/** Has a worker be alive in the store, as of the site's own clock and of the clock of commands. */
export async function aliveWorker(
  { app, now }: Pick<Site, 'app' | 'now'>,
  fields: Partial<Worker> = {},
): Promise<void> {
  const at = Math.max(now(), Date.now())
  const self = { id: 'a worker', host: hostname(), pid: process.pid, role: 'worker', version: '0.0.0' } as const
  await app.store.workers.beat({ ...self, since: at, at, policyVersion: null, ...fields })
}
