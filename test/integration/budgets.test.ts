/** Keeping to the limits of a real PDS that enforces them, and leaving a dead one alone. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { isReady, newAccount, type ReadyAccount } from '../../src/domain/account.ts'
import { LEDGER } from '../../src/domain/budget.ts'
import { cidOf, COLLECTION, rkeyFor } from '../../src/domain/record.ts'
import { rejected } from '../../src/domain/sync.ts'
import { readyAccount } from '../support/damage.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { listRecords } from '../support/repo.ts'
import { createSite } from '../support/site.ts'
import { signedUpSite } from '../support/signed-up.ts'
import { runMoods } from '../support/process.ts'

const HOUR = 3_600_000

/** Records that the database knows nothing of, so many that the PDS counts their points. */
async function createElsewhere(app: App, user: string, count: number): Promise<void> {
  const account = await readyAccount(app, user)
  for (let i = 0; i < count; i += 200) {
    const writes = Array.from({ length: Math.min(200, count - i) }, (_, n) => {
      const value = { $type: COLLECTION, text: `${i + n}`, createdAt: '2026-01-01T00:00:00.000Z' }
      return { action: 'create' as const, cid: cidOf(value), rkey: rkeyFor(i + n, 'elsewhere', 0), value }
    })
    expect(await app.client.write(account, COLLECTION, writes, new AbortController().signal)).toMatchObject({
      kind: 'ok',
    })
  }
}

describe('points', () => {
  it('the points of an account are used up before the PDS refuses; the rest waits, a deletion goes through', async () => {
    await using site = await signedUpSite(['alice', 'bob'], {
      env: { POINTS_PER_HOUR: '20' },
      rateLimits: true,
      isHostKnown: true,
    })
    const { app } = site
    const ids = []
    // A single put costs 2 points, and 18 of the 20 are for creations.
    for (let i = 0; i < 12; i++) {
      ids.push((await app.moods.post('u1', { mood: `mood ${i}` })).mood.id)
      await app.engine.drain()
    }
    expect((await app.store.work.count()).states).toMatchObject({ published: 9, pending: 3 })
    await app.moods.post('u2', { mood: 'not held up' })
    await app.moods.delete('u1', ids[0]!, 'withdraw')
    await app.engine.drain()
    expect((await app.store.work.count()).states).toMatchObject({ published: 9, pending: 4 })
    site.forward(HOUR + 1000)
    await app.engine.drain()
    expect((await app.store.work.count()).states).toMatchObject({ published: 12, pending: 0, withdrawn: 1 })
    const { did } = (await app.store.accounts.byUser('u1'))!
    expect(await listRecords(app.pdsUrl, did!)).toHaveLength(11)
  })

  it('points that are too few for a whole batch let a part of it through, and the rest follows', async () => {
    await using site = await signedUpSite(['alice'], {
      env: { POINTS_PER_HOUR: '100' },
      rateLimits: true,
      isHostKnown: true,
    })
    const { app } = site
    for (let i = 0; i < 50; i++) await app.moods.post('u1', { mood: `mood ${i}` })
    await app.engine.drain()
    // 90 of the 100 points are for creations: 29 in batches cost 87, and one alone is a put for 2.
    expect((await app.store.work.count()).states).toMatchObject({ published: 30, pending: 20 })
    site.forward(HOUR + 1000)
    await app.engine.drain()
    expect((await app.store.work.count()).states).toMatchObject({ published: 50, pending: 0 })
    const { did } = (await app.store.accounts.byUser('u1'))!
    expect(await listRecords(app.pdsUrl, did!)).toHaveLength(50)
  })

  it('budgets are shared by all processes on one store', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await using worker = await startApp(folder.path, { role: 'worker' })
    const limits = [{ max: 10, windowMs: HOUR }]
    const reservation = { limits, cost: 1, share: 1, probeMs: 0 }
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 ? app : worker).store.ledger.reserve('k', reservation, 1000)),
    )
    expect(answers.filter((answer) => answer.waitUntil === null)).toHaveLength(10)
  })
})

describe('a 429 of the PDS', () => {
  it('a 429 pauses its account until the reset, and no other', async () => {
    await using site = await signedUpSite(['alice', 'bob'], {
      env: { PDS_RATE_LIMITS: 'off' },
      rateLimits: true,
      isHostKnown: true,
    })
    const { app } = site
    // Of the 5,000 points an hour, 1,600 creations by somebody else use 4,800: there are enough for 66 more.
    await createElsewhere(app, 'u1', 1600)
    for (let i = 0; i < 60; i++) await app.moods.post('u1', { mood: `mood ${i}` })
    await app.engine.drain()
    for (let i = 60; i < 100; i++) await app.moods.post('u1', { mood: `mood ${i}` })
    await app.engine.drain()
    const { states } = await app.store.work.count()
    expect(states.published).toBe(60)
    expect(states.pending).toBe(40)
    expect(states.rejected).toBe(0)
    await app.moods.post('u2', { mood: 'not held up' })
    await app.engine.drain()
    expect((await app.store.work.count()).states).toEqual({ ...states, published: states.published + 1 })
    site.forward(60_000)
    await app.engine.drain()
    expect((await app.store.work.count()).states.pending).toBe(states.pending)
  })
})

describe('logins', () => {
  it('the logins of an account are used up before the PDS refuses, and what needs one waits', async () => {
    await using site = await signedUpSite(['alice'], { env: { LOGINS_PER_5_MIN: '1' }, rateLimits: true })
    const { app } = site
    // Every token that is kept in memory has run out by our clock, and the stored ones are lost.
    site.forward(3 * HOUR)
    const published = async (by: App, text: string): Promise<number> => {
      await app.store.accounts.save({ ...(await app.store.accounts.byUser('u1'))!, sealedSession: null })
      await app.moods.post('u1', { mood: text })
      await by.engine.drain()
      return (await app.store.work.count()).states.published
    }
    expect(await published(app, 'the first login')).toBe(1)
    // It has no token in memory.
    const overrides = { clock: { now: () => site.now() } }
    await using other = await startApp(site.dataFolder, { role: 'command', env: site.env, overrides })
    expect(await published(other, 'a second one too many')).toBe(1)
    site.forward(6 * 60_000)
    await other.engine.drain()
    expect((await app.store.work.count()).states).toMatchObject({ published: 2, pending: 0 })
    expect((await app.store.accounts.byUser('u1'))?.state).toBe('ready')
  })
})

describe('a host that is dead', () => {
  it('a dead host costs one probe at a time, and other hosts are not held up', async () => {
    await using site = await signedUpSite()
    const { app } = site
    const alive = await app.store.accounts.byUser('u1')
    if (!isReady(alive)) throw new Error('no account')

    let requests = 0
    const dead = createServer((request) => {
      requests++
      request.socket.destroy()
    })
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve))
    const buried = { ...alive, pds: `http://127.0.0.1:${(dead.address() as AddressInfo).port}` }
    const read = (account: ReadyAccount) => app.client.get(account, 'a.b.c', '2222222222222')

    expect((await read(buried)).kind).toBe('uncertain')
    // From now on it is probed first, and nothing else is sent.
    for (let i = 0; i < 2; i++) expect((await read(buried)).kind).toBe('host_down')
    expect(requests).toBe(3)
    const refused = await Promise.all(Array.from({ length: 20 }, () => read(buried)))
    expect(new Set(refused.map((outcome) => outcome.kind))).toEqual(new Set(['later']))
    expect(requests).toBe(3)
    expect((await read(alive)).kind).toBe('ok')
    site.forward(60_000)
    await Promise.all(Array.from({ length: 20 }, () => read(buried)))
    expect(requests).toBe(4)
    await new Promise((resolve) => dead.close(resolve))
  })

  it('a dead host whose next answer is to wait has answered, and is left alone for as long as it asks', async () => {
    await using site = await signedUpSite()
    const { app } = site
    const alive = await app.store.accounts.byUser('u1')
    if (!isReady(alive)) throw new Error('no account')

    let isBack = false
    const host = createServer((request, response) => {
      if (!isBack) return void request.socket.destroy()
      const headers = { 'retry-after': '90', 'ratelimit-policy': '3000;w=300', 'content-type': 'application/json' }
      response.writeHead(429, headers).end('{"error":"RateLimitExceeded"}')
    })
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
    const pds = `http://127.0.0.1:${(host.address() as AddressInfo).port}`
    const read = () => app.client.get({ ...alive, pds }, 'a.b.c', '2222222222222')
    const entry = () => app.store.ledger.get(LEDGER.requests(pds))

    const start = site.now()
    for (let i = 0; i < 3; i++) await read()
    expect(await entry()).toMatchObject({ failures: 3, silentSince: start })
    site.forward(60_000)
    isBack = true
    const waits = { kind: 'later', afterMs: 90_000, scope: 'host' }
    expect(await read()).toMatchObject(waits)
    expect(await entry()).toMatchObject({ failures: 0, blockedUntil: site.now() + 90_000 })
    expect(await read()).toMatchObject({ ...waits, dead: false })
    await new Promise((resolve) => host.close(resolve))
  })
})

describe('requests', () => {
  it('are charged to their host, each one that is sent, whoever asks; the checks of an operator leave half to the engine', async () => {
    await using site = await createSite({ PDS_RATE_LIMITS: 'on', REQUESTS_PER_5_MIN: '20' })
    const { app } = site
    await using host = await countingHost()
    const account = {
      ...newAccount('u1', 'alice'),
      state: 'ready',
      did: `did:plc:${'a'.repeat(24)}`,
      pds: host.url,
    } as const
    const rkeys = ['2222222222222', '2222222222223', '2222222222224']
    expect((await app.client.read(account, 'a.b.c', rkeys)).kind).toBe('ok')
    expect((await app.client.get(account, 'a.b.c', rkeys[0]!)).kind).toBe('ok')
    expect(host.requests).toBe(4)
    // Half of 20 is 10: six more, although the engine may send sixteen.
    const checks = await Promise.all(Array.from({ length: 9 }, () => app.directory.repoStatus(host.url, account.did)))
    expect(checks.filter(({ kind }) => kind === 'later')).toHaveLength(3)
    expect(host.requests).toBe(10)
    // Three do not fit into two: none of them is sent.
    for (let i = 0; i < 8; i++) await app.client.get(account, 'a.b.c', rkeys[0]!)
    expect((await app.client.read(account, 'a.b.c', rkeys)).kind).toBe('later')
    expect(host.requests).toBe(18)
    expect((await app.client.read(account, 'a.b.c', rkeys.slice(1))).kind).toBe('ok')
    expect(host.requests).toBe(20)
  })

  it('of readers are few: one record is asked for once in some seconds, many take no more than their own budget', async () => {
    const env = { PDS_RATE_LIMITS: 'on', REQUESTS_PER_5_MIN: '100' }
    await using site = await signedUpSite(['alice'], { env })
    const { app } = site
    const ids: string[] = []
    for (let i = 0; i < 20; i++) ids.push((await app.moods.post('u1', { mood: `mood ${i}` })).mood.id)
    await app.engine.drain()
    const used = async (key: string) => (await app.store.ledger.get(key))?.windows[0]?.used ?? 0
    const sent = () => used(LEDGER.requests(app.pdsUrl))
    const before = await sent()
    const same = await Promise.all(Array.from({ length: 300 }, () => app.moods.record(ids[0]!, null)))
    expect(new Set(same.map(({ uri }) => uri)).size).toBe(1)
    expect((await sent()) - before).toBe(1)
    site.forward(6_000)
    await app.moods.record(ids[0]!, null)
    expect((await sent()) - before).toBe(2)

    const others = await Promise.allSettled(ids.slice(1).map((id) => app.moods.record(id, null)))
    const refused = others.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(19 - 8)
    for (const each of refused)
      expect(each).toMatchObject({ reason: { code: 'unavailable', message: 'too many records are read just now' } })
    expect((await sent()) - before).toBe(10)
    await app.moods.post('u1', { mood: 'not kept back' })
    await app.engine.drain()
    expect((await app.store.work.count()).states.published).toBe(21)
    // A changed mood is another question, and an operator's question is not theirs.
    site.forward(300_000)
    expect((await app.moods.record(ids[1]!, null)).value).toMatchObject({ text: 'mood 1' })
    await app.moods.edit('u1', ids[1]!, { intensity: 3 })
    await app.engine.drain()
    expect((await app.moods.record(ids[1]!, null)).value).toMatchObject({ intensity: 3 })
    expect(await used(LEDGER.readers(app.pdsUrl))).toBe(2)
    await app.client.get(await readyAccount(app, 'u1'), COLLECTION, '2222222222222')
    expect(await used(LEDGER.readers(app.pdsUrl))).toBe(2)
  })

  it('begin with a probe, charged as well, where the host has missed the last one', async () => {
    await using site = await createSite({ PDS_RATE_LIMITS: 'on', REQUESTS_PER_5_MIN: '20' })
    const { app } = site
    await using host = await countingHost()
    const key = LEDGER.requests(host.url)
    await app.store.ledger.unreachable(key, false, () => 1000, site.now())
    const repo = { did: `did:plc:${'a'.repeat(24)}`, pds: host.url }
    for (const sent of [2, 3]) {
      expect((await app.client.get(repo, 'a.b.c', '2222222222222')).kind).toBe('ok')
      expect(host.requests).toBe(sent)
      expect(await app.store.ledger.get(key)).toMatchObject({ failures: 0, windows: [{ used: sent }] })
    }
    // Nothing is asked of a host that has answered.
    expect((await app.client.reach(host.url)).kind).toBe('ok')
    expect(host.requests).toBe(3)
  })

  it('of the continuous check are a tenth of all, and none once half of all are used', async () => {
    await using site = await createSite({ PDS_RATE_LIMITS: 'on', REQUESTS_PER_5_MIN: '20' })
    await using host = await countingHost()
    const proving = site.app.client.until(new AbortController().signal, 'proving')
    const get = (client = proving) => client.get({ did: 'did:web:a.example', pds: host.url }, 'a.b.c', '2222222222222')
    for (const kind of ['ok', 'ok', 'later'] as const) expect(await get()).toMatchObject({ kind })
    expect(host.requests).toBe(2)
    site.forward(300_000)
    for (let i = 0; i < 10; i++) expect(await get(site.app.client)).toMatchObject({ kind: 'ok' })
    expect(await get()).toMatchObject({ kind: 'later', scope: 'host', afterMs: 300_000 })
    expect(await get(site.app.client)).toMatchObject({ kind: 'ok' })
    expect(host.requests).toBe(13)
  })

  it('for a whole repository may take long, as long as the host answers others meanwhile', async () => {
    await using site = await createSite({ PDS_TIMEOUT_MS: '300' })
    const account = { ...newAccount('u1', 'alice'), state: 'ready', did: `did:plc:${'a'.repeat(24)}` } as const
    let probes = 0
    const host = createServer((request, response) => {
      if (request.url?.includes('getRepo')) {
        const answer = () => response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' }).end('no CAR')
        return void setTimeout(answer, 2000)
      }
      if (request.url?.includes('describeServer')) probes++
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"did":"did:web:pds.example","availableUserDomains":[]}')
    })
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
    const pds = `http://127.0.0.1:${(host.address() as AddressInfo).port}`
    const compared = await site.app.client.compare({ ...account, pds }, 'a.b.c')
    expect(compared).toMatchObject({ kind: 'uncertain', code: 'CarMalformed', answered: true })
    expect(probes).toBe(1)
    host.closeAllConnections()
    await new Promise((resolve) => host.close(resolve))
  })

  it('to a PLC directory that does not answer say nothing about the PDS', async () => {
    await using site = await createSite()
    const { app } = site
    await using host = await countingHost()
    const account = {
      ...newAccount('u1', 'alice'),
      state: 'ready',
      did: `did:plc:${'a'.repeat(24)}`,
      pds: host.url,
    } as const
    // Neither PDS nor PLC directory of this site has been started.
    expect(await app.client.compare(account, 'a.b.c', { verify: true })).toMatchObject({
      kind: 'host_down',
      code: 'PlcUnreachable',
    })
    expect((await app.client.get(account, 'a.b.c', '2222222222222')).kind).toBe('ok')
  })
})

/** A host that has every record and nothing else, and counts how often it is asked. */
async function countingHost() {
  const host = {
    requests: 0,
    url: '',
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  }
  const server = createServer((request, response) => {
    host.requests++
    const { searchParams } = new URL(request.url!, host.url)
    const uri = `at://${['repo', 'collection', 'rkey'].map((name) => searchParams.get(name)).join('/')}`
    const isRecord = request.url!.startsWith('/xrpc/com.atproto.repo.getRecord')
    const body = isRecord ? { uri, value: { $type: 'a.b.c' } } : { error: 'InvalidRequest', message: '' }
    const headers = { 'content-type': 'application/json', connection: 'close' }
    response.writeHead(isRecord ? 200 : 400, headers).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  host.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return host
}

describe('moods retry', () => {
  it('moods retry reports what it would put back to work, and does it with --execute', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { app } = site
    const { mood } = await app.moods.post('u1', { mood: 'too bad' })
    const next = rejected(mood.sync, { code: 'InvalidRequest', message: 'no', at: 0 })
    await app.store.work.settle([{ id: mood.id, version: 1, next }], 0)
    const bob = (await app.store.accounts.byUser('u2'))!
    await app.store.accounts.save({
      ...bob,
      state: 'needs_attention',
      error: { code: 'AccountTakedown', message: 'no', at: 0 },
    })
    await app.engine.drain()

    const env = environment(site.dataFolder)
    const run = async (...args: string[]) =>
      JSON.parse((await runMoods(['retry', '--json', ...args], env)).stdout) as object
    const { stdout } = await runMoods(['status'], env)
    expect(stdout).toContain('1 rejected: InvalidRequest')
    expect(stdout).toContain('1 account needs attention: AccountTakedown')
    expect(await run()).toMatchObject({ executed: false, moods: 1, accounts: 1 })
    expect(await run('--reason', 'Other', '--execute')).toMatchObject({
      ok: false,
      error: {
        code: 'usage',
        message: expect.stringMatching(/Other; the reasons are AccountTakedown, InvalidRequest$/),
      },
    })
    expect(await run('--reason', 'InvalidRequest', '--execute')).toMatchObject({
      executed: true,
      moods: 1,
      accounts: 0,
    })
    expect(await run('--execute')).toMatchObject({ executed: true, moods: 0, accounts: 1 })
    site.forward(60_000)
    await app.engine.drain()
    expect((await app.store.work.count()).states).toMatchObject({ published: 1, rejected: 0 })
    expect((await app.store.accounts.count()).states).toMatchObject({ ready: 2, needs_attention: 0 })
  })
})
