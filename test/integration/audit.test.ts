/** Audit, repair and backfill on real repos that were damaged on purpose. */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FindingKind, REPAIRABLE, REPAIRED } from '../../src/domain/finding-kinds.ts'
import type { Mood } from '../../src/domain/mood.ts'
import { type AuditDeps, auditUser, countKinds } from '../../src/operate/audit.ts'
import { backfillUser } from '../../src/operate/backfill.ts'
import { repairUser } from '../../src/operate/repair.ts'
import { chosenAccounts, survey } from '../../src/operate/survey.ts'
import { unseen } from '../../src/domain/sync.ts'
import { damage, putRecord, readyAccount, recordOf, saveRow, unlinked } from '../support/damage.ts'
import { federate } from '../support/policy.ts'
import { listRecords } from '../support/repo.ts'
import { differences } from '../support/oracle.ts'
import { createSite, type Site } from '../support/site.ts'

const never = new AbortController().signal
const quiet = (): void => {}

describe('audit, repair and backfill', () => {
  let site: Site
  let deps: AuditDeps
  let users = 0

  beforeAll(async () => {
    site = await createSite({ PDS_RATE_LIMITS: 'off' })
    await site.pds.up()
    const { store, client } = site.app
    deps = { store, client, clock: site, timer: site.timer }
  })
  afterAll(() => site[Symbol.asyncDispose]())

  /** A user with published moods. */
  async function published(count: number): Promise<{ user: string; moods: Mood[] }> {
    const user = `u${++users}`
    await site.app.accounts.signUp(user, `audited-${users}`)
    for (let i = 0; i < count; i++) await site.app.moods.post(user, { mood: `mood ${i}` })
    await site.app.engine.drain()
    return { user, moods: [...(await site.app.store.moods.history(user, null, 1000))] }
  }

  async function found(user: string, modernise = false): Promise<Partial<Record<FindingKind, number>>> {
    const result = await auditUser(deps, user, { modernise })
    if (result.kind !== 'audited') throw new Error(result.kind)
    return countKinds(result.audit.findings)
  }

  async function repair(user: string, kinds: readonly FindingKind[] = REPAIRED, modernise = false): Promise<void> {
    await repairUser(deps, user, { kinds, modernise })
    await site.app.engine.drain()
    site.forward(20_000)
    await site.app.engine.drain()
  }

  it('an audit of a correct repo finds nothing', async () => {
    const { user } = await published(5)
    const result = await auditUser(deps, user, { verify: true })
    expect(result).toMatchObject({
      kind: 'audited',
      audit: { findings: [], counts: { moods: 5, records: 5, synced: 5 } },
    })
  })

  it.each(REPAIRABLE)('an audit finds exactly what is %s, and a repair mends it', async (kind) => {
    const { user, moods } = await published(4)
    await damage(site.app, kind, moods[1]!)
    expect(await found(user)).toEqual({ [kind]: 1 })
    await repair(user, REPAIRABLE)
    expect(await found(user)).toEqual({})
    const records = await listRecords(site.app.pdsUrl, (await readyAccount(site.app, user)).did)
    expect(records).toHaveLength(kind === 'leaked' ? 3 : 4)
    expect(new Set(records.map(({ value }) => value['mongoId'])).size).toBe(records.length)
  })

  it.each(REPAIRABLE)(
    'an audit finds what is %s also where federation leaves the author out, and a repair mends it once that has ended',
    async (kind) => {
      const { user, moods } = await published(3)
      await damage(site.app, kind, moods[1]!)
      const { did } = await readyAccount(site.app, user)
      const before = await listRecords(site.app.pdsUrl, did)
      await federate(site.app.store, { mode: 'off' })
      await site.app.moods.post(user, { mood: 'never published' })
      await site.app.engine.drain()
      expect(await found(user)).toEqual({ [kind]: 1 })
      const mustGo = ['leaked', 'stray', 'foreign', 'unreadable'].includes(kind)
      for (let time = 0; time < 3; time++) await repair(user, REPAIRABLE)
      expect(await found(user)).toEqual(mustGo ? {} : { [kind]: 1 })
      const after = await listRecords(site.app.pdsUrl, did)
      expect(after).toHaveLength(before.length - (mustGo ? 1 : 0))
      expect(before).toEqual(expect.arrayContaining([...after]))
      expect(await auditUser(deps, user)).toMatchObject({ audit: { counts: { held: 1, kept: 0 } } })
      await federate(site.app.store, { mode: 'on' })
      await site.app.engine.drain()
      await repair(user, REPAIRABLE)
      expect(await found(user)).toEqual({})
    },
  )

  it('history waits for a backfill: it is no finding, a repair leaves it, and a backfill publishes it', async () => {
    const { user } = await published(1)
    await federate(site.app.store, { mode: 'off' })
    for (const mood of ['old', 'older']) await site.app.moods.post(user, { mood })
    await site.app.engine.drain()
    for (const mood of await site.app.store.moods.history(user, null, 10)) {
      const { rkey, uri, cid, attempts } = mood.sync
      if (cid === null) await saveRow(site.app, { ...mood, sync: unseen({ rkey, uri, cid, attempts }) })
    }
    for (const mode of ['off', 'on'] as const) {
      await federate(site.app.store, { mode })
      const counts = { moods: 3, history: 2, synced: 1, held: 0 }
      expect(await auditUser(deps, user)).toMatchObject({ audit: { findings: [], counts } })
      await repair(user)
      expect(await found(user)).toEqual({})
    }
    const report = await backfillUser(site.app, user, { delayMs: 0, execute: true }, quiet, never)
    expect(report).toMatchObject({ migrated: 2, already: 1, failed: 0 })
    expect(await auditUser(deps, user)).toMatchObject({ audit: { findings: [], counts: { history: 0, synced: 3 } } })
  })

  it('a repair leaves foreign and unreadable records unless told otherwise', async () => {
    const { user, moods } = await published(2)
    await damage(site.app, 'foreign', moods[0]!)
    await damage(site.app, 'unreadable', moods[0]!)
    await repair(user)
    expect(await found(user)).toEqual({ foreign: 1, unreadable: 1 })
  })

  it('kept records and moods in flight are counted, and are no findings', async () => {
    const { user, moods } = await published(3)
    await site.app.moods.delete(user, moods[0]!.id, 'keep')
    await site.app.engine.drain()
    await site.app.moods.post(user, { mood: 'on its way' })
    const result = await auditUser(deps, user)
    expect(result).toMatchObject({ audit: { findings: [], counts: { kept: 1, inFlight: 1, synced: 2 } } })
  })

  it('records of the legacy form are adopted, and rewritten only when told to', async () => {
    const { user, moods } = await published(2)
    const [mood] = moods
    await damage(site.app, 'missing', mood!)
    const older = { mood: mood!.text, when: new Date(mood!.when).toISOString(), ref: mood!.id }
    const rkey = await putRecord(site.app, user, older)
    expect(await found(user)).toEqual({ unlinked: 1 })
    await repair(user)
    expect(await found(user)).toEqual({})
    expect((await site.app.store.moods.byId(mood!.id))!.sync).toMatchObject({ state: 'published', rkey })
    const result = await auditUser(deps, user)
    expect(result).toMatchObject({ audit: { counts: { legacy: 1, synced: 1 } } })
    expect(await found(user, true)).toEqual({ drift: 1 })
    await repair(user, REPAIRED, true)
    expect(await found(user, true)).toEqual({})
    const modern = await recordOf(site.app, (await site.app.store.moods.byId(mood!.id))!)
    expect(modern).toMatchObject({ text: mood!.text, mongoId: mood!.id })
  })

  it('a repair keeps the correct copy of a mood whose every reference is lost', async () => {
    const { user, moods } = await published(1)
    const [mood] = moods
    for (let i = 0; i < 5; i++) await damage(site.app, 'duplicate', mood!)
    await damage(site.app, 'drift', mood!)
    await saveRow(site.app, unlinked(mood!))
    expect(await found(user)).toEqual({ unlinked: 1, duplicate: 5 })
    await repair(user)
    expect(await found(user)).toEqual({})
    const records = await listRecords(site.app.pdsUrl, (await readyAccount(site.app, user)).did)
    expect(records.map(({ value }) => value['text'])).toEqual([mood!.text])
  })

  it('an unreadable repo is reported as unreadable, and a repair does nothing there', async () => {
    const { user } = await published(2)
    const account = await readyAccount(site.app, user)
    await site.app.store.accounts.save({ ...account, did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' })
    expect(await auditUser(deps, user)).toMatchObject({ kind: 'unreadable', code: 'RepoNotFound' })
    const accounts = await chosenAccounts(site.app.store, [user], 1)
    const summary = await survey(deps, accounts, {}, quiet, never)
    expect(summary).toMatchObject({ unreadable: 1, clean: 0, findings: { unreadable: 1 } })
    const broken = await readyAccount(site.app, user)
    await site.app.store.accounts.save({ ...broken, did: account.did })
  })

  it('an incremental audit skips what has not changed, and nothing else', async () => {
    const all = [await published(2), await published(2), await published(2), await published(2)]
    const accounts = await chosenAccounts(
      site.app.store,
      all.map(({ user }) => user),
      10,
    )
    const audited = async (): Promise<string[]> => {
      const names: string[] = []
      site.forward(1)
      await survey(
        deps,
        accounts,
        { incremental: true },
        ({ user }, result) => {
          if (result !== 'unchanged') names.push(user)
        },
        never,
      )
      return names.toSorted()
    }
    const [a, b, c] = all.map(({ user }) => user)
    expect(await audited()).toHaveLength(4)
    expect(await audited()).toEqual([])
    site.forward(1000)
    // The repo of one changes, the rows of another, and a third has found something.
    await damage(site.app, 'stray', all[0]!.moods[0]!)
    await site.app.moods.post(b!, { mood: 'new' })
    expect(await audited()).toEqual([a, b].toSorted())
    await site.app.engine.drain()
    await damage(site.app, 'unlinked', all[2]!.moods[0]!)
    site.forward(1000)
    await site.app.store.moods.save([unlinked((await site.app.store.moods.byId(all[2]!.moods[1]!.id))!)], site.now())
    expect(await audited()).toEqual([a, b, c].toSorted())
  })

  it('an incremental audit looks again where federation held moods, and the policy has changed since', async () => {
    const { policy } = site.app.store
    const [holding, calm] = [await published(1), await published(1)]
    await federate(site.app.store, { mode: 'off' })
    await site.app.moods.post(holding.user, { mood: 'held' })
    await site.app.engine.drain()
    const accounts = await chosenAccounts(site.app.store, [holding.user, calm.user], 10)
    const looked = async (): Promise<string[]> => {
      const names: string[] = []
      const each = ({ user }: { user: string }, result: unknown): void =>
        void (result !== 'unchanged' && names.push(user))
      site.forward(1)
      await survey(deps, accounts, { incremental: true }, each, never)
      return names
    }
    expect(await looked()).toHaveLength(2)
    expect(await looked()).toEqual([])
    site.forward(1000)
    await policy.save({ ...(await policy.get())!, policy: { mode: 'on', percent: 0, allow: [] }, at: site.now() })
    expect(await looked()).toEqual([holding.user])
    await site.app.engine.drain()
  })

  it('random damage is found, repaired and gone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...REPAIRABLE), { minLength: 1, maxLength: 8 }), async (kinds) => {
        const { user, moods } = await published(kinds.length + 2)
        for (const [i, kind] of kinds.entries()) await damage(site.app, kind, moods[i]!)
        const expected: Partial<Record<FindingKind, number>> = {}
        for (const kind of kinds) expected[kind] = (expected[kind] ?? 0) + 1
        expect(await found(user)).toEqual(expected)
        await repair(user, REPAIRABLE)
        expect(await found(user)).toEqual({})
        const { did } = await readyAccount(site.app, user)
        expect(await differences(site.app.pdsUrl, site.dataFolder, [did])).toEqual([])
      }),
      { numRuns: 8, seed: Number(process.env['SEED'] ?? 7) },
    )
  })

  it('a backfill publishes what the engine has never seen, notes existing records, and is idempotent', async () => {
    const { user, moods } = await published(6)
    for (const mood of moods.slice(0, 3)) await damage(site.app, 'missing', mood)
    await damage(site.app, 'unlinked', moods[3]!)
    await damage(site.app, 'stray', moods[4]!)
    await site.app.moods.post(user, { mood: 'mine alone', isPrivate: true })
    const run = (execute: boolean) => {
      return backfillUser(site.app, user, { delayMs: 0, execute }, quiet, never)
    }
    const skipped = { private: 1, deleted: 0, tooLong: 0, noAccount: 0, other: 0 }
    expect(await run(false)).toMatchObject({ total: 7, migrated: 4, already: 2, failed: 0, skipped })
    expect(await run(true)).toMatchObject({ total: 7, migrated: 4, already: 2, failed: 0, skipped })
    expect(await run(true)).toMatchObject({ total: 7, migrated: 0, already: 6, failed: 0 })
    // What a backfill is not about is left to a repair.
    expect(await found(user)).toEqual({ stray: 1 })
    expect(await backfillUser(site.app, 'nobody', { delayMs: 0, execute: true }, quiet, never)).toMatchObject({
      total: 0,
      reason: { code: 'no_account' },
    })
  })
})
