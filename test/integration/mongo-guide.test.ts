/** The launch guide, from an existing database to both sides equal, with nothing but its commands. */

import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { fillLegacy } from '../support/legacy.ts'
import { anyDatabase } from '../../scripts/support/mongod.ts'
import { type Finished, runMoods } from '../support/process.ts'
import { listRecords, makeForeignAccount } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const { uri } = inject('mongo')!
const database = anyDatabase()
const cleanup = new AsyncDisposableStack()
let site: Site
let did = ''

beforeAll(async () => {
  const client = await new MongoClient(uri).connect()
  const db = client.db(database)
  cleanup.defer(() => client.close())
  cleanup.defer(async () => void (await db.dropDatabase()))
  // Only the PDS of this site is used: every command below is a process of its own.
  site = cleanup.use(await createSite({ MONGODB_URI: uri, MONGODB_NAME: database }))
  await site.pds.up()
  const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
  did = await makeForeignAccount(site.app.pdsUrl, pdsAdminPassword, 'legacy-1.test', 'plain-1')
  const none = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [i + 1, {}]))
  await fillLegacy(db, { ...none, 1: { did, handle: 'legacy-1.test', password: 'plain-1' } })
}, 60_000)
afterAll(() => cleanup.disposeAsync())

const moods = (federation: 'on' | 'off', ...args: string[]): Promise<Finished> => {
  return runMoods(args, { ...site.env, FEDERATION: federation })
}
const json = ({ stdout }: Finished): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>

it('leads from an existing database to a verified launch', async () => {
  const report = `${site.dataFolder}-report.json`
  expect((await moods('off', 'status')).code).toBe(0)
  expect((await moods('off', 'accounts', 'list', '--without')).stdout).toContain('legacy-7')
  expect((await moods('off', 'lexicon', 'validate')).code).toBe(0)

  const provisioned = await moods('on', 'accounts', 'provision', '--execute')
  expect([provisioned.code, provisioned.stderr]).toEqual([0, expect.any(String)])
  expect((await moods('off', 'accounts', 'seal', '--execute')).code).toBe(0)
  expect((await moods('off', 'accounts', 'check')).code).toBe(0)
  expect(await listRecords(site.app.pdsUrl, did)).toEqual([])

  expect((await moods('on', 'doctor', '--live', '@legacy-1')).code).toBe(0)
  const dry = await moods('on', 'backfill', '@legacy-1', '--report', report, '--json')
  expect(json(dry)).toMatchObject({ executed: false, overall: { already: 0, failed: 0 } })
  expect((await moods('on', 'backfill', '@legacy-1', '--report', report, '--execute')).code).toBe(0)
  const one = await moods('on', 'audit', '@legacy-1', '--verify', '--json')
  expect([one.code, json(one)]).toMatchObject([0, { summary: { clean: 1, findings: {}, syncRate: 1 } }])

  const all = await moods('on', 'backfill', '--report', report, '--execute', '--json')
  expect([all.code, json(all)]).toMatchObject([0, { overall: { users: 30, withAccount: 30, failed: 0 } }])
  const audit = await moods('on', 'audit', '--all', '--verify', '--json')
  expect([audit.code, json(audit)]).toMatchObject([0, { summary: { users: 30, clean: 30, findings: {}, syncRate: 1 } }])
  expect(json(await moods('on', 'repair', '--execute', '--json'))).toMatchObject({ ordered: {} })
  expect((await moods('on', 'audit', '--incremental')).code).toBe(0)
  const numbers = await moods('on', 'report')
  expect(numbers.stdout).toMatch(/- Users with ATProto: 30/)
}, 120_000)
