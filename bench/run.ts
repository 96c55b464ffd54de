/**
 * `npm run bench`: ratios against bare baselines, measured side by side in one run. Run it alone. `npm run bench -- pds`, `posts` or
 * `stores` runs that part.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { type App, createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { type Mood, objectId } from '../src/domain/mood.ts'
import { rkeyFor } from '../src/domain/record.ts'
import { born } from '../src/domain/sync.ts'
import { temporaryFolder } from '../test/support/installation.ts'
import { unrepeated } from '../test/support/moods.ts'
import { BarePds } from './bare.ts'
import { auditAgainstPaging, incrementalAudit, memoryOf } from './audit.ts'
import { postThroughput } from './http.ts'
import { perSecond, quantile, type Row, row } from './rows.ts'
import { storeRows } from './stores.ts'

const MOODS = 10_000
const REPOS = 200
const BATCH = 200
const PARALLEL = 8
let names = 0
/** User of the repo with the most moods. */
let large = ''

const now = (): number => performance.now()
const START = Date.now() - 1_000_000_000

function recordOf(i: number) {
  const when = START + i
  const id = objectId(when, 'bbbbbbbbbb', i)
  const value = {
    $type: 'computer.aesthetic.mood',
    text: `bench mood ${i}`,
    createdAt: new Date(when).toISOString(),
    mongoId: id,
  }
  return { rkey: rkeyFor(when, id, 0), value, id, when }
}

/** The ceiling: prepared commits, one after the other for each repo, several repos at a time. Milliseconds. */
async function bareBackfill(pds: BarePds, repos: number, moods: number): Promise<number> {
  const jobs: (() => Promise<void>)[] = []
  for (let r = 0; r < repos; r++) {
    const account = await pds.createAccount(`bare-${++names}`)
    const writes = Array.from({ length: moods / repos }, (_, i) => {
      const { rkey, value } = recordOf(i)
      return { $type: 'com.atproto.repo.applyWrites#create', collection: value.$type, rkey, value }
    })
    jobs.push(async () => {
      for (let i = 0; i < writes.length; i += BATCH) await pds.applyWrites(account, writes.slice(i, i + BATCH))
    })
  }
  const started = now()
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let job; (job = jobs.shift());) await job()
    }),
  )
  return now() - started
}

/** Users with accounts, and moods that are due. */
async function prepare(app: App, repos: number, moods: number): Promise<string[]> {
  const users = Array.from({ length: repos }, () => `bench-${++names}`)
  for (const user of users) await app.accounts.signUp(user, user)
  await app.engine.drain()
  for (const user of users) {
    for (let i = 0; i < moods / repos; i++) await addMood(app, user, i)
  }
  return users
}

/** The same through our engine: rows that are due, and how long until all are published. Milliseconds. */
async function ourBackfill(app: App, repos: number, moods: number): Promise<number> {
  const [first] = await prepare(app, repos, moods)
  if (repos === 1) large = first!
  const started = now()
  await app.engine.drain()
  const ms = now() - started
  const { states } = await app.store.work.count()
  if (states.pending > 0) throw new Error(`${states.pending} moods are still pending`)
  return ms
}

async function addMood(app: App, user: string, i: number): Promise<void> {
  const { id, rkey, when } = recordOf(++names)
  const content = { text: `bench mood ${i}`, intensity: null, context: null, isPrivate: false }
  const mood: Mood = {
    ...content,
    id,
    user,
    ordinal: i + 1,
    when,
    deleted: null,
    version: 1,
    sync: born(rkey, false, when),
  }
  await app.store.moods.add(unrepeated(mood))
}

/** The loop of the original: a login for each user, then one record at a time and a pause of 100 ms. Moods per second. */
async function seedLoop(pds: BarePds, moods: number): Promise<number> {
  const account = await pds.createAccount(`seed-${++names}`)
  const started = now()
  const token = await pds.login(account)
  for (let i = 0; i < moods; i++) {
    const { value } = recordOf(i)
    const body = { repo: account.did, collection: value.$type, record: value }
    await pds.call('com.atproto.repo.createRecord', body, `Bearer ${token}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return (moods * 1000) / (now() - started)
}

/** From the call of `post` to the row being published, and bare round trips in between. */
async function latency(app: App, pds: BarePds, samples: number) {
  const user = `bench-${++names}`
  await app.accounts.signUp(user, user)
  const account = await pds.createAccount(`bare-${++names}`)
  const stopping = new AbortController()
  const running = app.engine.run(stopping.signal)
  const ours: number[] = []
  const bare: number[] = []
  // Published is a mood whose result is settled in the store; looking again and again would slow down what is measured.
  const settle = app.store.work.settle.bind(app.store.work)
  let settled: (() => void) | null = null
  app.store.work.settle = async (settlements, at) => {
    const kept = await settle(settlements, at)
    settled?.()
    return kept
  }
  for (let i = -20; i < samples; i++) {
    const { rkey, value } = recordOf(1_000_000 + i)
    let started = now()
    await pds.putRecord(account, rkey, value)
    if (i >= 0) bare.push(now() - started)
    started = now()
    const published = new Promise<void>((resolve) => {
      settled = resolve
    })
    await app.moods.post(user, { mood: `latency ${i}` })
    await published
    if (i >= 0) ours.push(now() - started)
  }
  stopping.abort()
  await running
  const { states } = await app.store.work.count()
  if (states.pending > 0) throw new Error(`${states.pending} moods are still pending`)
  return { ours, bare }
}

async function startPds(folder: string): Promise<{ child: ChildProcess; pds: BarePds; adminPassword: string }> {
  const child = spawn(process.execPath, ['bench/pds.ts', `${folder}/network`], { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url, adminPassword } = JSON.parse(line) as { url: string; adminPassword: string }
  return { child, pds: new BarePds(url, adminPassword), adminPassword }
}

/** Backfills, latency and audits, against a PDS in a process of its own. */
async function pdsRows(): Promise<Row[]> {
  await using folder = await temporaryFolder()
  const { child, pds, adminPassword } = await startPds(folder.path)
  const env = {
    MOODS_DATA: `${folder.path}/moods`,
    PORT: '0',
    PDS_URL: pds.url,
    PDS_ADMIN_PASSWORD: adminPassword,
    PDS_RATE_LIMITS: 'off',
    PDS_TIMEOUT_MS: '30000',
    MOODS_SEAL_KEY: Buffer.alloc(32, 1).toString('base64'),
    AUTH_ISSUER: 'https://issuer.invalid/',
    AUTH_AUDIENCE: 'moods',
  }
  const open = () => createApp(readConfig(env, { serves: true }), 'serve', { log: pino({ level: 'silent' }) })
  const rows: Row[] = []
  {
    await using app = await open()
    rows.push(...(await backfillRows(app, pds)), ...(await latencyRows(app, pds)))
  }
  {
    await using app = await open()
    rows.push(await auditAgainstPaging(app, large))
    const users = await prepare(app, 1_000, 10_000)
    await app.engine.drain()
    rows.push(await incrementalAudit(app, users))
    await prepare(app, REPOS, 100_000)
    const megabytes = await memoryOf(() => app.engine.drain())
    const work = 'memory during a backfill of 100,000 moods, beyond what there was before'
    rows.push(row(work, `${Math.round(megabytes)} MB`, '64 MB', megabytes / 64, '≤ 1', megabytes <= 64))
  }
  child.kill('SIGKILL')
  return rows
}

async function backfillRows(app: App, pds: BarePds): Promise<Row[]> {
  const rows: Row[] = []
  const pace: number[] = []
  for (const repos of [1, REPOS]) {
    const bare = await bareBackfill(pds, repos, MOODS)
    const ours = await ourBackfill(app, repos, MOODS)
    pace.push((MOODS * 1000) / ours)
    const what = `backfill of ${MOODS} moods, ${repos === 1 ? 'one repo' : `${repos} repos`}, against the bare ceiling`
    rows.push(row(what, perSecond(MOODS, ours), perSecond(MOODS, bare), bare / ours, '≥ 0.9', bare / ours >= 0.9))
  }
  const seed = await seedLoop(pds, 100)
  const many = pace[0]! / seed
  const what = 'backfill, one repo, against the original loop'
  rows.push(row(what, `${Math.round(pace[0]!)} /s`, `${seed.toFixed(1)} /s`, many, '≥ 90', many >= 90))
  return rows
}

async function latencyRows(app: App, pds: BarePds): Promise<Row[]> {
  const { ours, bare } = await latency(app, pds, 200)
  const targets = [
    ['p50', 0.5, 1.5],
    ['p99', 0.99, 5],
  ] as const
  return targets.map(([name, q, most]) => {
    const [mine, theirs] = [quantile(ours, q), quantile(bare, q)]
    const what = `post → published, ${name}, against a bare putRecord`
    const ratio = mine / theirs
    return row(what, `${mine.toFixed(1)} ms`, `${theirs.toFixed(1)} ms`, ratio, `≤ ${most}`, ratio <= most)
  })
}

async function postRows(): Promise<Row[]> {
  const { ours, constant } = await postThroughput()
  const ratio = ours / constant
  const what = 'POST /api/mood, 64 connections, durable, against a constant'
  return [row(what, `${Math.round(ours)} /s`, `${Math.round(constant)} /s`, ratio, '≥ 0.5', ratio >= 0.5)]
}

const PARTS = { pds: pdsRows, posts: postRows, stores: storeRows } as const
const FILE = 'bench/results/latest.json'

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !(name in PARTS))
if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}, only ${Object.keys(PARTS).join(', ')}`)
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
// Of parts that are not run now, the last result stays.
const before = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as { parts?: Record<string, Row[]> }) : {}
const parts: Record<string, Row[]> = { ...before.parts }
for (const [name, measure] of Object.entries(PARTS)) {
  if (chosen.length === 0 || chosen.includes(name)) parts[name] = await measure()
}
console.table(Object.values(parts).flat())
mkdirSync('bench/results', { recursive: true })
writeFileSync(FILE, `${JSON.stringify({ machine, parts }, null, 2)}\n`)
console.log(`on ${machine}; written to ${FILE}`)
