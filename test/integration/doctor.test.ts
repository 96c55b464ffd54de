/** `moods doctor`, as a process of its own: what it finds, and the record that it sends the whole of the way. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { LEDGER } from '../../src/domain/budget.ts'
import type { Check } from '../../src/operate/check.ts'
import type { LiveStep } from '../../src/operate/test-record.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { federate } from '../support/policy.ts'
import { runMoods } from '../support/process.ts'
import { FaultyProxy } from '../support/proxy.ts'
import { commitsOf, eventually, listRecords, putStray } from '../support/repo.ts'
import { createSite } from '../support/site.ts'

async function doctor(env: Record<string, string>) {
  const { code, stdout, stderr } = await runMoods(['doctor', '--json'], env)
  if (stdout === '') throw new Error(`moods doctor ended with ${code}: ${stderr}`)
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] }
  const levels = Object.fromEntries(checks.map(({ name, level }) => [name, level]))
  for (const { level, remedy } of checks) expect(remedy === null).toBe(level === 'ok')
  return { code, ok, checks, levels, stdout }
}

const WELL = {
  node: 'ok',
  lexicon: 'ok',
  configuration: 'ok',
  store: 'ok',
  workers: 'ok',
  federation: 'ok',
  host: 'ok',
  'seal key': 'ok',
  pds: 'ok',
  clock: 'ok',
  handles: 'ok',
  admin: 'ok',
  limits: 'ok',
  plc: 'ok',
}

describe('moods doctor', () => {
  it('finds no problem while the installation runs, and a missing PDS when it does not', async () => {
    await using folder = await temporaryFolder()
    const env = environment(folder.path)
    {
      await using app = await startApp(folder.path)
      await app.accounts.signUp('u1', 'alice')
      await app.engine.drain()
      const before = await app.store.archive.count('ledger')
      const well = await doctor(env)
      expect([well.code, well.ok, well.levels]).toEqual([0, true, WELL])
      expect(well.checks.find(({ name }) => name === 'pds')?.message).toMatch(/version \d+\.\d+/)
      expect(await app.store.archive.count('ledger')).toBe(before)
    }
    const { code, levels } = await doctor(env)
    expect([code, levels['pds'], levels['store']]).toEqual([1, 'problem', 'ok'])
    const { stdout } = await runMoods(['doctor'], env)
    expect(stdout).toMatch(/^problem +pds +\S+ does not answer \(\w+\)\n +start "moods serve"/m)
    rmSync(join(folder.path, 'secrets.json'))
    const lost = await doctor(env)
    expect([lost.code, lost.levels['secrets'], lost.levels['store']]).toEqual([1, 'problem', 'ok'])
    expect(new DataFolder(folder.path).readJson('secrets.json')).toBeNull()
  })

  it('reports every problem of a configuration, and an empty folder', async () => {
    await using folder = await temporaryFolder()
    const wrong = await doctor(environment(join(folder.path, 'data'), { PORT: 'x', LOG_LEVEL: 'loud' }))
    expect([wrong.code, wrong.checks.filter(({ level }) => level === 'problem').length]).toEqual([1, 2])
    const empty = await doctor(environment(join(folder.path, 'data')))
    expect([empty.code, empty.levels['store'], empty.levels['secrets']]).toEqual([1, 'problem', 'problem'])
  })

  it('reports a wrong seal key, a wrong admin password, plain passwords, limits that do not fit and a missing PLC', async () => {
    const sealKey = randomBytes(32).toString('base64')
    await using site = await createSite({ MOODS_SEAL_KEY: sealKey, PLC_URL: 'http://localhost:1' })
    const { app } = site
    await site.pds.up({ rateLimits: true })
    for (const user of ['u1', 'u2']) await app.accounts.signUp(user, `user-${user}`)
    await app.engine.drain()
    const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
    const env = environment(site.dataFolder, {
      PDS_PORT: '',
      PLC_PORT: '',
      PDS_URL: app.pdsUrl,
      PDS_ADMIN_PASSWORD: pdsAdminPassword,
      MOODS_SEAL_KEY: sealKey,
      AUTH_ISSUER: 'https://issuer.invalid/',
      AUTH_AUDIENCE: 'moods',
      PLC_URL: 'http://localhost:1',
    })
    const limited = await doctor(env)
    expect([limited.code, limited.levels]).toEqual([0, { ...WELL, workers: 'warning', plc: 'warning' }])

    const off = await doctor({ ...env, PDS_RATE_LIMITS: 'off', AUTH_ISSUER: '', AUTH_AUDIENCE: '' })
    expect([off.code, off.levels['limits'], off.levels['configuration']]).toEqual([0, 'warning', 'warning'])
    const tooMuch = await doctor({ ...env, REQUESTS_PER_5_MIN: '90000' })
    expect(tooMuch.checks.find(({ name }) => name === 'limits')?.remedy).toBe('set REQUESTS_PER_5_MIN=3000')
    expect((await doctor({ ...env, PDS_RATE_LIMIT_BYPASS_KEY: 'nope' })).levels['limits']).toBe('warning')

    const wrongPassword = await doctor({ ...env, PDS_ADMIN_PASSWORD: 'not-the-password' })
    expect([wrongPassword.code, wrongPassword.levels['admin']]).toEqual([1, 'problem'])
    expect(wrongPassword.stdout).not.toContain('not-the-password')
    const wrongKey = await doctor({ ...env, MOODS_SEAL_KEY: randomBytes(32).toString('base64') })
    expect([wrongKey.code, wrongKey.levels['seal key']]).toEqual([1, 'problem'])

    const account = (await app.store.accounts.byUser('u1'))!
    await app.store.accounts.save({ ...account, credentials: { kind: 'plain', password: 'in-plain-text' } })
    const plain = await doctor(env)
    expect([plain.code, plain.levels['seal key']]).toEqual([0, 'warning'])
    expect(plain.stdout).not.toContain('in-plain-text')
  })
})

describe('moods doctor, of federation', () => {
  it('shows the policy in force, also when it is on for all, and a FEDERATION of the environment that is not followed', async () => {
    await using site = await createSite()
    const said = async (env: Record<string, string>) => {
      const { checks } = await doctor({ ...site.env, ...env })
      return checks.filter(({ name }) => name === 'federation').map(({ level, message }) => `${level} ${message}`)
    }
    const on = expect.stringMatching(/^ok is on for all users, since 20\S+Z by /)
    expect(await said({})).toEqual([on])
    expect(await said({ FEDERATION: 'on' })).toEqual([on])
    expect(await said({ FEDERATION: '10%' })).toEqual([
      on,
      expect.stringMatching(
        /^warning FEDERATION in this environment says .*10 %.*; that is not followed: federation is on for all users$/,
      ),
    ])
    await federate(site.app.store, { mode: 'off' })
    expect(await said({ FEDERATION: 'on' })).toEqual([
      expect.stringMatching(/^warning federation is off since/),
      expect.stringMatching(/^warning FEDERATION in this environment says on for all users; .*: federation is off$/),
    ])
  })
})

describe('moods doctor, of a PDS that did not answer', () => {
  it('notes that it answers again, and where it does not, never names itself as the remedy', async () => {
    await using site = await createSite()
    const { ledger } = site.app.store
    const key = LEDGER.requests(site.app.pdsUrl)
    await ledger.unreachable(key, true, () => 60_000, Date.now())
    const down = await doctor(site.env)
    const silent = down.checks.filter(({ name, level }) => name === 'pds' && level === 'problem')
    expect(silent.map(({ message }) => message)).toEqual([
      expect.stringContaining('the PDS has not answered since'),
      expect.stringContaining('does not answer (ECONNREFUSED)'),
    ])
    expect(down.checks.map(({ remedy }) => remedy).join(' ')).not.toContain('moods doctor')

    await site.pds.up()
    const up = await doctor(site.env)
    expect(up.checks.filter(({ name }) => name === 'pds').map(({ level, message }) => `${level} ${message}`)).toEqual([
      expect.stringMatching(/^ok \S+ answers again, which it had not since 20/),
      expect.stringMatching(/^ok \S+ answers, version/),
    ])
    expect(await ledger.get(key)).toMatchObject({ failures: 0 })
  })
})

describe('moods doctor --live', () => {
  it('follows a test record end to end and deletes it, with one that an earlier run left', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    await app.moods.post('u1', { mood: 'mine' })
    await app.engine.drain()
    const did = (await app.store.accounts.byUser('u1'))!.did!
    await putStray(app, did, { $type: 'computer.aesthetic.mood', text: 'left behind', mongoId: 'moods-doctor-before' })
    const before = commitsOf(folder.path, did)
    const { code, stdout } = await runMoods(['doctor', '--live', '@alice', '--json'], environment(folder.path))
    const { steps } = JSON.parse(stdout) as { steps: LiveStep[] }
    expect(steps.map(({ name, ok, detail }) => [name, ok, detail])).toEqual(
      ['connect', 'write', 'list', 'firehose', 'delete', 'gone'].map((name) => [name, true, null]),
    )
    expect(code).toBe(0)
    // Three of the test record, and six of those that show what kind of host it is.
    expect(commitsOf(folder.path, did)).toBe(before + 3 + 6)
    expect((await listRecords(app.pdsUrl, did)).map(({ value }) => value['text'])).toEqual(['mine'])
    const text = await runMoods(['doctor', '--live', 'u1'], environment(folder.path))
    expect(text.stdout).toMatch(/^ok +firehose +\d+ ms$/m)
    expect(text.stdout).toMatch(/^ok +host +\S+ compares, batches and shows records as the reference PDS does/m)
  })

  it('writes nothing without a ready account, or with federation off', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    await app.engine.drain()
    await app.accounts.signUp('u2', 'bob')
    const did = (await app.store.accounts.byUser('u1'))!.did!
    const before = commitsOf(folder.path, did)
    const pending = await runMoods(['doctor', '--live', '@bob'], environment(folder.path))
    expect([pending.code, pending.stderr]).toEqual([2, expect.stringContaining('no account that can be written to')])
    await federate(app.store, { mode: 'off' })
    const off = await runMoods(['doctor', '--live', '@alice'], environment(folder.path, { FEDERATION: 'on' }))
    expect([off.code, off.stderr]).toEqual([2, expect.stringContaining('federation is off, since')])
    expect(commitsOf(folder.path, did)).toBe(before)
  })

  it('reports a missing firehose, and deletes the test record all the same', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    await app.engine.drain()
    const account = (await app.store.accounts.byUser('u1'))!
    await using proxy = await FaultyProxy.start({ target: app.pdsUrl, seed: 1, rate: 0, clientTimeoutMs: 1, lateMs: 1 })
    await app.store.accounts.save({ ...account, pds: proxy.url })
    const { code, stdout } = await runMoods(['doctor', '--live', 'u1'], environment(folder.path))
    expect(code).toBe(1)
    expect(stdout).toMatch(/^problem +connect +\d+ ms +\S.*\nok +write/)
    expect(stdout).toMatch(/ok +delete +\d+ ms\nok +gone +\d+ ms\n$/)
    expect(await listRecords(app.pdsUrl, account.did!)).toEqual([])
  })

  it('deletes the test record on Ctrl+C while it waits for the firehose', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await app.accounts.signUp('u1', 'alice')
    await app.engine.drain()
    const account = (await app.store.accounts.byUser('u1'))!
    await using deaf = await startDeaf(app.pdsUrl)
    await app.store.accounts.save({ ...account, pds: deaf.url })
    const child = spawn(process.execPath, ['bin/moods.js', 'doctor', '--live', '@alice'], {
      env: { PATH: process.env['PATH'] ?? '', ...environment(folder.path) },
    })
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    const closed = once(child, 'close')
    await eventually('listed', async () => /ok +list/.test(stdout))
    expect(await listRecords(app.pdsUrl, account.did!)).toHaveLength(1)
    child.kill('SIGINT')
    await closed
    expect(child.exitCode).toBe(3)
    expect(stdout).toMatch(/problem +firehose +\d+ ms +stopped\nok +delete +\d+ ms\nok +gone/)
    expect(await listRecords(app.pdsUrl, account.did!)).toEqual([])
  })
})

/** Stands before the PDS and lets everything through but what it says on its firehose. */
async function startDeaf(target: string): Promise<{ url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const { hostname, port } = new URL(target)
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming
    const forwarded = request(new URL(url, target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  })
  server.on('upgrade', ({ url, rawHeaders }, client: Socket) => {
    const upstream = connect({ port: Number(port), host: hostname, autoSelectFamily: true })
    sockets.add(client).add(upstream)
    const headers = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
    upstream.write(`GET ${url} HTTP/1.1\r\n${headers}\r\n`)
    upstream.once('data', (chunk: Buffer) => client.write(chunk.subarray(0, chunk.indexOf('\r\n\r\n') + 4)))
    client.pipe(upstream)
    upstream.resume().on('close', () => client.destroy())
    for (const socket of [client, upstream]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
