/** Which store: the embedded file, or a MongoDB. */

import type { Store } from '../ports/store.ts'
import type { StoreAddress } from './address.ts'
import { checkSqlite, openSqlite, readSqlite } from './sqlite/index.ts'

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
