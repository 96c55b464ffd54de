/** `moods all`, `moods serve`, `moods worker`: run until told to stop. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import { Command } from 'commander'
import type { App, Role } from '../../app.ts'
import { type Config, describeVariables, readConfig } from '../../config.ts'
import type { DataFolder } from '../../data-folder.ts'
import { preferSmallHeap } from '../memory.ts'

export function serveCommand(role: Role, description: string): Command {
  const variables = describeVariables().map(({ name, meaning, default: usual }) => {
    return `  ${name.padEnd(27)}${meaning}${usual === null ? '' : ` (default: ${usual})`}`
  })
  return new Command(role)
    .description(description)
    .addHelpText('after', `\nConfigured by environment variables:\n${variables.join('\n')}`)
    .action(() => run(role))
}

async function run(role: Role): Promise<void> {
  if (role === 'worker') preferSmallHeap()
  const config = readConfig(process.env, { serves: role !== 'worker' })
  const stop = untilStopped()
  const { createApp } = await import('../../app.ts')
  await using app = await createApp(config, role)
  console.log(await welcome(app, config))
  // What bin/moods.js has compiled is kept now, and not only where the process comes to a peaceful end.
  flushCompileCache()
  await stop
  console.log('Stopping.')
}

/** Under npm, Ctrl+C arrives twice: from the terminal and from npm. Within this time, both are one. */
const ECHO_MS = 1_000

/** Keeps a signal from ending the process. */
function echo(): void {}

/** Resolves at the first SIGTERM or SIGINT; a later one, unless it is an echo of the first, ends the process at once. */
async function untilStopped(): Promise<void> {
  const interrupted = new AbortController()
  const { signal } = interrupted
  process.on('SIGTERM', echo).on('SIGINT', echo)
  await Promise.race([once(process, 'SIGTERM', { signal }), once(process, 'SIGINT', { signal })])
  interrupted.abort()
  setTimeout(() => process.off('SIGTERM', echo).off('SIGINT', echo), ECHO_MS).unref()
}

/** What a person needs to know of the running process, in as few lines as possible: `npm start` shows these and no others. */
async function welcome(app: App, config: Config): Promise<string> {
  if (app.address === null) return `The worker is ready and publishes to ${app.pdsUrl}.`
  if (!app.trial) return `Moods is ready at ${app.address} and uses the PDS at ${app.pdsUrl}.`
  const [{ trialUser }, { DataFolder }] = await Promise.all([
    import('../../accounts.ts'),
    import('../../data-folder.ts'),
  ])
  const handle = await trialHandle(app, new DataFolder(config.dataFolder))
  const user = await trialUser(app.accounts, handle)
  await app.accounts.signUp(user, handle)
  const token = await app.trial.issue(user)
  const json = JSON.stringify({ mood: 'hello from the command line' })
  return [
    `Moods is ready at ${app.address} (sign in with any handle, no password). Data: ${config.dataFolder}. Ctrl+C stops it. Post as @${handle}:`,
    `curl -sS ${app.address}/api/mood -H 'authorization: Bearer ${token}' -H 'content-type: application/json' -d '${json}'`,
  ].join('\n')
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
