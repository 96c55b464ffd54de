/** `moods all`, `moods serve`, `moods worker`: run until told to stop. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { Command } from 'commander'
import { trialUser } from '../../accounts.ts'
import { type App, createApp, type Role } from '../../app.ts'
import { type Config, readConfig, VARIABLES } from '../../config.ts'
import { DataFolder } from '../../data-folder.ts'
import { preferSmallHeap } from '../memory.ts'

export function serveCommand(role: Role, description: string): Command {
  const variables = Object.entries(VARIABLES).map(([name, what]) => `  ${name.padEnd(22)}${what}`)
  return new Command(role)
    .description(description)
    .addHelpText('after', `\nConfigured by environment variables:\n${variables.join('\n')}`)
    .action(() => run(role))
}

async function run(role: Role): Promise<void> {
  if (role === 'worker') preferSmallHeap()
  const config = readConfig(process.env, { serves: role !== 'worker' })
  const stop = untilStopped()
  await using app = await createApp(config, role)
  if (app.address !== null) {
    console.log(await welcome(app, app.address, config))
    console.log(`Moods is ready at ${app.address}`)
  } else {
    console.log(`The worker is ready, publishing to ${app.pdsUrl}`)
  }
  await stop
  console.log('Stopping.')
}

/** A terminal tells npm and the server it started, and npm tells the server once more: that is still the first time. */
const ECHO_MS = 1_000

/** Hears a signal, and does nothing about it. */
function echo(): void {}

/** Resolves at the first SIGTERM or SIGINT; a second one, not just an echo of the first, ends the process at once. */
async function untilStopped(): Promise<void> {
  const interrupted = new AbortController()
  const { signal } = interrupted
  process.on('SIGTERM', echo).on('SIGINT', echo)
  await Promise.race([once(process, 'SIGTERM', { signal }), once(process, 'SIGINT', { signal })])
  interrupted.abort()
  setTimeout(() => process.off('SIGTERM', echo).off('SIGINT', echo), ECHO_MS).unref()
}

async function welcome(app: App, address: string, config: Config): Promise<string> {
  const where = [`Page and API: ${address}`, `PDS:          ${app.pdsUrl}`, `Data:         ${config.dataFolder}`]
  if (!app.trial) return where.join('\n')
  const handle = await trialHandle(app, new DataFolder(config.dataFolder))
  const user = await trialUser(app.accounts, handle)
  await app.accounts.signUp(user, handle)
  const token = await app.trial.issue(user)
  const json = JSON.stringify({ mood: 'hello from the command line' })
  return [
    ...where,
    '',
    'Sign in on the page with any handle you like: there is no password, this is for trying out.',
    `Or paste this into another terminal, to post as @${handle}:`,
    '',
    `curl -sS ${address}/api/mood -H 'authorization: Bearer ${token}' -H 'content-type: application/json' -d '${json}'`,
    '',
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
