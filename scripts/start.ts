/**
 * `npm start`: builds the page and runs the product with everything in one process; logs warnings and errors only, unless
 * LOG_LEVEL says otherwise. `npm start -- --mongo` keeps the moods in a MongoDB of its own, below the data folder, as
 * `support/mongod.ts` finds one.
 */

import { exitCodeOfError, printError } from '../src/cli/exit.ts'

const [flag, ...more] = process.argv.slice(2)
if (more.length > 0 || (flag !== undefined && flag !== '--mongo')) {
  console.error('npm start takes --mongo or nothing; everything else is configured by environment variables')
  process.exitCode = 2
} else {
  try {
    await using stack = new AsyncDisposableStack()
    // Loaded where it is used: a plain start needs no driver.
    if (flag === '--mongo') stack.use(await (await import('./support/own-mongod.ts')).startOwnMongod())
    await import('./build-page.ts')
    process.env['LOG_LEVEL'] ??= 'warn'
    process.argv.splice(2, Infinity, 'all')
    await import('../src/main.ts')
  } catch (error) {
    printError(error)
    process.exitCode = exitCodeOfError(error)
  }
}
