/** Where a store is, as operators write it. Apart from the stores: the configuration is read before any of them is loaded. */

import { resolve } from 'node:path'
import { DomainError } from '../domain/errors.ts'

export type StoreAddress =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'mongodb'; readonly uri: string; readonly database: string }

/** Name of the database where nobody has named one. */
export const USUAL_DATABASE = 'aesthetic'

/** Databases of the server itself. An address names the first one for the sake of its users, whose accounts are kept there. */
const OF_THE_SERVER = new Set(['admin', 'local', 'config'])

/** https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions, those of Windows too. */
const DATABASE = /^[^/\\. "$*<>:|?\0]{1,63}$/

/**
 * The address of a MongoDB: the database named beside it, else the one in its path, else the usual one.
 *
 * @param named by the operator; null where nobody has
 */
export function mongoAddress(uri: string, named: string | null): StoreAddress {
  return { kind: 'mongodb', uri, database: named ?? databaseIn(uri) ?? USUAL_DATABASE }
}

/** The database in the path of an address (https://www.mongodb.com/docs/manual/reference/connection-string/); null for none. */
function databaseIn(uri: string): string | null {
  const [, path = ''] = /^mongodb(?:\+srv)?:\/\/(?:[^@/?]*@)?[^@/?]*\/([^?]*)/.exec(uri) ?? []
  try {
    const database = decodeURIComponent(path)
    return database === '' || OF_THE_SERVER.has(database) ? null : database
  } catch {
    // The driver refuses such an address with words of its own.
    return null
  }
}

/**
 * Reads the address of a store: `sqlite:PATH`, or the address of a MongoDB.
 *
 * @param named name of the database in a MongoDB; null for the one in the address
 * @throws DomainError `usage`
 */
export function parseStoreAddress(text: string, named: string | null): StoreAddress {
  const path = /^sqlite:(.+)$/.exec(text)?.[1]
  if (named !== null && !DATABASE.test(named)) {
    const message = `${named} cannot be the name of a database: 1 to 63 characters, none of them a blank or one of /\\."$*<>:|?`
    throw new DomainError('usage', message)
  }
  if (path !== undefined) return { kind: 'sqlite', file: resolve(path) }
  if (/^mongodb(\+srv)?:\/\/./.test(text)) return mongoAddress(text, named)
  throw new DomainError('usage', 'the address of a store is sqlite:PATH, mongodb://… or mongodb+srv://…')
}

/** The file of a store on this machine; null for a store on a server. */
export function localFile(address: StoreAddress): string | null {
  return address.kind === 'sqlite' ? address.file : null
}
