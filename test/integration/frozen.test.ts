/** Hosts that do not answer, down or frozen (they accept connections, and say nothing): what commands do and say. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { newAccount, opened } from '../../src/domain/account.ts'
import { LEDGER } from '../../src/domain/budget.ts'
import type { AccountCheck } from '../../src/operate/account-check.ts'
import type { ErasedUser } from '../../src/operate/erase.ts'
import type { Provision } from '../../src/operate/provision.ts'
import type { LiveStep } from '../../src/operate/test-record.ts'
import { frozenHost } from '../support/frozen.ts'
import { runMoods } from '../support/process.ts'
import { signedUpSite } from '../support/signed-up.ts'
import { createSite } from '../support/site.ts'

const DID = `did:plc:${'a'.repeat(24)}`

/** A user whose account is on this PDS. */
async function addUser({ store, moods }: App, user: string, pds: string): Promise<void> {
  await store.accounts.claimHandle(user, 'alice')
  await store.accounts.add(opened(newAccount(user, 'alice'), DID, pds, 'sealed'))
  await moods.post(user, { mood: 'nobody else may know' })
}

async function timed<T>(work: () => Promise<T>): Promise<T & { readonly seconds: number }> {
  const started = performance.now()
  return { ...(await work()), seconds: (performance.now() - started) / 1000 }
}

describe('a PDS that accepts connections and never answers', () => {
  it('is given up within seconds, and said to be silent since the first request that it missed, at every look', async () => {
    await using site = await createSite()
    await using host = await frozenHost()
    await addUser(site.app, 'u1', host.url)
    const audit = () => timed(() => runMoods(['audit', '--json'], site.env))
    const silentOf = ({ stdout }: { readonly stdout: string }) =>
      (JSON.parse(stdout) as { summary: { silent: { url: string; since: string }[] } }).summary.silent
    const started = Date.now()
    const first = await audit()
    const second = await audit()
    expect([first.code, second.code]).toEqual([3, 3])
    // A whole repository may take a minute.
    expect(Math.max(first.seconds, second.seconds)).toBeLessThan(25)
    expect(silentOf(first)).toEqual([{ what: 'PDS', url: host.url, since: expect.any(String) }])
    expect(Date.parse(silentOf(first)[0]!.since)).toBeGreaterThanOrEqual(started)
    expect(silentOf(second)).toEqual(silentOf(first))
    expect(await site.app.store.ledger.get(LEDGER.requests(host.url))).toMatchObject({ failures: expect.any(Number) })
  })

  it('keeps no text of a user who is erased, and the command says what it waits for, and ends', async () => {
    await using site = await createSite()
    const { app } = site
    const textsLeft: Promise<number>[] = []
    await using host = await frozenHost(() =>
      textsLeft.push(app.store.moods.history('u1', null, 9).then((all) => all.length)),
    )
    await addUser(app, 'u1', host.url)
    const { code, stdout, stderr, seconds } = await timed(() =>
      runMoods(['erase', '@alice', '--execute', '--json'], site.env),
    )
    expect(code).toBe(3)
    expect(seconds).toBeLessThan(40)
    expect(textsLeft.length).toBeGreaterThan(0)
    expect(new Set(await Promise.all(textsLeft))).toEqual(new Set([0]))
    expect(stderr).toContain(`Erasing @alice (u1): 1 mood, all records of ${DID}, the handle, `)
    const because = `the PDS at ${host.url} has not answered since `
    expect(stderr).toContain(`Waiting for "records deleted", because ${because}`)
    expect(stderr).toContain('Ctrl+C ends the wait; any worker resumes the erasure, and so does the same command.')
    const { erasure } = JSON.parse(stdout) as ErasedUser
    expect(erasure).toMatchObject({ state: 'waiting', reason: expect.stringContaining(because) })
    expect(erasure?.steps.map(({ step }) => step)).toEqual(['stopped', 'texts_removed'])
  })
})

describe('moods accounts check', () => {
  const check = async (env: Record<string, string>) => {
    const { code, stdout } = await runMoods(['accounts', 'check', '--json'], env)
    return { code, ...(JSON.parse(stdout) as AccountCheck) }
  }

  it('names a PLC directory that does not answer, and checks the rest of every account all the same', async () => {
    const plc = 'http://localhost:1'
    await using site = await signedUpSite(['alice', 'bob'], { env: { PLC_URL: plc } })
    const { accounts } = site.app.store
    const unknown = { checked: 2, notReached: 2, findings: [], stoppedAfter: null }
    const silent = [{ what: 'PLC directory', url: plc, since: expect.any(String) }]
    expect(await check(site.env)).toMatchObject({ code: 3, ...unknown, silent })
    const { stdout } = await runMoods(['accounts', 'check', '@alice'], site.env)
    expect(stdout).toMatch(/^The PLC directory at http:\/\/localhost:1 has not answered since /m)
    expect(stdout).toContain('Not everything is known of 1 of these accounts: check them again.')

    const bob = (await accounts.byUser('u2'))!
    await accounts.save({ ...bob, pdsHandle: 'somebody.test' })
    expect(await check(site.env)).toMatchObject({
      code: 1,
      ...unknown,
      findings: [{ user: 'u2', problem: 'handle_differs' }],
      silent,
    })
  })

  it('keeps what it has found when our own PDS does not answer', async () => {
    await using site = await signedUpSite(['alice', 'bob'])
    const { accounts } = site.app.store
    const error = { code: 'AccountTakedown', message: '', at: 1 }
    await accounts.save({ ...(await accounts.byUser('u1'))!, state: 'needs_attention', error })
    await site.pds.down()
    const { code, findings, silent, notReached } = await check(site.env)
    expect([code, notReached, findings.map(({ problem }) => problem)]).toEqual([1, 2, ['refused']])
    expect(silent.map(({ what }) => what).toSorted()).toEqual(['PDS', 'PLC directory'])
  })
})

describe('moods accounts provision', () => {
  it('gives up a PDS that falls silent on the way, and says how many accounts were not reached', async () => {
    let isFrozen = false
    const server = createServer((request, response) => {
      isFrozen ||= request.url?.includes('createAccount') === true
      if (isFrozen) return
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"did":"did:web:pds.example","availableUserDomains":[".test"]}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await using site = await createSite({ PDS_URL: url })
    for (const n of [1, 2, 3]) await site.app.store.accounts.claimHandle(`u${n}`, `user-${n}`)
    const { code, stdout, seconds } = await timed(() =>
      runMoods(['accounts', 'provision', '--execute', '--json'], site.env),
    )
    const { result } = JSON.parse(stdout) as Provision
    expect([code, result]).toMatchObject([3, { made: [], failed: [], notReached: 3, waiting: 3, silent: [{ url }] }])
    expect(seconds).toBeLessThan(40)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('moods doctor --live', () => {
  it('ends with 3 when the PDS does not even take the test record for want of an answer', async () => {
    await using site = await signedUpSite()
    await site.pds.down()
    const { code, stdout } = await runMoods(['doctor', '--live', '@alice', '--json'], site.env)
    const { steps } = JSON.parse(stdout) as { steps: LiveStep[] }
    expect(steps.find(({ name }) => name === 'write')).toMatchObject({ ok: false, answered: false })
    expect(code).toBe(3)
  })
})
