/** Audits, reports and backfills while the PDS is down or dying: what was known stays, and what was not reached is called that. */

import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isReady, type ReadyAccount } from '../../src/domain/account.ts'
import { backfill } from '../../src/operate/backfill.ts'
import { repair } from '../../src/operate/repair.ts'
import { launchReport } from '../../src/operate/report.ts'
import { rollback } from '../../src/operate/rollback.ts'
import { auditUsers, chosenAccounts, survey, type Summary } from '../../src/operate/survey.ts'
import type { StoredAudit } from '../../src/ports/store.ts'
import type { RepoClient } from '../../src/ports/pds.ts'
import { damage, readyAccount } from '../support/damage.ts'
import { frozenHost } from '../support/frozen.ts'
import { startApp } from '../support/installation.ts'
import { type Finished, runMoods } from '../support/process.ts'
import { createSite, type Site } from '../support/site.ts'

const DID = `did:plc:${'a'.repeat(24)}`
const never = new AbortController().signal
const quiet = (): void => {}

let site: Site
let users = 0

beforeAll(async () => {
  site = await createSite({ PDS_RATE_LIMITS: 'off' })
})
beforeEach(up)
afterAll(() => site[Symbol.asyncDispose]())

/** The PDS answers, and it is time to try it again. */
async function up(): Promise<void> {
  await site.pds.up()
  site.forward(60_000)
}

/** Users with published moods. */
async function published(howMany: number, moods: number): Promise<string[]> {
  const made: string[] = []
  for (let i = 0; i < howMany; i++) {
    const user = `u${++users}`
    made.push(user)
    await site.app.accounts.signUp(user, `looked-at-${users}`)
    for (let n = 0; n < moods; n++) await site.app.moods.post(user, { mood: `mood ${n}` })
  }
  // A PDS that was started again finds old connections closed at first.
  for (let left = made; left.length > 0; site.forward(60_000)) {
    await site.app.engine.drain()
    const accounts = await Promise.all(left.map((user) => site.app.store.accounts.byUser(user)))
    left = left.filter((_, i) => !isReady(accounts[i]!))
  }
  await site.app.engine.drain()
  return made
}

/**
 * The installation, where a silent host is waited for in no real time, with a count of the users whose repos were asked for.
 *
 * @param whenRead called between an answer and its use
 */
function counting(app = site.app, whenRead = async () => {}) {
  const asked = new Set<string>()
  const client: RepoClient = new Proxy(app.client, {
    get(target, name) {
      if (name === 'until') return () => client
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]): Promise<unknown> => {
        const answer: unknown = await Reflect.apply(method, target, args)
        if (name === 'compare') {
          asked.add((args[0] as ReadyAccount).user)
          await whenRead()
        }
        return answer
      }
    },
  })
  return { deps: { ...app, client, timer: site.timer }, asked }
}

async function audited(names: readonly string[], options = {}): Promise<Summary> {
  site.forward(1)
  return (await auditUsers(counting().deps, names, options, quiet, never)).summary
}

async function stored(user: string): Promise<StoredAudit> {
  return (await site.app.store.audits.of([user])).get(user)!
}

const down = (pds: string) => [{ what: 'PDS', url: pds, since: expect.any(Number) }]

describe('an audit', () => {
  it('keeps what was known of repos whose PDS is down, and says so', async () => {
    const [user, other] = (await published(2, 2)) as [string, string]
    await damage(site.app, 'missing', (await site.app.store.moods.history(user, null, 1))[0]!)
    expect(await audited([user])).toMatchObject({ audited: 1, findings: { missing: 1 }, lastKnown: null, silent: [] })
    const before = await stored(user)
    expect(before).toMatchObject({ good: { counts: { moods: 2, records: 1 } }, failed: null })

    await site.pds.down()
    site.forward(60_000)
    const first = await audited([user, other])
    expect(first).toMatchObject({
      users: 2,
      audited: 0,
      notReached: 2,
      unreadable: 0,
      clean: 0,
      findings: {},
      syncRate: null,
    })
    expect(first.silent).toEqual(down(site.app.pdsUrl))
    expect(first.lastKnown).toEqual({
      ...before.good,
      proof: undefined,
      at: undefined,
      rev: undefined,
      repos: 1,
      oldest: before.good!.at,
      newest: before.good!.at,
    })
    const { good, failed } = await stored(user)
    expect(good).toEqual(before.good)
    const later = await audited([user])
    expect(later.silent[0]!.since).toBe(first.silent[0]!.since)
    expect((await stored(user)).failed).toMatchObject({ since: failed!.since })
    expect(await stored(other)).toMatchObject({ good: null, failed: { since: expect.any(Number) } })

    await up()
    expect(await audited([user])).toMatchObject({ audited: 1, notReached: 0, findings: { missing: 1 } })
    expect((await stored(user)).failed).toBeNull()
  })

  it('of many repos on a PDS that is down asks for a few, and gives up the rest at once', async () => {
    const made = await published(24, 0)
    await site.pds.down()
    const { deps, asked } = counting()
    const { complete, summary, users: listed } = await auditUsers(deps, made, {}, quiet, never)
    expect([complete, summary.notReached, listed.length]).toEqual([false, 24, 24])
    expect(new Set(listed.map(({ result }) => result))).toEqual(new Set(['not_reached']))
    // Those that are looked at together.
    expect(asked.size).toBeLessThanOrEqual(3)
    const looks = await site.app.store.audits.of(made)
    expect(looks.size).toBeLessThanOrEqual(3)
  })

  it('keeps what it has read of a PDS that dies half way', async () => {
    const made = await published(12, 1)
    const accounts = await chosenAccounts(site.app.store, made)
    let read = 0
    let dying: Promise<void> | null = null
    const { deps } = counting()
    const each = async (): Promise<void> => {
      if (++read >= 4) await (dying ??= site.pds.down())
    }
    const summary = await survey(deps, accounts, {}, each, never)
    expect(summary.audited, JSON.stringify(summary)).toBeGreaterThanOrEqual(4)
    expect(summary.audited).toBeLessThan(12)
    expect(summary).toMatchObject({
      users: 12,
      unreadable: 0,
      clean: summary.audited,
      notReached: 12 - summary.audited,
    })
    expect(summary.silent).toEqual(down(site.app.pdsUrl))
  })

  it('waits no longer for a PDS that takes connections and never answers than for one repo', async () => {
    const made = await published(8, 0)
    await using frozen = await frozenHost()
    const { url } = frozen
    const move = async (pds: string): Promise<void> => {
      for (const user of made) await site.app.store.accounts.save({ ...(await readyAccount(site.app, user)), pds })
    }
    await move(url)
    // In real time: five seconds of silence.
    const env = { ...site.env, PDS_TIMEOUT_MS: '500' }
    await using app = await startApp(site.dataFolder, { role: 'command', env })
    const { deps, asked } = counting(app)
    const { summary } = await auditUsers({ ...deps, timer: app.timer }, made, {}, quiet, never)
    expect(summary).toMatchObject({ notReached: 8, silent: down(url) })
    expect(asked.size).toBe(3)
    await move(site.app.pdsUrl)
  })

  it('counts what it had not come to when it was stopped as not reached', async () => {
    const made = await published(9, 1)
    const stop = new AbortController()
    const onProgress = (_: string, done: number): void => {
      if (done === 2) stop.abort()
    }
    const { complete, summary, users: listed } = await auditUsers(counting().deps, made, {}, onProgress, stop.signal)
    expect([complete, summary.users, summary.audited + summary.notReached]).toEqual([false, 9, 9])
    expect(summary.notReached).toBeGreaterThan(3)
    expect(summary.unreadable).toBe(0)
    expect(listed.every(({ result }) => result === 'not_reached')).toBe(true)
  })

  it('that leaves out what is unchanged looks again at a repo whose last look failed', async () => {
    const made = (await published(2, 1)) as [string, string]
    await audited(made)
    site.forward(60_000)
    expect(await audited(made, { incremental: true })).toMatchObject({ unchanged: 2, audited: 0 })
    await site.pds.down()
    expect(await audited([made[0]])).toMatchObject({ notReached: 1 })
    await up()
    expect(await audited(made, { incremental: true })).toMatchObject({ unchanged: 1, audited: 1 })
    expect(await audited(made, { incremental: true })).toMatchObject({ unchanged: 2, audited: 0 })
    await site.pds.down()
    expect(await audited(made, { incremental: true })).toMatchObject({ unchanged: 0, notReached: 2 })
  })
})

describe('a report', () => {
  it('says that a PDS does not answer, and how old the numbers of its repos are', async () => {
    const made = await published(2, 1)
    await audited([made[0]!])
    const good = await launchReport(counting().deps, null, quiet, never)
    expect(good).toMatchObject({ complete: true, silent: [] })
    await site.pds.down()
    await audited(made)
    const { audited: known, unread, ...report } = await launchReport(counting().deps, null, quiet, never)
    expect(report).toMatchObject({ complete: false, silent: down(site.app.pdsUrl), moods: good.moods })
    expect(known).toEqual(good.audited)
    expect(unread).toMatchObject({ repos: expect.any(Number), neverRead: expect.any(Number) })
    expect(unread!.neverRead).toBeGreaterThan(0)
    expect(unread!.repos).toBeGreaterThan(unread!.neverRead)
  })

  it('counts no more users with an account than users, whatever they have, and since whenever', async () => {
    await published(2, 0)
    await published(1, 1)
    for (const since of [null, site.now() - 1, site.now() + 1]) {
      const numbers = await launchReport(counting().deps, since, quiet, never)
      const accounts = numbers.usersWithAccount + numbers.accountsWaiting + numbers.accountsNeedingAttention
      expect(accounts).toBeLessThanOrEqual(numbers.users)
    }
    const all = await launchReport(counting().deps, null, quiet, never)
    expect(all.usersWithAccount).toBe((await site.app.store.accounts.count()).states.ready)
  })
})

describe('a backfill, a repair and a rollback', () => {
  it('of a PDS that dies half way calls the rest not reached, and finishes when it is back', async () => {
    const [user] = (await published(1, 4)) as [string]
    for (const mood of await site.app.store.moods.history(user, null, 9)) await damage(site.app, 'missing', mood)
    const run = ({ deps }: ReturnType<typeof counting>) =>
      backfill(deps, [user], { delayMs: 0, execute: true }, quiet, quiet, never)
    // It finds what is missing, and nothing can be published.
    const cut = await run(counting(site.app, site.pds.down))
    expect(cut).toMatchObject({
      complete: false,
      silent: down(site.app.pdsUrl),
      overall: { migrated: 0, notReached: 4, failed: 0 },
    })
    expect(cut.lastKnown).toMatchObject({ repos: 1, findings: { missing: 4 } })
    await up()
    const rest = await run(counting())
    expect(rest).toMatchObject({ complete: true, silent: [], overall: { failed: 0, notReached: 0 } })
    expect(await audited([user])).toMatchObject({ findings: {}, counts: { synced: 4 } })
  })

  it('count users that they had not come to when they were stopped', async () => {
    const made = await published(12, 1)
    const stop = new AbortController()
    const onProgress = (what: string): void => {
      if (what === 'moods') stop.abort()
    }
    const { deps } = counting()
    const result = await backfill(deps, made, { delayMs: 1, execute: false }, quiet, onProgress, stop.signal)
    expect(result).toMatchObject({ complete: false, overall: { users: 1, usersNotBegun: 11, failed: 0 } })
  })

  it('do not take a PDS that is down for one that refuses', async () => {
    const [user] = (await published(1, 1)) as [string]
    await site.pds.down()
    const { deps } = counting()
    const found = await repair(deps, [user], { execute: true }, { onLeftOut: quiet, onDeletions: quiet }, quiet, never)
    expect(found).toMatchObject({ complete: false, ordered: {}, left: 0, before: { unreadable: 0, notReached: 1 } })
    const undo = { step: 'strip-references', undo: true, execute: true } as const
    const undone = await rollback(deps, undo, quiet, quiet, never)
    expect(undone).toMatchObject({ unreadable: 0, silent: down(site.app.pdsUrl) })
    expect(undone.notReached).toBe((await site.app.store.accounts.count()).states.ready)
  })
})

describe('the commands', () => {
  const run = (...args: string[]): Promise<Finished> => runMoods(args, site.env)
  const silent = expect.stringMatching(/The PDS at http\S+ has not answered since \S+Z \(/)

  it('end with 3, and with the last good numbers, when the PDS is down', async () => {
    const [user] = (await published(1, 1)) as [string]
    const report = `${site.dataFolder}-report.json`
    expect((await run('audit', user)).code).toBe(0)
    expect((await run('backfill', user, '--execute', '--report', report)).code).toBe(0)
    const good = readFileSync(report, 'utf8')
    await site.pds.down()
    const others = [
      ['repair'],
      ['accounts', 'check'],
      ['accounts', 'provision', '--execute'],
      ['lexicon', 'check', '--did', DID],
    ]
    const [audit, json, launch, backfilled, ...rest] = await Promise.all([
      run('audit', user),
      run('audit', user, '--json'),
      run('report'),
      run('backfill', user, '--execute', '--report', report),
      ...others.map((args) => run(...args)),
    ])
    expect([audit.code, audit.stdout]).toEqual([3, silent])
    expect(audit.stdout).toMatch(/not reached +1 of 1/)
    expect(audit.stdout).toMatch(/Last known of 1 of these, read \d+ s ago: 1 mood, 1 record, 1 in step, nothing found/)
    expect([launch.code, launch.stdout]).toEqual([3, silent])
    expect([backfilled.code, backfilled.stdout]).toEqual([3, silent])
    expect(backfilled.stdout).toMatch(/failed +0\n/)
    expect(backfilled.stdout).toMatch(/not reached +1\n/)
    // The report of the run that reached everything stays.
    expect(backfilled.stderr).toContain('stays')
    expect(readFileSync(report, 'utf8')).toBe(good)
    const beside = report.replace('.json', '.incomplete.json')
    expect(existsSync(beside) && JSON.parse(readFileSync(beside, 'utf8'))).toMatchObject({ complete: false })
    expect(rest.map(({ code }) => code)).toEqual([3, 3, 3, 3])
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([3, { ok: false, complete: false }])
  })
})
