/** An installation opened by a command: its store, its PDS, and the engine, which runs only if the command runs it. */

import { type App, createApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import { parseHandle } from '../domain/handle.ts'
import { createLog } from '../observe/log.ts'
import type { Store } from '../ports/store.ts'
import { preferSmallHeap } from './memory.ts'
import { requireExisting } from './existing.ts'

/** @throws DomainError `config`, `data_folder`, `unavailable` */
export async function openConsole(): Promise<App> {
  preferSmallHeap()
  const config = readConfig(process.env, { serves: false })
  requireExisting(config, new DataFolder(config.dataFolder))
  // Standard output is for the answer; what goes wrong on the way is said on standard error.
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel)
  return createApp(config, 'command', { log })
}

/**
 * The user that is meant by `@handle`, a DID or a `sub`.
 *
 * @throws DomainError `usage` when there is nobody of this name
 */
export async function findUser(store: Store, name: string): Promise<string> {
  if (name.startsWith('@')) {
    const handle = parseHandle(name)
    const user = (await store.accounts.usersOf([handle])).get(handle)
    if (user !== undefined) return user
  } else if (name.startsWith('did:')) {
    const account = await store.accounts.byDid(name)
    if (account) return account.user
  } else {
    if ((await store.accounts.handlesOf([name])).has(name)) return name
    if (await store.accounts.byUser(name)) return name
    const moods = await store.moods.feed({ users: [name], viewer: name, limit: 1, after: null })
    if (moods.length > 0) return name
  }
  throw new DomainError(
    'usage',
    `there is no user ${name} (a user is @handle, a DID, or the sub of the sign-in provider)`,
  )
}

/** @throws DomainError `usage` for a name of nobody */
export function findUsers(store: Store, names: readonly string[]): Promise<string[]> {
  return Promise.all(names.map((name) => findUser(store, name)))
}
