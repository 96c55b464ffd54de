/** Records of the system before this one, on a real PDS: whose they are, however they say it, and that none is lost. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Mood } from '../../src/domain/mood.ts'
import { FEDERATE_NONE } from '../../src/domain/policy.ts'
import { auditUser, countKinds } from '../../src/operate/audit.ts'
import { repairUser } from '../../src/operate/repair.ts'
import { rollback, type RollbackStep } from '../../src/operate/rollback.ts'
import { damage, putRecord, readyAccount } from '../support/damage.ts'
import { commitsOf, type ListedRecord, listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

const SPELLINGS: readonly ((id: string) => unknown)[] = [
  (id) => id,
  (id) => id.toUpperCase(),
  (id) => `  ${id}\n`,
  (id) => `ObjectId("${id}")`,
  (id) => `ObjectId('${id.toUpperCase()}')`,
  (id) => ({ $oid: id }),
  (id) => `{"$oid":"${id}"}`,
  () => undefined,
]

/** What no one can read for certain, and what another client wrote. */
const LEFT_ALONE = ['', 'ObjectId("', 5, ['x']]

describe('legacy records', () => {
  let site: Site
  let did: string
  let moods: readonly Mood[]
  let before: readonly ListedRecord[]
  const records = () => listRecords(site.app.pdsUrl, did)
  const settled = async (): Promise<void> => {
    await site.app.engine.drain()
    site.forward(20_000)
    await site.app.engine.drain()
  }

  beforeAll(async () => {
    site = await createSite({ PDS_RATE_LIMITS: 'off' })
    await site.pds.up()
    const { app } = site
    await app.accounts.signUp('alice', 'of-old')
    for (const i of SPELLINGS.keys()) {
      await app.moods.post('alice', { mood: `mood ${i}` })
      site.forward(1_000)
    }
    await app.engine.drain()
    did = (await readyAccount(app, 'alice')).did
    moods = [...(await app.store.moods.history('alice', null, 100))]
    for (const [i, mood] of moods.entries()) {
      await damage(app, 'missing', mood)
      const ref = SPELLINGS[i]!(mood.id)
      const legacy = { mood: mood.text, when: new Date(mood.when).toISOString() }
      await putRecord(app, 'alice', ref === undefined ? legacy : { ...legacy, ref })
    }
    for (const ref of LEFT_ALONE) await putRecord(app, 'alice', { mood: 'whose?', when: 'once', ref })
    before = await records()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('legacy records are adopted however they name their moods; three repairs write and delete none of them', async () => {
    const commits = commitsOf(site.pdsFolder, did)
    const audited = await auditUser(site.app, 'alice')
    if (audited.kind !== 'audited') throw new Error(audited.kind)
    const odd = { foreign: LEFT_ALONE.length }
    expect(countKinds(audited.audit.findings)).toEqual({ unlinked: moods.length, ...odd })
    expect(await repairUser(site.app, 'alice')).toEqual({ unlinked: moods.length })
    await settled()
    for (let again = 0; again < 2; again++) {
      expect(await repairUser(site.app, 'alice')).toEqual({})
      await settled()
    }
    expect(await records()).toEqual(before)
    expect(commitsOf(site.pdsFolder, did)).toBe(commits)
    const uris = before.map(({ uri }) => uri)
    for (const { id } of moods) {
      const { sync } = (await site.app.store.moods.byId(id))!
      expect(sync).toMatchObject({ state: 'published' })
      expect(uris).toContain(sync.uri)
    }
  })

  it('a deletion of all records takes those of moods, and none that cannot be read for certain', async () => {
    const stored = (await site.app.store.policy.get())!
    await site.app.store.policy.save({ ...stored, policy: FEDERATE_NONE })
    const never = new AbortController().signal
    const run = (step: RollbackStep) =>
      rollback(
        site.app,
        { step, undo: false, execute: true },
        () => {},
        () => {},
        never,
      )
    await run('strip-references')
    expect(await run('delete-records')).toMatchObject({ found: moods.length, left: 0 })
    const left = await records()
    expect(left.map(({ value }) => value['ref']).toSorted()).toEqual([...LEFT_ALONE].toSorted())
  })
})
