/**
 * `npm run faults -- --moods N --seed S`: the same as the test, with other numbers; with `--mongo` on a MongoDB of its own;
 * with `--profile NAME` on another kind of PDS, `all` for each of them; with `--servers` through servers that are odd in every way, and with workers that are killed.
 */

import { parseArgs } from 'node:util'
import { temporaryFolder } from '../support/installation.ts'
import { findMongo, startSmallSet } from '../../scripts/support/mongod.ts'
import { type Profile, profileOf, PROFILES } from '../support/profiles.ts'
import { FAULTS } from '../support/proxy.ts'
import { KIND_NAMES } from '../support/odd-faults/index.ts'
import { runFaults } from './run.ts'
import { runServers } from './servers.ts'

/** Runs through every kind of PDS, side by side and faster than real time. */
const ALL = 'all'

const { values } = parseArgs({
  options: {
    moods: { type: 'string' },
    users: { type: 'string', default: '50' },
    rate: { type: 'string', default: '0.2' },
    servers: { type: 'boolean', default: false },
    mongo: { type: 'boolean', default: false },
    profile: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const options = {
  moods: Number(values.moods ?? (values.servers ? 1_000 : 2_000)),
  users: Number(values.users),
  rate: Number(values.rate),
  pace: values.profile === ALL ? 3 : 1,
  halfAfterS: values.profile === ALL ? 2 : 30,
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
const say = (line: string): void => console.log(line)
const profiles = values.profile === ALL ? PROFILES : values.profile === undefined ? [null] : [profileOf(values.profile)]
const failed = values.servers
  ? await throughServers()
  : (await Promise.all(profiles.map((profile, i) => throughProxy(profile, options.seed + i)))).includes(true)
console.log(failed ? 'FAILED' : 'Every repo is what the primary wants.')
process.exitCode = failed ? 1 : 0

async function throughProxy(profile: Profile | null, seed: number): Promise<boolean> {
  const result = await runFaults({ ...options, seed, profile, say })
  if (profile !== null) console.log(`on a PDS of the kind ${profile}:`)
  console.table(result.hits)
  console.log('moods:', result.states)
  // The few requests of a sample need not meet each fault.
  const silent = values.profile === ALL ? [] : FAULTS.filter((fault) => result.hits[fault] === 0)
  for (const line of result.differences) console.error(line)
  if (silent.length > 0) console.error(`never happened: ${silent.join(', ')}`)
  return result.differences.length + silent.length > 0
}

async function throughServers(): Promise<boolean> {
  const result = await runServers({ ...options, say })
  console.table(result.spoiled)
  console.log('moods:', result.states)
  const silent = KIND_NAMES.filter((kind) => result.spoiled[kind] === 0)
  for (const line of result.problems) console.error(line)
  if (silent.length > 0) console.error(`never happened: ${silent.join(', ')}`)
  // What some faults spoil is asked for only now and then.
  return result.problems.length > 0 || silent.length > KIND_NAMES.length / 2
}
