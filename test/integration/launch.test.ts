/** A whole launch: history of many users, every oddity, a PDS that limits, and commands that are killed half way. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { objectId, type Mood } from '../../src/domain/mood.ts'
import { cidOf, COLLECTION, rkeyFor } from '../../src/domain/record.ts'
import { readyAccount, unlinked } from '../support/damage.ts'
import { aMood, NOW } from '../support/moods.ts'
import { differences } from '../support/oracle.ts'
import { runMoods } from '../support/process.ts'
import { commitsOf, eventually, listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const USERS = 120
const WITHOUT_ACCOUNT = 40
const MOODS = 3_000
const TOO_LONG = 25
const PRIVATE = 60
const DELETED = 200
/** Of the first user: records that the database knows nothing of, and second copies of some. */
const UNREFERENCED = 222
const DUPLICATES = 140

let site: Site
const heavy = 'user-0'

/** Mood `i` of the history, as if nothing had ever been published. */
function historic(i: number): Mood {
  const isHeavy = i < UNREFERENCED
  const user = isHeavy ? heavy : `user-${1 + (i % (USERS - 1))}`
  const n = i - UNREFERENCED
  const when = NOW + i * 1000
  const mood = aMood({ id: objectId(when, 'eeeeeeeeee', i), user, ordinal: i + 1, when, text: `history ${i}` })
  if (isHeavy) return unlinked(mood)
  if (n < TOO_LONG) return unlinked({ ...mood, text: `${'x'.repeat(400)} ${i}` })
  if (n < TOO_LONG + PRIVATE) return unlinked({ ...mood, isPrivate: true })
  if (n < TOO_LONG + PRIVATE + DELETED) return unlinked({ ...mood, deleted: { by: 'author', records: 'keep' } })
  return unlinked(mood)
}

/** Records of the first user, as the existing system's script left them: right, and noted nowhere; some twice. */
async function leaveRecords(moods: readonly Mood[]): Promise<void> {
  const account = await readyAccount(site.app, heavy)
  const records = moods.map((mood) => ({
    rkey: mood.sync.rkey,
    value: {
      $type: COLLECTION,
      text: mood.text,
      createdAt: new Date(mood.when).toISOString(),
      mongoId: mood.id,
    },
  }))
  const copies = records.slice(0, DUPLICATES).map(({ value }, i) => ({ rkey: rkeyFor(NOW + i, `copy ${i}`, 0), value }))
  const all = [...records, ...copies]
  for (let i = 0; i < all.length; i += 200) {
    const writes = all
      .slice(i, i + 200)
      .map(({ rkey, value }) => ({ action: 'create', cid: cidOf(value), rkey, value }) as const)
    const outcome = await site.app.client.write(account, COLLECTION, writes, new AbortController().signal)
    expect(outcome.kind).toBe('ok')
  }
}

beforeAll(async () => {
  site = await createSite({ PDS_RATE_LIMITS: 'on' })
  await site.pds.up({ rateLimits: true })
  const { app } = site
  for (let i = 0; i < USERS - WITHOUT_ACCOUNT; i++) await app.accounts.signUp(`user-${i}`, `launch-${i}`)
  await app.engine.drain()
  const moods = Array.from({ length: MOODS }, (_, i) => historic(i))
  for (let i = 0; i < MOODS; i += 500) {
    const items = moods.slice(i, i + 500).map((mood) => ({ mood, changedAt: mood.when }))
    await app.store.archive.put('moods', items)
  }
  await leaveRecords(moods.slice(0, UNREFERENCED))
}, 120_000)
afterAll(() => site[Symbol.asyncDispose]())

const count = async (): Promise<number> => (await site.app.store.work.count()).states.published
const commits = async (): Promise<number> => {
  const accounts = await site.app.store.archive.page('accounts', '', 1000)
  return accounts.reduce((sum, { item }) => sum + commitsOf(site.pdsFolder, item.did!), 0)
}

/** Starts a backfill and ends it with a signal once it has got somewhere. @returns its exit code */
async function interruptedBackfill(signal: NodeJS.Signals, report: string): Promise<number | null> {
  const before = await count()
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...site.env }
  const args = ['bin/moods.js', 'backfill', '--report', report, '--execute', '--rate', '200']
  const child = spawn(process.execPath, args, { env, stdio: 'ignore' })
  const exited = once(child, 'exit')
  await eventually('something is published', async () => (await count()) > before + 20)
  child.kill(signal)
  await exited
  return child.exitCode
}

it('a launch ends with both sides equal, and a second run of everything changes nothing', async () => {
  const report = `${site.dataFolder}-report.json`
  expect(await interruptedBackfill('SIGKILL', report)).toBeNull()
  expect(await interruptedBackfill('SIGINT', report)).toBe(3)
  const half = await count()
  expect(half).toBeGreaterThan(40)
  expect(half).toBeLessThan(1500)

  const backfill = await runMoods(['backfill', '--report', report, '--execute', '--json'], site.env)
  const { overall } = JSON.parse(backfill.stdout) as { overall: Record<string, unknown> }
  expect([backfill.code, overall]).toMatchObject([0, { total: MOODS, failed: 0, users: USERS, withAccount: 80 }])
  const audit = await runMoods(['audit', '--all', '--json'], site.env)
  const { summary } = JSON.parse(audit.stdout) as { summary: { counts: { unpublishable: number } } }
  expect([audit.code, summary]).toMatchObject([1, { findings: { duplicate: DUPLICATES }, unreadable: 0, syncRate: 1 }])
  expect(Object.keys((summary as unknown as { findings: object }).findings)).toEqual(['duplicate'])
  expect(summary.counts.unpublishable).toBeGreaterThan(0)

  const repair = await runMoods(['repair', '--execute', '--json'], site.env)
  expect([repair.code, JSON.parse(repair.stdout)]).toMatchObject([0, { ordered: { duplicate: DUPLICATES } }])
  expect(await differences(site.app.pdsUrl, site.dataFolder)).toEqual([])
  const { did } = await readyAccount(site.app, heavy)
  expect(await listRecords(site.app.pdsUrl, did)).toHaveLength(UNREFERENCED)

  const before = [await count(), await commits()]
  const again = await runMoods(['backfill', '--report', report, '--execute', '--json'], site.env)
  expect(JSON.parse(again.stdout)).toMatchObject({ overall: { migrated: 0, failed: 0 } })
  expect(JSON.parse((await runMoods(['repair', '--execute', '--json'], site.env)).stdout)).toMatchObject({
    ordered: {},
  })
  expect((await runMoods(['audit', '--incremental'], site.env)).code).toBe(0)
  expect([await count(), await commits()]).toEqual(before)
}, 240_000)
