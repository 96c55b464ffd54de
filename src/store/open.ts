/** Which store: the embedded file, or a MongoDB. */

import { resolve } from 'node:path'
import type { Store } from '../ports/store.ts'
import { DomainError } from '../domain/errors.ts'
import { checkSqlite, openSqlite, readSqlite } from './sqlite/index.ts'

export type StoreAddress =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'mongodb'; readonly uri: string; readonly database: string }

/**
 * Reads the address of a store as operators write it: `sqlite:PATH`, or the address of a MongoDB.
 *
 * @param database name of the database in a MongoDB
 * @throws DomainError `usage`
 */
export function parseStoreAddress(text: string, database: string): StoreAddress {
  const path = /^sqlite:(.+)$/.exec(text)?.[1]
  if (path !== undefined) return { kind: 'sqlite', file: resolve(path) }
  if (/^mongodb(\+srv)?:\/\/./.test(text)) return { kind: 'mongodb', uri: text, database }
  throw new DomainError('usage', 'the address of a store is sqlite:PATH, mongodb://… or mongodb+srv://…')
}

/** The file of a store on this machine; null for a store on a server. */
export function localFile(address: StoreAddress): string | null {
  return address.kind === 'sqlite' ? address.file : null
}

/**
 * Looks whether this version can use a store, and writes nothing. Of a MongoDB that cannot be said beforehand.
 *
 * @throws DomainError `data_folder`
 */
export function checkStore(address: StoreAddress): void {
  if (address.kind === 'sqlite') checkSqlite(address.file)
}

/**
 * Opens a store and brings its tables or indexes up to date.
 *
 * @param defaultPds PDS of the accounts whose documents name none
 * @throws DomainError `data_folder`, `config`, `unavailable`
 */
export async function openStore(address: StoreAddress, defaultPds: string): Promise<Store> {
  if (address.kind === 'sqlite') return openSqlite(address.file)
  // Loaded on demand: an installation with the embedded store does not pay for the driver.
  const { openMongo } = await import('./mongo/index.ts')
  return openMongo(address, defaultPds)
}

/**
 * Opens an existing store for reading. In MongoDB, where the driver does not distinguish, it is opened as always: indexes
 * that are missing are created.
 *
 * @throws DomainError `data_folder`, `config`, `unavailable`
 */
export async function readStore(address: StoreAddress, defaultPds: string): Promise<Store> {
  return address.kind === 'sqlite' ? readSqlite(address.file) : openStore(address, defaultPds)
}
