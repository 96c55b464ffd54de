/** The store of an installation that is there already, for commands that look at it or mend it. */

import { existsSync } from 'node:fs'
import type { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import type { Store } from '../ports.ts'
import { openSqlite } from '../store/sqlite/index.ts'

/** @throws DomainError `data_folder` when there is none */
export function openExisting(folder: DataFolder): Store {
  if (!existsSync(folder.database)) {
    throw new DomainError(
      'data_folder',
      `there is nothing in ${folder.path} yet: "npm start" makes it (MOODS_DATA names another folder)`,
    )
  }
  return openSqlite(folder.database, { mustExist: true })
}
