/**
 * `npm run odd -- --store sqlite|mongodb --documents N --seed S`: the same as the test, with other numbers, on a file or a
 * MongoDB of its own.
 */

import { parseArgs } from 'node:util'
import { anyDatabase, findMongo, startSmallSet } from '../../scripts/support/mongod.ts'
import { temporaryFolder } from '../support/installation.ts'
import { mongoWorld } from './mongo-world.ts'
import { type OddOptions, runOdd } from './run.ts'
import { sqliteWorld } from './sqlite-world.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'mongodb' },
    documents: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
await using stack = new AsyncDisposableStack()
const say = (line: string): void => console.log(line)
const [documents, seed] = [Number(values.documents), Number(values.seed)]

async function worldOf(store: string): Promise<OddOptions['world']> {
  if (store === 'sqlite') return (folder) => sqliteWorld(folder, documents, seed)
  if (store !== 'mongodb') throw new Error('--store is sqlite or mongodb')
  const found = await findMongo(say)
  if (found?.kind !== 'binary') throw new Error('this needs the program of a MongoDB server')
  const folder = stack.use(await temporaryFolder())
  const { uri } = stack.use(await startSmallSet(found.at, `${folder.path}/mongo`))
  return () => mongoWorld(uri, anyDatabase(), documents, seed)
}

say(`--store ${values.store} --documents ${documents} --seed ${seed}`)
const wrong = await runOdd({ world: await worldOf(values.store), documents, say })
say(
  wrong.length === 0
    ? 'Every good mood is where it should be, and every odd one as it was.'
    : `FAILED: ${wrong.length} wrong`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
