/** The product as a process: starting, stopping, dying, refusing to start. */

import Database from 'better-sqlite3'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { environment, type PostedMood, temporaryFolder, Visitor } from '../support/installation.ts'
import { runMoods, ServerProcess } from '../support/process.ts'
import { eventually, listRecords } from '../support/repo.ts'

interface Status {
  readonly address: string
  readonly running: boolean
  readonly pds: string
  readonly plc: string
  readonly store: string
  readonly moods: Record<string, number>
  readonly accounts: Record<string, number>
  readonly workers: readonly { readonly pid: number }[]
}

async function status(folder: string): Promise<Status> {
  const { code, stdout } = await runMoods(['status', '--json'], environment(folder))
  expect(code).toBe(0)
  return JSON.parse(stdout) as Status
}

/** Names and sizes of all files: a change of any is a trace. */
function trace(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => `${name} ${statSync(join(folder, name)).size}`)
    .toSorted()
}

/** The line to post with, which comes after the one that the server is ready. */
async function curlLine(server: ServerProcess): Promise<string> {
  const isCurl = (line: string): boolean => line.startsWith('curl ')
  await eventually('a curl line', () => Promise.resolve(server.lines.some(isCurl)))
  return server.lines.find(isCurl)!
}

/** Answers to the line that `moods all` prints, sent by the real curl. */
async function curl(line: string): Promise<PostedMood> {
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line])
  expect(stderr).toBe('')
  return JSON.parse(stdout) as PostedMood
}

describe('moods all', () => {
  it('prints a curl line that posts as a new handle, whose account is ready', async (context) => {
    if (spawnSync('curl', ['--version']).status !== 0) context.skip('there is no curl on this machine')
    await using folder = await temporaryFolder()
    await using server = await ServerProcess.start(folder.path)
    const line = await curlLine(server)
    const posted = await curl(line)
    expect(posted).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{24}$/), handle: expect.any(String) })
    const visitor = new Visitor(server.address)
    await eventually('published', async () => (await visitor.mood(posted.id)).atproto.synced)
    expect(await curl(line)).toMatchObject({ id: posted.id, atproto: { synced: true } })
  })

  it('says where everything is and how it stands, while it runs and after', async () => {
    await using folder = await temporaryFolder()
    await using server = await ServerProcess.start(folder.path)
    const alice = await new Visitor(server.address).as('alice')
    await alice.post('for my eyes', { isPrivate: true })
    const posted = await alice.post('for all')
    await eventually('published', async () => (await alice.mood(posted.id)).atproto.synced)
    const running = await status(folder.path)
    expect(running).toMatchObject({
      address: server.address,
      running: true,
      store: `sqlite:${folder.path}/moods.sqlite`,
      moods: { local: 1, pending: 0, published: 1, withdrawn: 0, rejected: 0 },
      accounts: { pending: 0, ready: 2, needsAttention: 0 },
      workers: [{ role: 'all', pid: server.child.pid, alive: true }],
      notices: [],
    })
    expect((await fetch(`${running.pds}/xrpc/_health`)).status).toBe(200)
    expect((await fetch(`${running.plc}/_health`)).status).toBe(200)
    expect(await server.stop('SIGTERM')).toBe(0)
    expect(await status(folder.path)).toMatchObject({
      ...running,
      running: false,
      workers: [{ role: 'all', pid: server.child.pid, alive: false, ended: true }],
      notices: [{ code: 'no_worker', level: 'warning', since: expect.any(String) }],
    })
    const { stdout } = await runMoods(['status'], environment(folder.path))
    expect(stdout).toContain('1 published')
  })

  it('publishes after SIGKILL and a restart what had been acknowledged, once', async () => {
    await using folder = await temporaryFolder()
    let ids: string[]
    {
      await using server = await ServerProcess.start(folder.path)
      const alice = await new Visitor(server.address).as('alice')
      ids = await Promise.all(Array.from({ length: 20 }, async (_, i) => (await alice.post(`mood ${i}`)).id))
      await server.stop('SIGKILL')
    }
    await using server = await ServerProcess.start(folder.path)
    await eventually('all published', async () => (await status(folder.path)).moods['published'] === 20)
    const { body } = await new Visitor(server.address).send<{ moods: PostedMood[] }>('/api/mood/all?limit=100')
    expect(new Set(body.moods.map((mood) => mood.id))).toEqual(new Set(ids))
    const uri = body.moods[0]!.atproto.uri!
    const { pds } = await status(folder.path)
    const records = await listRecords(pds, uri.split('/')[2]!)
    expect(records.map((record) => record.value['mongoId']).toSorted()).toEqual(ids.toSorted())
  })

  it('npm start prints four lines, two of them by npm, and nothing more while it is used', async () => {
    await using folder = await temporaryFolder()
    const { LOG_LEVEL: _, ...env } = environment(folder.path)
    await using npm = await ServerProcess.run('npm', ['start'], env)
    await curlLine(npm)
    const alice = await new Visitor(npm.address).as('alice')
    const posted = await alice.post('hello')
    await eventually('published', async () => (await alice.mood(posted.id)).atproto.synced)
    const lines = npm.lines.filter((line) => line !== '')
    expect(lines).toEqual([
      expect.stringMatching(/^> moods@/),
      expect.stringMatching(/^> /),
      expect.stringContaining(
        `Data: ${folder.path}. Ctrl+C stops it. Federation is on for all users (a new installation on an empty database).`,
      ),
      expect.stringMatching(/^curl /),
    ])
    expect(npm.errors).toBe('')
  })

  it('stops when the npm that started it is stopped', async () => {
    await using folder = await temporaryFolder()
    await using npm = await ServerProcess.run('npm', ['start'], environment(folder.path))
    expect((await fetch(`${npm.address}/healthz`)).status).toBe(200)
    await npm.stop('SIGTERM')
    await eventually('the server has released the folder', async () => !(await status(folder.path)).running)
    await expect(fetch(`${npm.address}/healthz`)).rejects.toThrow('fetch failed')
  })

  it('stops when the npx that started it is stopped, though nobody hands that on', async () => {
    await using folder = await temporaryFolder()
    await using npx = await ServerProcess.run('npx', ['moods', 'all'], environment(folder.path))
    const [worker] = (await status(folder.path)).workers
    onTestFinished(() => void spawnSync('kill', ['-KILL', String(worker!.pid)]))
    await npx.stop('SIGTERM')
    await eventually('the server has released the folder', async () => !(await status(folder.path)).running)
    await expect(fetch(`${npx.address}/healthz`)).rejects.toThrow('fetch failed')
  })

  it('ends the streams that people watch when it is told to stop', async () => {
    await using folder = await temporaryFolder()
    await using server = await ServerProcess.start(folder.path)
    const stream = await fetch(`${server.address}/api/mood/stream`)
    const ended = stream.text().catch(() => 'cut')
    expect(await server.stop('SIGINT')).toBe(0)
    expect(await ended).toBeTypeOf('string')
  })
})

describe('moods serve and moods worker', () => {
  it('share a data folder, and the work goes on when the worker comes back', async () => {
    await using folder = await temporaryFolder()
    await using server = await ServerProcess.start(folder.path, {}, 'serve')
    const alice = await new Visitor(server.address).as('alice')
    const first = await alice.post('first')
    {
      await using worker = await ServerProcess.start(folder.path, {}, 'worker')
      await eventually('published', async () => (await alice.mood(first.id)).atproto.synced)
      expect(await worker.stop('SIGTERM')).toBe(0)
    }
    const second = await alice.post('second')
    expect((await alice.mood(second.id)).atproto.state).toBe('pending')
    await using worker = await ServerProcess.start(folder.path, {}, 'worker')
    await eventually('published', async () => (await alice.mood(second.id)).atproto.synced)
    expect(worker.lines.at(-1)).toContain('The worker is ready')
  })
})

describe('refuses to start, in one clear line, and touches nothing:', () => {
  it('a port in use', async () => {
    await using folder = await temporaryFolder()
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const port = String((taken.address() as AddressInfo).port)
    for (const name of ['PORT', 'PDS_PORT', 'PLC_PORT']) {
      const env = environment(join(folder.path, 'data'), { [name]: port })
      const { code, stdout, stderr } = await runMoods(['all'], env)
      expect([code, stdout, stderr]).toEqual([1, '', `moods: port ${port} on 127.0.0.1 is in use (${name})\n`])
      expect(existsSync(join(folder.path, 'data'))).toBe(false)
    }
    await new Promise((resolve) => taken.close(resolve))
  })

  it('a data folder that cannot be written', async () => {
    await using folder = await temporaryFolder()
    writeFileSync(join(folder.path, 'file'), '')
    const before = trace(folder.path)
    const { code, stdout, stderr } = await runMoods(['all'], environment(join(folder.path, 'file', 'data')))
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^moods: the data folder \S+ cannot be written \(MOODS_DATA moves it\)\n$/)
    expect(trace(folder.path)).toEqual(before)
  })

  it('ports of its own that are the same', async () => {
    await using folder = await temporaryFolder()
    // In use as well, which is not what is wrong with them.
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const port = String((taken.address() as AddressInfo).port)
    const clashes = [
      ['PDS_PORT and PLC_PORT cannot be the same', { PDS_PORT: port, PLC_PORT: port }],
      ['PORT cannot be the same as PDS_PORT or PLC_PORT', { PORT: port, PDS_PORT: port }],
      ['PORT cannot be the same as PDS_PORT or PLC_PORT', { PORT: port, PLC_PORT: port }],
    ] as const
    for (const [why, ports] of clashes) {
      const { code, stderr } = await runMoods(['all'], environment(join(folder.path, 'data'), ports))
      expect([code, stderr]).toEqual([2, `moods: ${why}\n`])
      expect(existsSync(join(folder.path, 'data'))).toBe(false)
    }
    await new Promise((resolve) => taken.close(resolve))
  })

  it('a database that is none, and secrets that are not those of the data', async () => {
    await using folder = await temporaryFolder()
    writeFileSync(join(folder.path, 'moods.sqlite'), 'x'.repeat(5000))
    for (const command of ['all', 'status']) {
      const { code, stderr } = await runMoods([command], environment(folder.path))
      expect([code, stderr]).toEqual([
        1,
        `moods: the database ${folder.path}/moods.sqlite cannot be used: file is not a database\n`,
      ])
    }
    await using other = await temporaryFolder()
    {
      await using server = await ServerProcess.start(other.path)
      await eventually('an account', async () => (await status(other.path)).accounts['ready'] === 1)
      await server.stop('SIGTERM')
    }
    rmSync(join(other.path, 'secrets.json'))
    const { code, stderr } = await runMoods(['all'], environment(other.path))
    expect([code, stderr]).toEqual([2, expect.stringContaining('sealed with another key')])
  })

  it('a data folder of a newer version', async () => {
    await using folder = await temporaryFolder()
    const db = new Database(join(folder.path, 'moods.sqlite'))
    db.pragma('user_version = 999')
    db.close()
    const before = trace(folder.path)
    for (const command of ['all', 'status']) {
      const { code, stdout, stderr } = await runMoods([command], environment(folder.path))
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/^moods: \S+ was written by a newer version \(format 999, this one knows \d+\)\n$/)
    }
    expect(trace(folder.path)).toEqual(before)
  })

  it('a second server on the same folder', async () => {
    await using folder = await temporaryFolder()
    await using server = await ServerProcess.start(folder.path)
    const { code, stdout, stderr } = await runMoods(['all'], environment(folder.path))
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      `moods: another server is running on the data folder ${folder.path}\n`,
    ])
    expect((await fetch(`${server.address}/readyz`)).status).toBe(200)
  })

  it('another PDS port than the accounts were made on', async () => {
    await using folder = await temporaryFolder()
    {
      await using server = await ServerProcess.start(folder.path)
      await server.stop('SIGTERM')
    }
    const { code, stderr } = await runMoods(['all'], environment(folder.path, { PDS_PORT: '1' }))
    expect(code).toBe(1)
    expect(stderr).toMatch(/^moods: the accounts in \S+ live on port \d+: PDS_PORT cannot be changed to 1\n$/)
  })

  it('a configuration that is wrong, with every problem', async () => {
    await using folder = await temporaryFolder()
    const env = environment(join(folder.path, 'data'), { PORT: 'x', LOG_LEVEL: 'loud', PLC_URL: 'https://plc.example' })
    const { code, stdout, stderr } = await runMoods(['all'], env)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr.trim().split('\n')).toHaveLength(3)
    expect(existsSync(join(folder.path, 'data'))).toBe(false)
  })

  it('a worker, or a question for the status, where there is nothing yet', async () => {
    await using folder = await temporaryFolder()
    for (const command of ['worker', 'status']) {
      const { code, stdout, stderr } = await runMoods([command], environment(join(folder.path, 'data')))
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/^moods: there is nothing in .* yet: .*\n$/)
    }
    expect(readdirSync(folder.path)).toEqual([])
  })

  it('an unknown command', async () => {
    const { code, stderr } = await runMoods(['nonsense'], {})
    expect(code).toBe(2)
    expect(stderr).toContain('unknown command')
  })
})
