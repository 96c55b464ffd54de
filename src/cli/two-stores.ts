/** The two stores of `moods store copy`. */

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import type { Store } from '../ports/store.ts'
import { localFile, parseStoreAddress } from '../store/address.ts'
import { openStore } from '../store/open.ts'

interface TwoStores extends AsyncDisposable {
  readonly from: Store
  readonly to: Store
}

/**
 * Opens both, and keeps servers from the first one meanwhile.
 *
 * @param source `sqlite:PATH`
 * @param target `mongodb://…`
 * @param name of the database there; null for the one in its address
 * @throws DomainError `usage` for other addresses, and where there is no such file; `data_folder`; `unavailable`
 */
export async function openBoth(source: string, target: string, name: string | null): Promise<TwoStores> {
  const [from, to] = [parseStoreAddress(source, name), parseStoreAddress(target, name)]
  const file = localFile(from)
  if (file === null || localFile(to) !== null)
    throw new DomainError('usage', '--from is sqlite:PATH, and --to a MongoDB')
  if (!existsSync(file)) throw new DomainError('usage', `--from: there is no ${file}`)
  await using opening = new AsyncDisposableStack()
  // A running server would change the source meanwhile.
  opening.use(new DataFolder(dirname(file)).lock())
  const stores = { from: opening.use(await openStore(from, '')), to: opening.use(await openStore(to, '')) }
  const opened = opening.move()
  return { ...stores, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
