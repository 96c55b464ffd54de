/** The MongoDB of `npm start -- --mongo`: one that MONGODB_URI names, or one of the data folder's own. */

import { readConfig } from '../../src/config.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { DomainError } from '../../src/domain/errors.ts'
import { quoted } from '../../src/domain/shell-word.ts'
import { mongodFolder } from '../../src/embedded/mongod.ts'
import { USUAL_DATABASE } from '../../src/store/address.ts'
import { findMongo, startSmallSet } from './mongod.ts'

/**
 * Starts it and has this process use it, as if MONGODB_URI had named it; prints that address for other programs.
 *
 * @returns what stops it
 * @throws DomainError `data_folder` when another server has the folder; `config` when there is no MongoDB to be had
 */
export async function startOwnMongod(): Promise<AsyncDisposable> {
  if (process.env['MONGODB_URI']) {
    console.error('MongoDB: the one that MONGODB_URI names; none is started')
    return new AsyncDisposableStack()
  }
  const { MONGODB_NAME: named, ...env } = process.env
  const folder = new DataFolder(readConfig(env, { serves: true }).dataFolder)
  folder.checkWritable()
  folder.checkFree()
  const found = await findMongo((line) => console.error(line))
  if (!found) throw new DomainError('config', 'there is no MongoDB: without --mongo, none is needed')
  const server = await startSmallSet(found.at, mongodFolder(folder))
  const address = new URL(server.uri)
  address.pathname = `/${named ?? USUAL_DATABASE}`
  process.env['MONGODB_URI'] = address.href
  console.log(`MONGODB_URI=${quoted(address.href)} is for other programs: commands of moods find it by themselves.`)
  return server
}
