/** `moods show`: everything about one thing, by whatever name an operator has of it, on a real PDS. */

import { describe, expect, it } from 'vitest'
import { logId } from '../../src/domain/log-id.ts'
import { COLLECTION, uriOf } from '../../src/domain/record.ts'
import { isWhole, needsSomebody, show, type Shown } from '../../src/operate/show.ts'
import { showMood, type ShownMood } from '../../src/operate/show-mood.ts'
import type { ShownUser } from '../../src/operate/show-user.ts'
import { findUsers } from '../../src/operate/users.ts'
import { federate } from '../support/policy.ts'
import { damage, putRecord, readyAccount, saveRow, unlinked } from '../support/damage.ts'
import { recordedLog } from '../support/events.ts'
import { runMoods } from '../support/process.ts'
import { takeDown } from '../support/repo.ts'
import { postMany, signedUpSite } from '../support/signed-up.ts'
import type { Site } from '../support/site.ts'
import { aliveWorker } from '../support/workers.ts'

const never = new AbortController().signal

function shown(site: Site, name: string): Promise<readonly Shown[]> {
  return show(site.app, name, { withWords: false }, () => {}, never)
}

async function shownMood(site: Site, id: string): Promise<ShownMood> {
  const mood = (await site.app.store.moods.byId(id))!
  return showMood(site.app, mood, false)
}

async function shownUser(site: Site, user = 'u1'): Promise<ShownUser> {
  const [first] = await shown(site, user)
  if (first?.kind !== 'user') throw new Error(`${user} is no user`)
  return first
}

describe('moods show', () => {
  it('finds a user by handle, sub, DID, the URI of the repository, and the name in the log', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { did } = await readyAccount(site.app, 'u1')
    const onThePds = ['alice.test', '@alice.test', '@Alice.test', 'at://alice.test', 'at://ALICE.test']
    for (const name of ['@alice', '@Alice', 'alice', 'u1', did, `at://${did}`, ...onThePds, logId('u1')]) {
      const found = await shown(site, name)
      expect([name, found.map((each) => each.kind === 'user' && each.user)]).toEqual([name, ['u1']])
    }
    expect(await findUsers(site.app.store, ['alice.test', '@ALICE.test', '@bob.test'])).toEqual(['u1', 'u1', 'u2'])
    await expect(shown(site, 'alcie.test')).rejects.toThrow(
      'there is nothing called alcie.test here: did you mean @alice (u1)?\ngive the @handle, handle on the PDS',
    )
    expect(await shownUser(site)).toMatchObject({
      handle: 'alice',
      account: { state: 'ready', did, pdsHandle: 'alice.test' },
      reason: { code: 'account_ready' },
      network: {
        identity: { value: { kind: 'known', handle: 'alice.test', pds: site.app.pdsUrl } },
        repo: { value: { active: true, status: null } },
        handle: { value: 'alice.test' },
      },
      erasure: null,
    })
  })

  it('finds a mood by its id and by the URI of its record, with row and record side by side', async () => {
    await using site = await signedUpSite()
    const [id] = await postMany(site, 2)
    const { did } = await readyAccount(site.app, 'u1')
    const { sync, version } = (await site.app.store.moods.byId(id!))!
    for (const name of [id!, uriOf(did, sync.rkey)]) {
      const [found] = await shown(site, name)
      expect(found).toMatchObject({
        kind: 'mood',
        mood: { id, user: 'u1', ordinal: 1, version },
        handle: 'alice',
        reason: { code: 'published' },
        desired: { kind: 'record', cid: sync.cid },
        record: { kind: 'there', cid: sync.cid, moodId: id },
        isDesired: true,
        finding: null,
      })
      expect([isWhole(found!), needsSomebody(found!)]).toEqual([true, false])
    }
  })

  it('shows in which fields a record differs, and what an audit would call that', async () => {
    await using site = await signedUpSite()
    const [drifted, dangling, leaked, missing] = await postMany(site, 4)
    const { app } = site
    const damaged = async (kind: Parameters<typeof damage>[1], id: string): Promise<ShownMood> => {
      await damage(app, kind, (await app.store.moods.byId(id))!)
      return shownMood(site, id)
    }
    expect(await damaged('drift', drifted!)).toMatchObject({ isDesired: false, differs: ['text'], finding: 'drift' })
    expect(await damaged('dangling', dangling!)).toMatchObject({ record: { kind: 'none' }, finding: 'dangling' })
    const found = await damaged('leaked', leaked!)
    expect(found).toMatchObject({ desired: { kind: 'absent' }, record: { kind: 'there' }, finding: 'leaked' })
    expect(needsSomebody(found)).toBe(true)
    expect(await damaged('missing', missing!)).toMatchObject({
      finding: 'missing',
      reason: { code: 'out_of_step', remedy: 'Repair it: "moods repair @alice --execute".' },
    })
  })

  it('compares a record also where federation leaves its author out, and says what keeps a repair from it', async () => {
    await using site = await signedUpSite()
    const [drifted, right] = await postMany(site, 2)
    await federate(site.app.store, { mode: 'off' })
    const { mood: held } = await site.app.moods.post('u1', { mood: 'while it is off' })
    await site.app.engine.drain()
    await damage(site.app, 'drift', (await site.app.store.moods.byId(drifted!))!)
    const found = await shownMood(site, drifted!)
    expect(found).toMatchObject({
      desired: { kind: 'hold', reason: 'federation_off' },
      isDesired: false,
      differs: ['text'],
      finding: 'drift',
      reason: {
        code: 'out_of_step',
        text: 'the record in the repository differs from it',
        remedy: expect.stringMatching(
          /^A repair leaves it as it is, because federation leaves the author out\. .*"moods federation status"/,
        ),
      },
    })
    expect(needsSomebody(found)).toBe(true)
    expect(await shownMood(site, right!)).toMatchObject({ isDesired: true, finding: null })
    expect(await shownMood(site, held.id)).toMatchObject({ finding: null, reason: { code: 'federation_off' } })
    const { stdout } = await runMoods(['show', drifted!], site.env)
    expect(stdout).toMatch(/^finding +drift$/m)
    expect(stdout).not.toContain('Nothing has to be done')
  })

  it('shows a record that is no mood’s own, and the mood that it names', async () => {
    await using site = await signedUpSite()
    const { did } = await readyAccount(site.app, 'u1')
    const rkey = await putRecord(site.app, 'u1', { text: 'x', createdAt: new Date().toISOString(), mongoId: 'm1' })
    expect(await shown(site, uriOf(did, rkey))).toMatchObject([{ kind: 'record', rkey, record: { moodId: 'm1' } }])
    expect(await shown(site, uriOf(did, '2222222222222'))).toMatchObject([{ kind: 'record', record: { kind: 'none' } }])
  })

  it('shows the row when the PDS does not answer, and says so', async () => {
    await using site = await signedUpSite()
    const [id] = await postMany(site, 1)
    await site.pds.down()
    for (const name of ['alice.test', '@alice.test', 'at://alice.test']) {
      expect([name, await shown(site, name)]).toMatchObject([name, [{ kind: 'user', user: 'u1' }]])
    }
    await expect(shown(site, 'nobody.test')).rejects.toThrow('the PDS does not tell whose handle nobody.test is')
    const { mood: waiting } = await site.app.moods.post('u1', { mood: 'while it is down' })
    expect((await shownMood(site, waiting.id)).reason.code).toBe('no_worker')
    await aliveWorker(site)
    await site.app.engine.drain()
    const mood = await shownMood(site, id!)
    expect(mood).toMatchObject({ mood: { sync: { state: 'published' } }, record: { kind: 'unread' }, finding: null })
    expect(isWhole(mood)).toBe(false)
    const { reason } = await shownMood(site, waiting.id)
    expect(reason).toMatchObject({
      code: 'pds_silent',
      text: expect.stringMatching(/^the PDS does not answer, since 20/),
    })
    const user = await shownUser(site)
    expect(user).toMatchObject({
      moods: { published: 1, pending: 1 },
      waiting: [{ state: 'pending', code: 'pds_silent', moods: 1, oldest: { id: waiting.id } }],
    })
    expect(user.network?.repo.code).not.toBeNull()
    expect(user.blocked.host).toBeGreaterThan(site.now())
    expect(isWhole(user)).toBe(false)
  })

  it('groups the moods of a user by what is in the way, the most first', async () => {
    await using site = await signedUpSite(['alice'], { env: { PDS_RATE_LIMITS: 'on' } })
    const { app } = site
    const ids = await postMany(site, 3)
    await saveRow(app, unlinked((await app.store.moods.byId(ids[0]!))!))
    await app.moods.post('u1', { mood: 'secret', isPrivate: true })
    await app.moods.post('u1', { mood: 'secret too', isPrivate: true })
    const user = await shownUser(site)
    expect(user).toMatchObject({
      moods: { local: 3, published: 2, pending: 0, withdrawn: 0, rejected: 0 },
      waiting: [
        { code: 'private', moods: 2 },
        { code: 'backfill', moods: 1, oldest: { id: ids[0] } },
      ],
    })
    const points = user.budgets.filter(({ budget }) => budget === 'points')
    expect(points.map(({ used }) => used > 0)).toEqual(points.map(() => true))
    expect(points.length).toBeGreaterThan(0)
  })

  it('tells of an account that the PDS refuses, and of a policy that leaves the author out', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    const { did } = await readyAccount(app, 'u1')
    await takeDown(app.pdsUrl, site.env['PDS_ADMIN_PASSWORD']!, did)
    const { mood } = await app.moods.post('u1', { mood: 'to an account taken down' })
    await app.engine.drain()
    expect((await shownMood(site, mood.id)).reason).toMatchObject({
      code: 'account_refused',
      remedy: expect.stringContaining('moods retry --reason AccountTakedown --execute'),
    })
    const user = await shownUser(site)
    expect(user).toMatchObject({
      account: { state: 'needs_attention', error: { code: 'AccountTakedown' } },
      network: { repo: { value: { active: false, status: 'takendown' } } },
    })
    expect(needsSomebody(user)).toBe(true)
    await federate(app.store, { mode: 'off' })
    const { mood: held } = await app.moods.post('u2', { mood: 'while publishing is off' })
    await app.engine.drain()
    expect((await shownMood(site, held.id)).reason.text).toMatch(
      /^federation is off, since .* by a test, which leaves the author out$/,
    )
  })

  it('resolves whatever name a line of the log has', async () => {
    const { log, take } = recordedLog()
    await using site = await signedUpSite(['alice', 'bob'], { overrides: { log } })
    const { app } = site
    await postMany(site, 1)
    const { receipt } = await app.erasures.request('u2')
    await app.engine.drain()
    const events = take()
    const users = new Set(events.flatMap(({ user }) => (typeof user === 'string' ? [user] : [])))
    const erasures = new Set(events.flatMap(({ erasure }) => (typeof erasure === 'string' ? [erasure] : [])))
    expect(erasures.size).toBe(1)
    const progress: number[] = []
    for (const name of [...users, ...erasures]) {
      // Nothing names an erased user any more.
      if (name === logId('u2')) continue
      const found = await show(app, name, { withWords: false }, (_, done) => progress.push(done), never)
      expect(found).toMatchObject([erasures.has(name) ? { kind: 'erasure', receipt } : { kind: 'user', user: 'u1' }])
    }
    expect(progress.length).toBeGreaterThan(0)
  })

  it('shows all things of one name', async () => {
    await using site = await signedUpSite()
    const [id] = await postMany(site, 1)
    await site.app.accounts.signUp(id!, 'carol')
    expect((await shown(site, id!)).map(({ kind }) => kind)).toEqual(['user', 'mood'])
  })
})

describe('moods show, as a process', () => {
  it('prints text for people, with the first words of public moods, and JSON without any', async () => {
    await using site = await signedUpSite()
    const { app } = site
    const { mood } = await app.moods.post('u1', {
      mood: 'the cat\u202E sat on the mat, and it stayed there all day long',
    })
    const { mood: secret } = await app.moods.post('u1', { mood: 'a secret', isPrivate: true })
    await app.engine.drain()
    const found = await runMoods(['show', mood.id], site.env)
    expect(found).toMatchObject({ code: 0, stderr: '' })
    expect(found.stdout).toContain('text      the cat sat on the mat, and it stayed th…\n')
    expect(found.stdout).toMatch(/^on PDS {4}bafy\w+ \(equal\)$/m)
    expect((await runMoods(['show', secret.id], site.env)).stdout).not.toContain('a secret')
    const json = await runMoods(['show', mood.id, '--json'], site.env)
    const at = expect.any(String)
    const thing = { kind: 'mood', id: mood.id, postedAt: at, firstPublishedAt: at, changedAt: at, version: 2 }
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, complete: true, things: [thing] })
    expect(json.stdout).not.toContain('the cat')
    const user = await runMoods(['show', '@alice'], site.env)
    expect(user.code).toBe(0)
    expect(user.stdout).toContain('moods     1 local, 1 published\n')
    expect(user.stdout).toContain('because   private moods never leave the database\n')
    expect((await runMoods(['show', '@alice', '--json'], site.env)).stdout).not.toMatch(/the cat|a secret/)
  })

  it('ends with 1 for what needs somebody, with 3 when the PDS does not answer, with 2 for an unknown name', async () => {
    await using site = await signedUpSite(['alice'], { env: { PDS_TIMEOUT_MS: '2000' } })
    const { app } = site
    const [id, other] = await postMany(site, 2)
    await damage(app, 'drift', (await app.store.moods.byId(id!))!)
    const drifted = await runMoods(['show', id!], site.env)
    expect([drifted.code, drifted.stdout]).toEqual([1, expect.stringContaining('"moods repair @alice --execute"')])
    await site.pds.down()
    const unread = await runMoods(['show', other!, '--json'], site.env)
    expect([unread.code, JSON.parse(unread.stdout)]).toMatchObject([
      3,
      { ok: false, complete: false, things: [{ row: { state: 'published' }, record: { kind: 'unread' } }] },
    ])
    for (const name of ['@nobody', 'did:plc:unknown', 'nothing', 'f'.repeat(12), `at://did:plc:x/${COLLECTION}/x`]) {
      const unknown = await runMoods(['show', name], site.env)
      expect([unknown.code, unknown.stdout]).toEqual([2, ''])
      expect(unknown.stderr).toMatch(/there is nothing called .+ here\n.*the receipt of an erasure/)
    }
  })

  it('shows an erasure by its receipt, while it waits and when it is done', async () => {
    await using site = await signedUpSite()
    const { app } = site
    await postMany(site, 1)
    await site.pds.down()
    const { receipt } = await app.erasures.request('u1')
    await app.engine.drain()
    await aliveWorker(site)
    const open = await runMoods(['show', receipt], site.env)
    expect(open.stdout).toContain('next      records deleted\n')
    expect(open.stdout).toMatch(/because {3}the PDS does not answer, since/)
    const user = await runMoods(['show', '@alice', '--json'], site.env)
    expect(JSON.parse(user.stdout)).toMatchObject({ things: [{ erasure: { receipt, next: 'records_deleted' } }] })
    await site.pds.up()
    site.forward(60_000)
    await app.engine.drain()
    const done = await runMoods(['show', receipt, '--json'], site.env)
    expect([done.code, JSON.parse(done.stdout)]).toMatchObject([
      0,
      { things: [{ user: null, next: null, reason: null }] },
    ])
  })
})

describe('moods audit, repair and backfill', () => {
  it('tell in words why moods are held, and why nothing is known of a repository, with the remedies', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    await postMany(site, 1)
    await app.moods.post('u1', { mood: 'a secret', isPrivate: true })
    const { did } = await readyAccount(app, 'u2')
    await takeDown(app.pdsUrl, site.env['PDS_ADMIN_PASSWORD']!, did)
    await app.moods.post('u2', { mood: 'to an account taken down' })
    await app.engine.drain()
    await app.moods.post('u3', { mood: 'of a user without an account' })
    const [audit, repair, backfill] = await Promise.all(
      ['audit', 'repair', 'backfill'].map((command) => runMoods([command], site.env)),
    )
    const refused = /@bob \(u2\): .*the PDS refuses the account \(\w+\)\. .*"moods retry --reason \w+ --execute"\./m
    for (const { stdout } of [audit!, repair!, backfill!]) {
      expect(stdout).toContain('  1 private: private moods never leave the database. Nothing has to be done.\n')
      expect(stdout).not.toContain('a secret')
    }
    for (const { stdout } of [audit!, backfill!]) expect(stdout).toMatch(refused)
    expect(backfill!.stdout).toContain('  1 held: the author has no account on a PDS yet. An account is made by')
    const json = await runMoods(['audit', '--json'], site.env)
    expect(JSON.parse(json.stdout)).toMatchObject({
      summary: { held: [{ code: 'private', moods: 1 }] },
      users: [{ handle: 'bob', result: 'unreadable', reason: { code: 'account_refused' } }],
    })
  })
})
