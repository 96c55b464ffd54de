/**
 * The MongoDB that `npm start -- --mongo` runs beside a server. Its data is below the data folder, which also remembers where
 * it listens, so that commands find it as they find the embedded PDS.
 */

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { DataFolder, OwnMongod } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import type { StoreAddress } from '../store/address.ts'
import { LOOPBACK } from './tcp-ports.ts'

/** Where its data is. */
export function mongodFolder(folder: DataFolder): string {
  return folder.file('mongo')
}

/** The file in which the port is kept: a member of a replica set has to stay where it was. */
export function portNote(dbPath: string): string {
  return join(dbPath, 'moods-port')
}

/** The address of this store, if it is in the folder's own MongoDB; null for any other. */
export function ownMongod(folder: DataFolder, store: StoreAddress): OwnMongod | null {
  const note = portNote(mongodFolder(folder))
  if (store.kind !== 'mongodb' || !existsSync(note)) return null
  const { uri, database } = store
  return hostOf(uri) === `${LOOPBACK}:${readFileSync(note, 'utf8').trim()}` ? { uri, database } : null
}

/**
 * Looks whether the folder's own MongoDB runs, if the store is in that. The driver would wait for it, and not know whose it is.
 *
 * @throws DomainError `unavailable`
 */
export async function checkOwnMongod(folder: DataFolder, store: StoreAddress): Promise<void> {
  const own = ownMongod(folder, store)
  if (!own) return
  const { hostname, port } = new URL(own.uri)
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
  } catch (error) {
    const message = `the MongoDB in ${mongodFolder(folder)} is not running: "npm start -- --mongo" starts it`
    throw new DomainError('unavailable', message, { cause: error })
  } finally {
    socket.destroy()
  }
}

/** Host and port; empty for the address of several servers, which is none of ours. */
function hostOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).host : ''
}
