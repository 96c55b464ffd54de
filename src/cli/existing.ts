/** The store of an existing installation. */

import { existsSync } from 'node:fs'
import { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import type { Store } from '../ports/store.ts'
import { checkOwnMongod } from '../embedded/mongod.ts'
import { networkOf } from '../network.ts'
import { localFile } from '../store/address.ts'
import { openStore, readStore } from '../store/open.ts'
import { otherStoreOfCommand } from './other-store.ts'
import { type Config, readConfig } from '../config.ts'

/** @throws DomainError `data_folder` when there is no embedded store yet; `config` when the server has its store elsewhere */
export function requireExisting(config: Config, folder: DataFolder): void {
  const file = localFile(config.store)
  if (file === null || existsSync(file)) return
  if (folder.lastServer()) {
    const message = `the server in ${folder.path} keeps its moods in the MongoDB that its MONGODB_URI names: set the same here`
    throw new DomainError('config', message)
  }
  throw new DomainError(
    'data_folder',
    `there is nothing in ${folder.path} yet: "npm start" makes it (MOODS_DATA names another folder)`,
  )
}

/** @throws DomainError `data_folder` when there is none; `unavailable` */
export async function openExisting(config: Config, folder: DataFolder): Promise<Store> {
  requireExisting(config, folder)
  await checkOwnMongod(folder, config.store)
  return openStore(config.store, networkOf(config, folder)?.pdsUrl ?? '')
}

/** Opens it for reading, where the store can. @throws DomainError `data_folder` when there is none; `unavailable` */
export async function readExisting(config: Config, folder: DataFolder): Promise<Store> {
  requireExisting(config, folder)
  await checkOwnMongod(folder, config.store)
  return readStore(config.store, networkOf(config, folder)?.pdsUrl ?? '')
}

/** Says on standard error what is left out where the store may only be read. */
export function sayIfOnlyRead({ onlyRead }: Pick<Store, 'onlyRead'>): void {
  if (onlyRead === null) return
  console.error(
    'MONGODB_URI may only read here: nothing that is found is noted, and budgets are counted by this command alone.',
  )
}

/** A store, and the installation that it belongs to. */
export interface Located extends AsyncDisposable {
  readonly config: Config
  readonly folder: DataFolder
  readonly store: Store
}

/**
 * Opens the store of the configured installation.
 *
 * @param open {@link openExisting} or {@link readExisting}
 * @throws DomainError `config`, `data_folder`, `unavailable`
 */
export async function locate(open: typeof openExisting): Promise<Located> {
  const config = readConfig(process.env, { serves: false })
  const folder = new DataFolder(config.dataFolder)
  const note = otherStoreOfCommand(config, folder)
  if (note !== null) console.error(note)
  const store = await open(config, folder)
  sayIfOnlyRead(store)
  return { config, folder, store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}
