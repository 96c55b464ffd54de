/**
 * `npm start`: builds the page and runs the product with everything in one process; logs warnings and errors only, unless
 * LOG_LEVEL says otherwise. `npm start -- --mongo` keeps the moods in a MongoDB of its own, below the data folder, as
 * `support/mongod.ts` finds one.
 */

import { join } from 'node:path'

const [flag, ...more] = process.argv.slice(2)
if (more.length > 0 || (flag !== undefined && flag !== '--mongo')) {
  console.error('npm start takes --mongo or nothing; everything else is configured by environment variables')
  process.exitCode = 2
} else {
  await using stack = new AsyncDisposableStack()
  if (flag === '--mongo') {
    // Loaded where it is used: a plain start needs no driver.
    const { findMongo, startSmallSet } = await import('./support/mongod.ts')
    const found = await findMongo((line) => console.error(line))
    if (!found) throw new Error('there is no MongoDB')
    const dbPath = join(process.env['MOODS_DATA'] ?? 'data', 'mongo')
    process.env['MONGODB_URI'] = found.kind === 'uri' ? found.at : stack.use(await startSmallSet(found.at, dbPath)).uri
  }
  await import('./build-page.ts')
  process.env['LOG_LEVEL'] ??= 'warn'
  process.argv.splice(2, Infinity, 'all')
  await import('../src/main.ts')
}
