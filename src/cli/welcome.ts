/** What a server or a worker says when it has started. */

import { randomInt } from 'node:crypto'
import { trialUser } from '../accounts.ts'
import type { App } from '../app.ts'
import type { Config } from '../config.ts'
import { DataFolder } from '../data-folder.ts'
import { wayIn } from '../domain/policy-change.ts'
import { ignoredText, policyText, type StoredPolicy } from '../domain/policy.ts'
import { NO_WORKER } from '../domain/reasons.ts'
import { aliveAmong, workerName } from '../domain/worker.ts'

/** What a person needs to know of the running process, in as few lines as possible: `npm start` shows these and no others. */
export async function welcome(app: App, config: Config): Promise<string> {
  const federation = federationIs(app.policy, ignoredText(config.federation, app.policy))
  if (app.address === null) return `The worker is ready and publishes to ${app.pdsUrl}. ${federation}`
  if (!app.trial) return `Moods is ready at ${app.address} and uses the PDS at ${app.pdsUrl}. ${federation}`
  const handle = await trialHandle(app, new DataFolder(config.dataFolder))
  const user = await trialUser(app.accounts, handle)
  await app.accounts.signUp(user, handle)
  const token = await app.trial.issue(user)
  const json = JSON.stringify({ mood: 'hello from the command line' })
  return [
    `Moods is ready at ${app.address} (sign in with any handle, no password). Data: ${config.dataFolder}. Ctrl+C stops it. ${federation} Post as @${handle}:`,
    `curl -sS ${app.address}/api/mood -H 'authorization: Bearer ${token}' -H 'content-type: application/json' -d '${json}'`,
  ].join('\n')
}

/**
 * Whose moods are published, why, and what lets more in where it is not everybody.
 *
 * @param ignored what the environment asks for, where that is not the policy in the store, which counts
 */
function federationIs({ policy, reason }: StoredPolicy, ignored: string | null): string {
  const why = reason === null ? '' : ` (${reason})`
  const not = ignored === null ? '' : ` FEDERATION in the environment says ${ignored}, and is not followed.`
  const remedy = policy.mode === 'on' ? '' : ` To let more in: ${wayIn(policy)}.`
  return `Federation is ${policyText(policy)}${why}.${not}${remedy}`
}

/** What a server without an engine says of who publishes. */
export async function whoPublishes({ store, clock }: App): Promise<string> {
  const alive = aliveAmong(await store.workers.all(), clock.now())
  const others = alive.length === 1 ? '' : `, and ${alive.length - 1} more`
  const now = alive[0] ? `${workerName(alive[0])} is alive${others}.` : `${NO_WORKER.text} now. ${NO_WORKER.remedy}`
  return `This process publishes nothing, workers do: ${now}`
}

const FIRST = ['amber', 'brave', 'calm', 'gentle', 'lucky', 'mellow', 'quiet', 'sunny']
const SECOND = ['badger', 'comet', 'fern', 'heron', 'maple', 'otter', 'pebble', 'robin']

/** A made-up handle, the same each time the folder is served. */
async function trialHandle(app: App, folder: DataFolder): Promise<string> {
  const stored = folder.readJson('trial.json') as { handle: string } | null
  if (stored) return stored.handle
  for (;;) {
    const handle = `${FIRST[randomInt(FIRST.length)]}-${SECOND[randomInt(SECOND.length)]}-${randomInt(10, 100)}`
    if ((await app.accounts.userOf(handle)) !== null) continue
    folder.writeJson('trial.json', { handle })
    return handle
  }
}
