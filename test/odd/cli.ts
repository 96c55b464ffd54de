/** `npm run odd -- --documents N --seed S`: the same as the test, with other numbers, on a MongoDB of its own. */

import { parseArgs } from 'node:util'
import { anyDatabase, findMongo, startSmallSet } from '../../scripts/support/mongod.ts'
import { temporaryFolder } from '../support/installation.ts'
import { runOdd } from './run.ts'

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
await using stack = new AsyncDisposableStack()
const found = await findMongo((line) => console.log(line))
if (found?.kind !== 'binary') throw new Error('this needs the program of a MongoDB server')
const folder = stack.use(await temporaryFolder())
const { uri } = stack.use(await startSmallSet(found.at, `${folder.path}/mongo`))
const numbers = { documents: Number(values.documents), seed: Number(values.seed) }
const wrong = await runOdd({ uri, database: anyDatabase(), ...numbers, say: (line) => console.log(line) })
console.log(
  wrong.length === 0
    ? 'Every good mood is where it should be, and every odd one as it was.'
    : `FAILED: ${wrong.length} wrong`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
