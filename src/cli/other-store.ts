/** What people are told where a store is used that they may not expect: there is another one in the data folder. */

import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import type { DataFolder } from '../data-folder.ts'
import { ownMongod } from '../embedded/mongod.ts'

/** A command follows MONGODB_URI, also past the MongoDB of the server of the folder. @returns null where they agree */
export function otherStoreOfCommand({ store }: Config, folder: DataFolder): string | null {
  if (store.kind !== 'mongodb' || !folder.lastServer()?.mongod || ownMongod(folder, store)) return null
  return `MONGODB_URI in this environment is followed: this is not the MongoDB of the server in ${folder.path}.`
}

/**
 * Moods do not move by themselves when a folder is served with another store than the last time.
 *
 * @returns null where there are none elsewhere
 */
export function otherStoreOfServer({ store }: Config, folder: DataFolder): string | null {
  const last = folder.lastServer()
  if (last?.mongod && !ownMongod(folder, store)) {
    return `The last server in ${folder.path} kept its moods in a MongoDB of its own. They are not shown now: "npm start -- --mongo" shows them.`
  }
  const file = folder.file('moods.sqlite')
  // What MONGODB_URI names may have been filled with a copy of them.
  if (last?.mongod || !ownMongod(folder, store) || !existsSync(file)) return null
  return `This server does not show the moods in ${file}: a start without --mongo does.`
}
