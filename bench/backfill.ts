/** Publishing, one after the other and many at once, against the bare calls that it cannot do without. */

import type { App } from '../src/app.ts'
import type { BarePds } from './bare.ts'
import { perSecond, quantile, type Row, row } from './rows.ts'
import { newName, prepare, recordOf, Site } from './site.ts'

const MOODS = 10_000
const REPOS = 200
const BATCH = 200
const PARALLEL = 8

const now = (): number => performance.now()

/** The ceiling: prepared commits, one after the other for each repo, several repos at a time. Milliseconds. */
async function bareBackfill(pds: BarePds, repos: number, moods: number): Promise<number> {
  const jobs: (() => Promise<void>)[] = []
  for (let r = 0; r < repos; r++) {
    const account = await pds.createAccount(newName('bare'))
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

/** The same through our engine: rows that are due, and how long until all are published. Milliseconds. */
async function ourBackfill(app: App, repos: number, moods: number): Promise<number> {
  await prepare(app, repos, moods)
  const started = now()
  await app.engine.drain()
  const ms = now() - started
  const { states } = await app.store.work.count()
  if (states.pending > 0) throw new Error(`${states.pending} moods are still pending`)
  return ms
}

/** The loop of the original: a login for each user, then one record at a time and a pause of 100 ms. Moods per second. */
async function seedLoop(pds: BarePds, moods: number): Promise<number> {
  const account = await pds.createAccount(newName('seed'))
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

/** From the call of `post` to the row being published, and bare round trips in between. */
async function latency(app: App, pds: BarePds, samples: number) {
  const user = newName('bench')
  await app.accounts.signUp(user, user)
  const account = await pds.createAccount(newName('bare'))
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

export async function backfills(): Promise<Row[]> {
  await using site = await Site.start()
  await using app = await site.open()
  return [...(await backfillRows(app, site.pds)), ...(await latencyRows(app, site.pds))]
}
