/** Which stores can be measured here. */

import { findMongo, startSmallSet } from '../scripts/support/mongod.ts'
import { temporaryFolder } from '../test/support/installation.ts'

/** Does the work once with each store: what reads `environment` of `test/support` meanwhile gets that one. */
export async function withStores(work: (name: 'SQLite' | 'MongoDB') => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const found = await findMongo((line) => console.log(line))
  await work('SQLite')
  if (!found) return
  const folder = stack.use(await temporaryFolder())
  const uri = found.kind === 'uri' ? found.at : stack.use(await startSmallSet(found.at, `${folder.path}/mongo`)).uri
  process.env['MOODS_TEST_MONGODB'] = uri
  stack.defer(() => void delete process.env['MOODS_TEST_MONGODB'])
  await work('MongoDB')
}
