/** `moods accounts`, as a process of its own, against the real PDS and PLC directory of a running server. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { isReady } from '../../src/domain/account.ts'
import type { AccountCheck } from '../../src/operate/account-check.ts'
import type { AccountList } from '../../src/operate/accounts.ts'
import type { Provision } from '../../src/operate/provision.ts'
import type { Sealed } from '../../src/operate/seal-passwords.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { hasTerminals, interruptOnTerminal, runMoods } from '../support/process.ts'
import { takeDown } from '../support/repo.ts'
import { federate } from '../support/policy.ts'
import { eventually, listRecords } from '../support/repo.ts'

/** Runs the command in the folder of a server. */
async function accounts<T>(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await runMoods(['accounts', ...args, '--json'], environment(folder, env))
  if (stdout === '') throw new Error(`moods accounts ${args.join(' ')} ended with ${code}: ${stderr}`)
  return { code, stderr, ...(JSON.parse(stdout) as T) }
}

/** A change that no use case makes. */
async function change(app: App, user: string, fields: Record<string, unknown>): Promise<void> {
  await app.store.accounts.save({ ...(await app.store.accounts.byUser(user))!, ...fields })
}

describe('moods accounts list', () => {
  it('lists who has moods and no account, and why an account was refused', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    await app.moods.post('u2', { mood: 'nobody knows me' })
    await app.store.accounts.claimHandle('u3', 'only-handle')
    await app.moods.post('u4', { mood: 'gone' }).then(({ mood }) => app.moods.delete('u4', mood.id, 'withdraw'))
    await app.engine.drain()
    await change(app, 'u1', { state: 'needs_attention', error: { code: 'AccountTakedown', message: '', at: 1 } })
    const all = await accounts<AccountList>(folder.path, ['list'])
    expect(all.code).toBe(0)
    expect(all.counts).toEqual({
      users: 4,
      withHandle: 2,
      withMoods: 1,
      without: 1,
      states: { none: 3, pending: 0, ready: 0, needsAttention: 1, odd: 0 },
    })
    expect(all.users[0]).toMatchObject({
      user: 'u1',
      handle: 'alice',
      state: 'needs_attention',
      did: expect.stringMatching(/^did:plc:/),
      reason: 'AccountTakedown',
    })
    const { users } = await accounts<AccountList>(folder.path, ['list', '--without'])
    expect(users).toEqual([
      { user: 'u2', handle: null, state: 'none', did: null, pdsHandle: null, reason: null, moods: 1 },
    ])
    const { stdout } = await runMoods(['accounts', 'list'], environment(folder.path))
    expect(stdout).toContain('4 users: 2 with a handle, 1 with moods, 1 of these without an account.')
    expect(stdout).toMatch(/^needs attention did:plc:\w+ +0 moods {2}@alice \(u1\) {2}AccountTakedown$/m)
  })
})

describe('moods accounts provision', () => {
  it('makes accounts with valid and distinct handles, and publishes their moods', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const { accounts: store } = app.store
    const handles = { u1: 'a_b', u2: 'a.b', u3: 'a-b', u4: 'Zoë.X', u5: 'admin', u6: 'ab' }
    for (const [user, handle] of Object.entries(handles)) await store.claimHandle(user, handle)
    await app.moods.post('u7', { mood: 'without a handle' })
    await app.moods.post('u1', { mood: 'with one' })

    const dry = await accounts<Provision>(folder.path, ['provision'])
    expect(dry).toMatchObject({ code: 0, executed: false, planned: { none: 7 }, result: null })
    expect(dry.stderr).toContain('Would make accounts for 7 users.')
    expect(await store.byUser('u1')).toBeNull()

    const one = await accounts<Provision>(folder.path, ['provision', 'u7', '--execute'])
    expect(one).toMatchObject({ code: 0, planned: { none: 1 }, result: { made: [{ user: 'u7' }], waiting: 0 } })
    const { code, result } = await accounts<Provision>(folder.path, ['provision', '--execute'])
    expect([code, result!.failed, result!.waiting]).toEqual([0, [], 0])
    const made = Object.fromEntries(result!.made.map(({ user, pdsHandle }) => [user, pdsHandle]))
    expect(made).toEqual({
      u1: expect.stringMatching(/^a-b-[0-9a-f]{4}\.test$/),
      u2: expect.stringMatching(/^a-b-[0-9a-f]{4}\.test$/),
      u3: 'a-b.test',
      u4: 'zoe-x.test',
      u5: expect.stringMatching(/^admin-[0-9a-f]{4}\.test$/),
      u6: expect.stringMatching(/^ab-[0-9a-f]{4}\.test$/),
    })
    expect((await store.byUser('u7'))!.pdsHandle).toMatch(/^user-[0-9a-f]{12}\.test$/)
    await app.engine.drain()
    for (const user of ['u1', 'u7']) {
      expect(await listRecords(app.pdsUrl, (await store.byUser(user))!.did!)).toHaveLength(1)
    }
    const again = await accounts<Provision>(folder.path, ['provision', '--execute'])
    expect(again).toMatchObject({ code: 0, planned: { none: 0 }, result: { made: [], failed: [] } })
    expect((await accounts<AccountCheck>(folder.path, ['check'])).findings).toEqual([])
  })

  it('reports why the PDS refused an account, and makes it once the reason is gone', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    for (const user of ['u1', 'u2']) await app.moods.post(user, { mood: 'here' })
    // The PDS takes no addresses that are made to be thrown away.
    const refusing = { ACCOUNT_EMAIL_DOMAIN: 'mailinator.com' }
    const { code, result } = await accounts<Provision>(folder.path, ['provision', '--execute'], refusing)
    expect([code, result!.made, result!.reasons]).toEqual([1, [], { InvalidRequest: 2 }])
    expect(result!.failed[0]).toMatchObject({ user: 'u1', message: expect.stringContaining('email') })
    const { users } = await accounts<AccountList>(folder.path, ['list', '--without'])
    expect(users.map(({ reason }) => reason)).toEqual(['InvalidRequest', 'InvalidRequest'])
    const after = await accounts<Provision>(folder.path, ['provision', '--execute'])
    expect(after).toMatchObject({ code: 0, planned: { refused: 2 }, result: { failed: [] } })
    expect(after.result!.made).toHaveLength(2)
  })

  it('stops on Ctrl+C between two accounts, and resumes when run again', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    for (let n = 1; n <= 60; n++) await app.store.accounts.claimHandle(`u${n}`, `user-${n}`)
    const ready = async () => (await app.store.accounts.count()).states.ready
    const child = spawn(process.execPath, ['bin/moods.js', 'accounts', 'provision', '--execute', '--json'], {
      env: { PATH: process.env['PATH'] ?? '', ...environment(folder.path) },
    })
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    const closed = once(child, 'close')
    await eventually('some', async () => (await ready()) >= 3)
    // Twice, as it arrives under npm: from the terminal, and from npm.
    child.kill('SIGINT')
    child.kill('SIGINT')
    await closed
    const { complete, result } = JSON.parse(stdout) as Provision & { readonly complete: boolean }
    expect([child.exitCode, complete, result!.failed]).toEqual([3, false, []])
    expect(await ready()).toBeLessThan(60)
    const again = await accounts<Provision>(folder.path, ['provision', '--execute'])
    expect([again.code, await ready()]).toEqual([0, 60])
  })

  it('stops as cleanly on the Ctrl+C of a terminal, with 3, or through npx with what the shell in between makes of it', async (context) => {
    if (!hasTerminals()) context.skip('there is no program that makes terminals on this machine')
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    for (let n = 1; n <= 120; n++) await app.store.accounts.claimHandle(`u${n}`, `user-${n}`)
    const ready = async () => (await app.store.accounts.count()).states.ready
    for (const [program, codes] of [
      [[process.execPath, 'bin/moods.js'], [3]],
      [
        ['npx', 'moods'],
        [3, 130],
      ],
    ] as const) {
      const before = await ready()
      const line = [...program, 'accounts', 'provision', '--execute', '--json']
      const some = () => eventually('some', async () => (await ready()) >= before + 3)
      const { code, output } = await interruptOnTerminal(line, environment(folder.path), some)
      expect(codes).toContain(code)
      expect(output).toContain('"complete": false')
      expect(await ready()).toBeLessThan(120)
    }
  })

  it('publishes nothing, makes accounts whatever federation says, and rejects unknown users', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.store.accounts.claimHandle('u1', 'alice')
    await app.moods.post('u1', { mood: 'waiting' })
    await app.moods.post('u2', { mood: 'waiting too' })
    const commits = async (user: string): Promise<number> => {
      const account = await app.store.accounts.byUser(user)
      return isReady(account) ? (await listRecords(app.pdsUrl, account.did)).length : -1
    }
    const on = await accounts<Provision>(folder.path, ['provision', '@alice', '--execute'])
    expect(on).toMatchObject({ code: 0, leftOut: 0, result: { made: [{ user: 'u1' }] } })
    expect([await commits('u1'), await commits('u2')]).toEqual([0, -1])
    await federate(app.store, { mode: 'off' })
    const off = await accounts<Provision>(folder.path, ['provision', '--execute'])
    expect(off).toMatchObject({ code: 0, leftOut: 1, result: { made: [{ user: 'u2' }] } })
    expect([await commits('u1'), await commits('u2')]).toEqual([0, 0])
    await federate(app.store, { mode: 'on' })
    await app.engine.drain()
    expect([await commits('u1'), await commits('u2')]).toEqual([1, 1])
    const { code, stderr } = await runMoods(['accounts', 'provision', '@nobody'], environment(folder.path))
    expect([code, stderr]).toEqual([2, expect.stringContaining('there is no user @nobody')])
  })

  it('exits with 3 when the PDS does not answer, and requests no account', async () => {
    await using folder = await temporaryFolder()
    {
      await using app = await startApp(folder.path, { role: 'serve' })
      await app.moods.post('u1', { mood: 'here' })
    }
    const { code, stderr } = await runMoods(['accounts', 'provision', '--execute'], environment(folder.path))
    expect([code, stderr]).toEqual([3, expect.stringContaining('does not take accounts now')])
    const { users } = await accounts<AccountList>(folder.path, ['list'])
    expect(users).toMatchObject([{ user: 'u1', state: 'none' }])
  })
})

describe('moods accounts seal', () => {
  it('counts plain passwords, then seals them; they unseal to the same text', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    await app.accounts.signUp('u2', 'bob')
    await app.engine.drain()
    const { credentials } = (await app.store.accounts.byUser('u1'))!
    const password = await app.sealer.passwordOf(credentials!)
    await change(app, 'u1', { credentials: { kind: 'plain', password }, sealedSession: null })
    const dry = await accounts<Sealed>(folder.path, ['seal'])
    expect(dry).toMatchObject({ code: 0, accounts: 2, plain: 1, sealed: 0 })
    const { code, stdout, stderr } = await runMoods(['accounts', 'seal', '--execute'], environment(folder.path))
    expect([code, stdout]).toEqual([
      0,
      '1 of 2 accounts has a password in plain text. 1 sealed and unsealed again, 0 failed.\n',
    ])
    expect(stdout + stderr).not.toContain(password)
    const sealed = (await app.store.accounts.byUser('u1'))!.credentials!
    expect(sealed.kind).toBe('sealed')
    expect(JSON.stringify(sealed)).not.toContain(password)
    expect(await app.sealer.passwordOf(sealed)).toBe(password)
    expect(await accounts<Sealed>(folder.path, ['seal', '--execute'])).toMatchObject({ plain: 0, sealed: 0 })
  })
})

describe('moods accounts check', () => {
  it('finds nothing on healthy accounts, and each fault of the others', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    const users = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace']
    for (const handle of users) await app.accounts.signUp(`u-${handle}`, handle)
    await app.engine.drain()
    const { code, checked, findings } = await accounts<AccountCheck>(folder.path, ['check'])
    expect([code, checked, findings]).toEqual([0, 7, []])

    const did = async (name: string) => (await app.store.accounts.byUser(`u-${name}`))!.did!
    await change(app, 'u-alice', { pdsHandle: 'somebody.test' })
    await change(app, 'u-bob', { did: `did:plc:${'a'.repeat(24)}` })
    await takeDown(app.pdsUrl, new DataFolder(folder.path).secrets().pdsAdminPassword, await did('carol'))
    await app.host.deleteAccount(await did('dave'))
    await change(app, 'u-erin', { pds: 'http://localhost:1' })
    await change(app, 'u-frank', { state: 'needs_attention', error: { code: 'Why', message: '', at: 1 } })

    const after = await accounts<AccountCheck>(folder.path, ['check'])
    expect(after).toMatchObject({ code: 1, notReached: 1, silent: [{ what: 'PDS', url: 'http://localhost:1' }] })
    const found = new Map<string, string[]>()
    for (const { user, problem } of after.findings) found.set(user, [...(found.get(user) ?? []), problem])
    expect(Object.fromEntries(found)).toEqual({
      'u-alice': ['handle_differs', 'handle_differs'],
      'u-bob': ['did_unknown', 'repo_missing'],
      'u-carol': ['repo_inactive'],
      'u-dave': ['repo_missing'],
      'u-erin': ['pds_differs'],
      'u-frank': ['refused'],
    })
    for (const { remedy } of after.findings) expect(remedy.length).toBeGreaterThan(10)
    const grace = await accounts<AccountCheck>(folder.path, ['check', '@grace', await did('carol')])
    expect([grace.checked, grace.findings.map(({ user }) => user)]).toEqual([2, ['u-carol']])
    const rest = await accounts<AccountCheck>(folder.path, ['check', '--after', 'u-erin'])
    expect([rest.checked, rest.findings.map(({ problem }) => problem)]).toEqual([2, ['refused']])
  })

  it('exits with 3 when the PLC directory does not answer', async () => {
    await using folder = await temporaryFolder()
    {
      await using app = await startApp(folder.path, { role: 'serve' })
      await app.accounts.signUp('u1', 'alice')
      await app.engine.drain()
    }
    const { code, stdout } = await runMoods(['accounts', 'check'], environment(folder.path))
    expect([code, stdout]).toEqual([3, expect.stringContaining('The PLC directory at http')])
  })
})
