/** The store of an installation that is there already, for commands that look at it or mend it. */

import { existsSync } from 'node:fs'
import type { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import type { Store } from '../ports/store.ts'
import { networkUrls, storedPorts } from '../embedded/tcp-ports.ts'
import { openStore } from '../store/open.ts'
import type { Config } from '../config.ts'

/** @throws DomainError `data_folder` when there is no embedded store yet */
export function requireExisting(config: Config, folder: DataFolder): void {
  if (config.store.kind !== 'sqlite' || existsSync(config.store.file)) return
  throw new DomainError(
    'data_folder',
    `there is nothing in ${folder.path} yet: "npm start" makes it (MOODS_DATA names another folder)`,
  )
}

/** @throws DomainError `data_folder` when there is none; `unavailable` */
export async function openExisting(config: Config, folder: DataFolder): Promise<Store> {
  requireExisting(config, folder)
  return openStore(config.store, pdsUrlOf(config, folder) ?? '')
}

/** Where the PDS is; null if none was ever started. */
export function pdsUrlOf(config: Config, folder: DataFolder): string | null {
  const ports = storedPorts(folder)
  return config.remote?.url ?? (ports && networkUrls(ports).pdsUrl)
}
