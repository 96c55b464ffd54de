/** `npm run faults -- --moods N --seed S`: the same as the test, with other numbers; with `--mongo` on a MongoDB of its own. */

import { parseArgs } from 'node:util'
import { temporaryFolder } from '../support/installation.ts'
import { findMongo, startSmallSet } from '../../scripts/support/mongod.ts'
import { FAULTS } from '../support/proxy.ts'
import { runFaults } from './run.ts'

const { values } = parseArgs({
  options: {
    moods: { type: 'string', default: '2000' },
    users: { type: 'string', default: '50' },
    rate: { type: 'string', default: '0.2' },
    mongo: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const options = {
  moods: Number(values.moods),
  users: Number(values.users),
  rate: Number(values.rate),
  pace: 1,
  halfAfterS: 30,
  seed: Number(values.seed),
}
await using stack = new AsyncDisposableStack()
if (values.mongo) {
  const found = await findMongo((line) => console.log(line))
  if (found?.kind !== 'binary') throw new Error('--mongo needs the program of a MongoDB server')
  const folder = stack.use(await temporaryFolder())
  process.env['MOODS_TEST_MONGODB'] = stack.use(await startSmallSet(found.at, `${folder.path}/mongo`)).uri
}
console.log(`${options.moods} moods of ${options.users} users, seed ${options.seed}`)
const result = await runFaults({ ...options, say: (line) => console.log(line) })
console.table(result.hits)
console.log('moods:', result.states)
const silent = FAULTS.filter((fault) => result.hits[fault] === 0)
for (const line of result.differences) console.error(line)
if (silent.length > 0) console.error(`never happened: ${silent.join(', ')}`)
console.log(result.differences.length + silent.length === 0 ? 'Every repo is what the primary wants.' : 'FAILED')
process.exitCode = result.differences.length + silent.length === 0 ? 0 : 1
