/** `status`, `federation`, `audit` and `show` count the same moods for the same reasons, and their numbers add up. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HoldReason } from '../../src/domain/sync.ts'
import { unseen } from '../../src/domain/sync.ts'
import { heldIn } from '../../src/domain/held.ts'
import { federationStatus } from '../../src/operate/federation.ts'
import { showUser } from '../../src/operate/show-user.ts'
import { auditUsers } from '../../src/operate/survey.ts'
import { saveRow } from '../support/damage.ts'
import { federate } from '../support/policy.ts'
import { runMoods } from '../support/process.ts'
import { signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'

const never = new AbortController().signal
const quiet = (): void => {}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

interface StatusDocument {
  readonly moods: Readonly<Record<string, number>>
  readonly total: number
  readonly deleted: number
  readonly held: readonly {
    readonly code: HoldReason
    readonly text: string
    readonly remedy: string
    readonly moods: number
  }[]
}

/**
 * - alice publishes, edits, hides, keeps and deletes; federation includes her;
 * - bob had published, and is left out now;
 * - carol signed up while federation left her out, so that no account was made;
 * - dave has no account at all, and is left out as well.
 */
describe('a site with moods of every kind', () => {
  let site: Site

  beforeAll(async () => {
    site = await signedUpSite(['alice', 'bob'], { env: { PDS_RATE_LIMITS: 'off' } })
    const { moods, accounts, engine, store } = site.app
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push((await moods.post('u1', { mood: `of alice ${i}` })).mood.id)
    for (let i = 0; i < 2; i++) await moods.post('u2', { mood: `of bob ${i}` })
    await engine.drain()
    await federate(store, { mode: 'allow', allow: ['alice'] })
    await moods.delete('u1', ids[0]!, 'keep')
    await moods.delete('u1', ids[1]!, 'withdraw')
    await moods.edit('u1', ids[2]!, { isPrivate: true })
    await moods.post('u1', { mood: 'a secret', isPrivate: true })
    for (let i = 0; i < 3; i++) await moods.post('u2', { mood: `of bob while he is left out ${i}` })
    const { mood: neverOut } = await moods.post('u2', { mood: 'deleted before it was published' })
    await engine.drain()
    await moods.delete('u2', neverOut.id, 'keep')
    // Noted as waiting for an account while nothing but that was missing; then the policy leaves her out.
    for (let i = 0; i < 4; i++) await moods.post('u3', { mood: `of carol ${i}` })
    await engine.drain()
    await accounts.signUp('u3', 'carol')
    for (let i = 0; i < 5; i++) await moods.post('u4', { mood: `of dave ${i}` })
    await engine.drain()
    for (const user of ['u1', 'u2', 'u4']) await history(user, {})
    await history('u1', { isPrivate: true })
    await history('u1', { deleted: { by: 'author', records: 'keep' } })
  }, 60_000)
  afterAll(() => site[Symbol.asyncDispose]())

  /** A mood as an existing database would have it. */
  async function history(user: string, fields: object): Promise<void> {
    const { mood } = await site.app.moods.post(user, {
      mood: `before the engine ${JSON.stringify(fields)}`,
      isPrivate: true,
    })
    const { rkey, attempts } = mood.sync
    await saveRow(site.app, {
      ...mood,
      isPrivate: false,
      ...fields,
      sync: unseen({ rkey, uri: null, cid: null, attempts }),
    })
  }

  async function statusOf(): Promise<StatusDocument> {
    return JSON.parse((await runMoods(['status', '--json'], site.env)).stdout) as StatusDocument
  }

  it('is counted alike by status, federation, audit and show', async () => {
    const status = await statusOf()
    const ofStatus = (code: HoldReason): number => status.held.find((held) => held.code === code)?.moods ?? 0
    const federation = await federationStatus(site.app, null, quiet, never)
    const { summary } = await auditUsers(site.app, [], {}, quiet, never)
    const ofAudit = heldIn(summary.counts)
    const users = await Promise.all(['u1', 'u2', 'u3', 'u4'].map((user) => showUser(site.app, user, quiet, never)))
    const ofShow = (code: HoldReason): number => {
      return sum(users.flatMap(({ waiting }) => waiting.filter((each) => each.code === code).map(({ moods }) => moods)))
    }
    expect([
      ofStatus('federation_off'),
      federation.moods.held.moods,
      ofAudit.federation_off,
      ofShow('federation_off'),
    ]).toEqual([7, 7, 7, 7])
    expect([ofStatus('no_account'), federation.moods.noAccount.moods, ofShow('no_account')]).toEqual([5, 5, 5])
    // An audit is of those who have an account: dave has none, and so is not in it.
    expect([ofStatus('backfill'), federation.moods.history.moods, ofAudit.backfill + 1, ofShow('backfill')]).toEqual([
      3, 3, 3, 3,
    ])
    expect([ofAudit.no_account, ofAudit.kept, summary.findings]).toEqual([0, 1, {}])
    const { moods, records: _, ...counts } = summary.counts
    expect(sum(Object.values(counts))).toBe(moods)
    expect(sum(users.slice(0, 3).map((user) => sum(Object.values(user.moods))))).toBe(moods)
    expect(sum(Object.values(federation.moods).map((extent) => extent.moods))).toBe(status.total)
  })

  it('has a status whose numbers add up', async () => {
    const { moods, total, deleted, held } = await statusOf()
    expect(sum(Object.values(moods))).toBe(total)
    expect(sum(held.map((each) => each.moods))).toBe(moods['local'])
    expect(deleted).toBe(4)
    const { stdout } = await runMoods(['status'], site.env)
    expect(stdout).toMatch(new RegExp(`^moods +${total}: ${moods['local']} local,`, 'm'))
    expect(stdout).toContain(`4 of these ${total} are deleted by their authors`)
    const lines = [...stdout.matchAll(/^ {2}(\d+) (?:private|held|waiting|deleted|kept):/gm)].map(([, n]) => Number(n))
    expect(sum(lines)).toBe(moods['local'])
    expect(stdout).not.toMatch(/\d kept:/)
  })

  it('says of moods that two reasons hold both, as each alone would not publish them', async () => {
    const { held } = await statusOf()
    const also = 'Authors whom federation leaves out have to be let in as well.'
    expect(held.filter(({ remedy }) => remedy.endsWith(also)).map(({ code }) => code)).toEqual([
      'no_account',
      'backfill',
    ])
    const dave = await showUser(site.app, 'u4', quiet, never)
    expect(dave.waiting.map(({ code, text }) => [code, text.endsWith('which leaves the author out')])).toEqual([
      ['no_account', true],
      ['backfill', true],
    ])
    const carol = await showUser(site.app, 'u3', quiet, never)
    expect(carol.waiting).toMatchObject([{ code: 'federation_off', moods: 4 }])
  })

  it('publishes what federation held as soon as it lets the author in, and makes the account for that', async () => {
    await federate(site.app.store, { mode: 'allow', allow: ['alice', 'carol'] })
    await site.app.engine.drain()
    const carol = await showUser(site.app, 'u3', quiet, never)
    expect([carol.account?.state, carol.moods.published, carol.waiting]).toEqual(['ready', 4, []])
  })
})
