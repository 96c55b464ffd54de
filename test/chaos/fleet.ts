/**
 * `npm run fleet`: two API processes and two workers that share nothing but a MongoDB, a replica set of three. Workers
 * are killed at every seam, the primary is killed, requests to the PDS go wrong; 20 clients go on posting. Whatever was
 * acknowledged has to be there, and published once.
 */

import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { MongoClient } from 'mongodb'
import { DataFolder } from '../../src/data-folder.ts'
import { startNetwork } from '../../src/embedded/network.ts'
import { choosePorts } from '../../src/embedded/tcp-ports.ts'
import { environment, temporaryFolder } from '../support/installation.ts'
import { findMongo, initiate, type Mongod, startMongod } from '../../scripts/support/mongod.ts'
import { differences } from '../support/oracle.ts'
import { primaryOf } from '../support/primary.ts'
import { runMoods, ServerProcess } from '../support/process.ts'
import { AUDIENCE, startProvider } from '../support/provider.ts'
import { FAULTS, FaultyProxy } from '../support/proxy.ts'
import { randomFrom } from '../support/random.ts'
import { unproven } from '../support/root-oracle.ts'
import { Killing } from './killing.ts'

const CLIENTS = 20
const PATIENCE_MS = 5 * 60_000

const { values } = parseArgs({
  options: {
    'worker-kills': { type: 'string', default: '40' },
    'primary-kills': { type: 'string', default: '10' },
    faults: { type: 'string', default: '0.1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const wanted = { workers: Number(values['worker-kills']), primaries: Number(values['primary-kills']) }
const [rate, seed] = [Number(values.faults), Number(values.seed)]
const random = randomFrom(seed)
/** How long workers wait for the PDS; short where answers are lost on purpose. */
const TIMEOUT_MS = rate === 0 ? 10_000 : 1_000
let primariesKilled = 0
await using stack = new AsyncDisposableStack()
const found = await findMongo((line) => console.log(line))
if (found?.kind !== 'binary') throw new Error('this needs a mongod of its own, to kill it')
const program = found.at
const folder = stack.use(await temporaryFolder())
const members: Mongod[] = []
for (let i = 0; i < 3; i++) {
  members.push(await startMongod(program, { dbPath: `${folder.path}/mongo-${i}`, replSet: 'fleet' }))
}
stack.defer(() => members.forEach((member) => member.process.kill('SIGKILL')))
process.env['MOODS_TEST_MONGODB'] = await initiate('fleet', members)

const pdsFolder = new DataFolder(`${folder.path}/network`)
pdsFolder.checkWritable()
const ports = await choosePorts(pdsFolder, { pds: 0, plc: 0 })
const secrets = pdsFolder.secrets()
const network = stack.use(await startNetwork({ folder: pdsFolder, ports, secrets, rateLimits: false }))
const fault = { target: network.pdsUrl, seed, rate: 0, clientTimeoutMs: TIMEOUT_MS, lateMs: 2_000 }
const proxy = stack.use(await FaultyProxy.start(fault))
const provider = stack.use(await startProvider())

const dataFolder = `${folder.path}/unused`
const env = environment(dataFolder, {
  PDS_PORT: '',
  PLC_PORT: '',
  PDS_URL: proxy.url,
  PLC_URL: network.plcUrl,
  PDS_ADMIN_PASSWORD: secrets.pdsAdminPassword,
  PDS_TIMEOUT_MS: String(TIMEOUT_MS),
  PDS_RATE_LIMITS: 'off',
  MOODS_SEAL_KEY: Buffer.alloc(32, 7).toString('base64'),
  LOG_LEVEL: 'error',
  AUTH_ISSUER: provider.issuer,
  AUTH_AUDIENCE: AUDIENCE,
})
const serve = async (): Promise<ServerProcess> =>
  stack.use(await ServerProcess.run(process.execPath, ['bin/moods.js', 'serve'], env))
const apis = [await serve(), await serve()]

const killing = new Killing({
  wanted: wanted.workers,
  env: { NODE_COMPILE_CACHE: `${folder.path}/compiled`, ...env },
  patienceMs: [2_000, 6_000],
  mayNotStart: true,
  missing: () => (rate === 0 ? [] : FAULTS.filter((name) => proxy.hits[name] === 0)),
})
const isOver = (): boolean => killing.isOver && primariesKilled >= wanted.primaries

/** Kills the primary, waits until clients are answered again, brings the dead one back, and so on. */
async function keepKillingPrimaries(): Promise<void> {
  while (primariesKilled < wanted.primaries) {
    await setTimeout(1_500)
    const primary = await portOfPrimary()
    const at = members.findIndex(({ port }) => port === primary)
    const member = members[at]
    if (!member) continue
    const exited = once(member.process, 'exit')
    member.process.kill('SIGKILL')
    await exited
    primariesKilled++
    const before = acknowledged.length
    while (!isOver() && acknowledged.length < before + CLIENTS) await setTimeout(100)
    members[at] = await startMongod(program, { dbPath: `${folder.path}/mongo-${at}`, port: primary, replSet: 'fleet' })
  }
}

async function portOfPrimary(): Promise<number> {
  const client = await new MongoClient(process.env['MOODS_TEST_MONGODB']!).connect()
  const { primary } = (await client.db('admin').command({ hello: 1 })) as { primary?: string }
  await client.close()
  return Number(primary?.split(':')[1])
}

interface Acknowledged {
  readonly id: string
  readonly user: string
  readonly text: string
}
const acknowledged: Acknowledged[] = []
const refusals: Record<string, number> = {}

/** A client waits no longer for an answer, in ms, and asks again: whatever became of the request, the mood is there once. */
const ANSWER_MS = 20_000
const SILENCE = `no answer within ${ANSWER_MS / 1000} s`

function unlessSilent(error: unknown): null {
  if (error instanceof Error && error.name === 'TimeoutError') return null
  throw error
}

/** Asks one API after the other until one says yes. What it said no with is counted. */
async function insist<T>(token: string, path: string, body: unknown): Promise<T> {
  for (;;) {
    const api = random.pick(apis)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const request = { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_MS) }
    const response = await fetch(`${api.address}${path}`, request).catch(unlessSilent)
    if (response === null) {
      refusals[SILENCE] = (refusals[SILENCE] ?? 0) + 1
      continue
    }
    const answer = (await response.json()) as T
    if (response.ok) return answer
    const reason = `${response.status} ${JSON.stringify(answer)}`
    refusals[reason] = (refusals[reason] ?? 0) + 1
    // The log is a stream of its own: what went wrong may come a moment after the answer.
    if (response.status !== 503) await setTimeout(500)
    if (response.status !== 503) throw new Error(`an API answered ${reason}: ${api.errors.slice(-2000)}`)
    await setTimeout(200)
  }
}

async function keepPosting(n: number): Promise<void> {
  const user = `auth0|client-${n}`
  const token = await provider.token(user)
  await insist(token, '/api/signup', { handle: `client-${n}` })
  for (let i = 0; !isOver(); i++) {
    const text = `mood ${i} of client ${n}`
    const { id } = await insist<{ id: string }>(token, '/api/mood', { mood: text })
    acknowledged.push({ id, user, text })
    await setTimeout(random.below(300))
  }
}

console.log(`${wanted.workers} workers and ${wanted.primaries} primaries to be killed, faults ${rate}, seed ${seed}`)
const progress = setInterval(() => {
  console.log(`  ${killing.dead} workers and ${primariesKilled} primaries killed, ${acknowledged.length} moods taken`)
}, 10_000)
const clients = Array.from({ length: CLIENTS }, (_, n) => keepPosting(n))
proxy.options.rate = rate
await Promise.all([
  ...clients,
  killing.keepKilling(randomFrom(seed + 1)),
  killing.keepKilling(randomFrom(seed + 2)),
  keepKillingPrimaries(),
])
clearInterval(progress)
console.log(`  ${acknowledged.length} moods taken; two workers that live on finish the work`)
proxy.options.rate = 0
const survivors = [killing.start(1, 0), killing.start(2, 0)]
const primary = primaryOf(dataFolder)
const pending = async (): Promise<number> => (await primary.moods()).filter(({ state }) => state === 'pending').length
const deadline = performance.now() + PATIENCE_MS
while ((await pending()) > 0 && performance.now() < deadline) await setTimeout(500)
await proxy.settled()
for (const worker of survivors) worker.kill('SIGTERM')

const moods = await primary.moods()
const stored = new Map(moods.map((mood) => [mood.id, mood]))
const audit = await runMoods(['audit', '--all'], env)
console.log(audit.stdout, audit.stderr)
const problems = [...(await differences(network.pdsUrl, dataFolder)), ...(await unproven(network, dataFolder))]
for (const { id, user, text } of acknowledged) {
  const mood = stored.get(id)
  if (mood?.user !== user || mood.text !== text) problems.push(`${id} was acknowledged and is not there`)
}
const texts = moods.map(({ user, text }) => `${user} ${text}`)
if (new Set(texts).size !== texts.length) problems.push('a mood was taken twice')
const logins = proxy.asked['com.atproto.server.createSession'] ?? 0
// An account brings its own session; only one whose making was interrupted is found again by logging in, once.
if (rate === 0 && logins > CLIENTS) problems.push(`${logins} logins for ${CLIENTS} accounts`)

console.table(killing.hits)
console.log('refusals:', refusals, 'faults:', proxy.hits, 'logins:', logins, 'moods:', moods.length)
for (const problem of problems) console.error(problem)
const silent = killing.silent()
if (silent.length > 0) console.error(`never happened: ${silent.join(', ')}`)
const isWell = problems.length === 0 && silent.length === 0
console.log(
  isWell
    ? 'Every mood that was acknowledged is there, and published once; every repo is proven equal by root.'
    : 'FAILED',
)
process.exitCode = isWell ? 0 : 1
