/** The operator's commands, each a process of its own, on a real PDS. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Mood } from '../../src/domain/mood.ts'
import { damage, readyAccount, saveRow, unlinked } from '../support/damage.ts'
import { type Finished, runMoods, runOnTerminal } from '../support/process.ts'
import { listRecords } from '../support/repo.ts'
import { createSite, type Site } from '../support/site.ts'

describe('the operator’s commands', () => {
  let site: Site
  let users = 0

  beforeAll(async () => {
    site = await createSite({ PDS_RATE_LIMITS: 'off', PDS_TIMEOUT_MS: '2000' })
    await site.pds.up()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const run = (...args: string[]): Promise<Finished> => runMoods(args, site.env)
  const json = ({ stdout }: Finished): unknown => JSON.parse(stdout)

  async function published(count: number): Promise<{ user: string; handle: string; moods: readonly Mood[] }> {
    const [user, handle] = [`u${++users}`, `operated-${users}`]
    await site.app.accounts.signUp(user, handle)
    for (let i = 0; i < count; i++) await site.app.moods.post(user, { mood: `mood ${i}` })
    await site.app.engine.drain()
    return { user, handle, moods: await site.app.store.moods.history(user, null, 1000) }
  }

  async function textsOf(user: string): Promise<unknown[]> {
    const { did } = await readyAccount(site.app, user)
    return (await listRecords(site.app.pdsUrl, did)).map(({ value }) => value['text'])
  }

  it('audit finds differences, repair mends them, and a second run of each changes nothing', async () => {
    const { user, handle, moods } = await published(4)
    const clean = await run('audit', `@${handle}`)
    expect([clean.code, clean.stdout]).toEqual([0, expect.stringContaining('checks passed  1 of 1')])
    for (const [i, kind] of (['missing', 'stray', 'duplicate'] as const).entries())
      await damage(site.app, kind, moods[i]!)
    const { did } = await readyAccount(site.app, user)
    const found = await run('audit', did, '--json', '--verify')
    expect(found.code).toBe(1)
    expect(json(found)).toMatchObject({
      summary: { findings: { missing: 1, stray: 1, duplicate: 1 }, syncRate: 0.75 },
      users: [{ handle, result: 'findings' }],
    })
    const dry = await run('repair', user, '--json')
    expect([dry.code, json(dry)]).toMatchObject([
      0,
      { executed: false, ordered: { missing: 1, stray: 1, duplicate: 1 } },
    ])
    expect((await run('audit', user)).code).toBe(1)
    const some = await run('repair', user, '--finding', 'missing', '--execute', '--json')
    expect([some.code, json(some)]).toMatchObject([0, { ordered: { missing: 1 }, after: { findings: { stray: 1 } } }])
    const all = await run('repair', user, '--execute')
    expect([all.code, all.stdout]).toEqual([0, expect.stringContaining('Repaired: ')])
    expect((await run('audit', user, '--incremental')).code).toBe(0)
    expect(json(await run('repair', user, '--execute', '--json'))).toMatchObject({
      ordered: {},
      after: { findings: {} },
    })
    expect(await textsOf(user)).toHaveLength(4)
  })

  it('repair lists what it deletes before it does, and what it says only on a terminal', async (context) => {
    const { user, handle, moods } = await published(3)
    await damage(site.app, 'duplicate', moods[0]!)
    await damage(site.app, 'leaked', moods[1]!)
    const keys = (await listRecords(site.app.pdsUrl, (await readyAccount(site.app, user)).did)).map(({ uri }) =>
      uri.split('/').at(-1)!,
    )
    const leaked = moods[1]!.sync.rkey
    const copy = keys.find((rkey) => moods.every(({ sync }) => sync.rkey !== rkey))!
    const dry = await run('repair', user)
    expect(dry.stdout).toContain(`Would delete 2 records from the repository of @${handle} (${user}):\n`)
    expect(dry.stdout).toContain(`  duplicate  ${copy}\n`)
    expect(dry.stdout).toContain(`  leaked     ${leaked}\n`)
    const { stdout, stderr } = await run('repair', user, '--json')
    expect(stdout + stderr + dry.stdout + dry.stderr).not.toMatch(/mood [012]/)
    const seen = await runOnTerminal(['repair', user, '--execute'], site.env)
    if (seen === null) context.skip('there is no program that makes a terminal on this machine')
    expect(seen).toContain(`Deletes 2 records from the repository of @${handle} (${user}):`)
    expect(seen).toContain(`${copy}  “mood 0”`)
    // A private mood is private here too.
    expect(seen).not.toContain('mood 1')
    expect(await textsOf(user)).toHaveLength(2)
  })

  it('backfill publishes history, writes a report, and resumes', async () => {
    const { user, moods } = await published(5)
    for (const mood of moods.slice(0, 3)) await damage(site.app, 'missing', mood)
    const [, , , kept, lost] = moods
    await saveRow(site.app, unlinked(lost!))
    const report = `${site.dataFolder}-report.json`
    expect((await run('backfill', user, '--report', `${site.dataFolder}/no/such/folder`, '--execute')).code).toBe(2)
    const dry = await run('backfill', user, '--report', report, '--json')
    expect([dry.code, json(dry)]).toMatchObject([0, { executed: false, overall: { migrated: 4, already: 1 } }])
    const done = await run('backfill', user, '--report', report, '--execute', '--delay-ms', '5')
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/migrated +4/)])
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
      complete: true,
      overall: { migrated: 4, failed: 0 },
    })
    const again = await run('backfill', user, '--report', report, '--execute', '--json')
    expect(json(again)).toMatchObject({ overall: { migrated: 0, already: 5 } })
    expect(await textsOf(user)).toHaveLength(5)
    expect((await site.app.store.moods.byId(kept!.id))!.sync.state).toBe('published')
  })

  it('report prints the numbers of the checklist', async () => {
    const { stdout, code } = await run('report')
    expect(code).toBe(0)
    expect(stdout).toMatch(/- Total users: [1-9]/)
    expect(stdout).toMatch(/- Sync success rate: \d+\.\d\d %/)
    expect(stdout).toMatch(/- Total moods in ATProto: [1-9]\d*, in [1-9]/)
    expect(json(await run('report', '--json', '--since', '48h'))).toMatchObject({
      latency: { count: expect.any(Number) },
    })
    expect((await run('report', '--since', 'soon')).code).toBe(2)
  })

  it('rollback takes publishing back step by step, and a backfill publishes again', async () => {
    const { user, moods } = await published(2)
    expect((await run('rollback', '--strip-references', '--execute')).code).toBe(2)
    expect(json(await run('federation', 'off', '--json'))).toMatchObject({ executed: false, before: { mode: 'on' } })
    expect((await run('federation', 'off', '--reason', 'the way back', '--execute')).code).toBe(0)
    expect(json(await run('federation', 'status', '--json'))).toMatchObject({
      federation: { mode: 'off', reason: 'the way back', version: 2 },
    })
    await site.app.moods.post(user, { mood: 'not now' })
    await site.app.moods.delete(user, moods[0]!.id, 'withdraw')
    await site.app.engine.drain()
    // Nothing new is published, and what is taken back goes all the same.
    expect(await textsOf(user)).toEqual(['mood 1'])

    expect((await run('rollback', '--delete-records', '--execute')).code).toBe(2)
    const stripped = await run('rollback', '--strip-references', '--execute', '--json')
    expect([stripped.code, json(stripped)]).toMatchObject([0, { left: 0 }])
    expect((await site.app.store.work.count()).states.published).toBe(0)
    expect(await textsOf(user)).toEqual(['mood 1'])
    expect((await run('rollback', '--strip-references', '--undo', '--execute')).code).toBe(0)
    expect((await site.app.store.moods.byId(moods[1]!.id))!.sync.state).toBe('published')

    expect((await run('rollback', '--strip-references', '--execute')).code).toBe(0)
    const deleted = await run('rollback', '--delete-records', '--execute')
    expect([deleted.code, deleted.stdout]).toEqual([
      0,
      expect.stringMatching(/^Deletes \d+ records of \d+ users? from .* cannot be undone: .*\nleft afterwards: 0\n$/),
    ])
    expect(await textsOf(user)).toEqual([])

    expect((await run('federation', 'on', '--execute')).code).toBe(0)
    const report = `${site.dataFolder}-again.json`
    expect((await run('backfill', '--report', report, '--execute')).code).toBe(0)
    expect((await textsOf(user)).toSorted()).toEqual(['mood 1', 'not now'])
  })

  it('audit ends with 3 when the PDS does not answer, and with 2 for an unknown user', async () => {
    const { handle } = await published(1)
    expect((await run('audit', '@not-here')).code).toBe(2)
    await site.pds.down()
    const { code, stdout } = await run('audit', `@${handle}`)
    expect([code, stdout]).toEqual([3, expect.stringMatching(/not reached +1 of 1/)])
  })
})
