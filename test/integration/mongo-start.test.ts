/** `npm start -- --mongo`, and the commands in another terminal, which are told nothing of its MongoDB. */

import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { anyDatabase, dropDatabase } from '../../scripts/support/mongod.ts'
import { type TemporaryFolder, temporaryFolder, Visitor } from '../support/installation.ts'
import { runMoods, ServerProcess } from '../support/process.ts'
import { eventually } from '../support/repo.ts'

const mongo = inject('mongo')!
const NPM_START = ['start', '--', '--mongo'] as const

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

// Without a program, this machine has only a MongoDB that runs already.
describe.skipIf(mongo.program === null)('npm start -- --mongo', () => {
  let folder: TemporaryFolder
  /** What the terminal of a new user has set: nothing of MongoDB. */
  let env: Record<string, string>
  let server: ServerProcess

  const start = () => ServerProcess.run('npm', NPM_START, { ...env, MONGOMS_SYSTEM_BINARY: mongo.program! })

  const ended = () => eventually('the server has ended', () => Promise.resolve(!new DataFolder(folder.path).isLocked()))
  const mongodPid = () => Number(readFileSync(`${folder.path}/mongo/mongod.lock`, 'utf8'))

  beforeAll(async () => {
    folder = await temporaryFolder()
    env = { MOODS_DATA: folder.path, PORT: '0', PDS_PORT: '0', PLC_PORT: '0', LOG_LEVEL: 'silent' }
    server = await start()
  })
  afterAll(async () => {
    await server.stop('SIGTERM')
    await ended()
    await folder[Symbol.asyncDispose]()
  })

  it('prints the address of its MongoDB, for other programs', () => {
    const port = readFileSync(`${folder.path}/mongo/moods-port`, 'utf8')
    expect(server.lines.join('\n')).toContain(
      `MONGODB_URI='mongodb://127.0.0.1:${port}/aesthetic?replicaSet=moods' is for other programs`,
    )
  })

  it('is found by the commands in another terminal', async () => {
    const alice = await new Visitor(server.address).as('alice')
    const { id } = await alice.post('hello')
    await eventually('published', async () => (await alice.mood(id)).atproto.synced)
    for (const [args, says] of [
      [['status'], /store +mongodb:aesthetic\n[^]*1 published/],
      [['show', '@alice'], /@alice/],
      [['audit', '--all', '--verify'], /in step +100\.00 %/],
      [['doctor'], /mongodb:aesthetic opens/],
    ] as const) {
      const { code, stdout, stderr } = await runMoods(args, env)
      expect([args, code, stderr, stdout]).toEqual([args, 0, expect.any(String), expect.stringMatching(says)])
      expect(stderr).not.toContain('MONGODB_URI')
    }
  })

  it('MONGODB_URI wins, and the command says that this is another database', async () => {
    const database = anyDatabase()
    const elsewhere = { ...env, MONGODB_URI: mongo.uri, MONGODB_NAME: database }
    const { code, stdout, stderr } = await runMoods(['status'], elsewhere)
    await dropDatabase(mongo.uri, database)
    expect([code, stdout]).toEqual([0, expect.stringContaining(`mongodb:${database}`)])
    expect(stderr).toContain(
      `MONGODB_URI in this environment is followed: this is not the MongoDB of the server in ${folder.path}.\n`,
    )
  })

  it('MONGODB_URI wins over --mongo too, also where nothing answers there', async () => {
    await using other = await temporaryFolder()
    const silent = { ...env, MOODS_DATA: other.path, MONGODB_URI: 'mongodb://127.0.0.1:1/' }
    const failed = ServerProcess.run('npm', NPM_START, silent)
    await expect(failed).rejects.toThrow(
      /MongoDB: the one that MONGODB_URI names; none is started\n[^]*the database does not answer/,
    )
    expect(readdirSync(other.path)).not.toContain('mongo')
  })

  it('a second one on the same folder is refused, and leaves the first one as it is', async () => {
    await expect(start()).rejects.toThrow(`moods: another server is running on the data folder ${folder.path}`)
    expect((await fetch(`${server.address}/readyz`)).status).toBe(200)
  })

  it('what a killed server has left running is stopped by the next start', async () => {
    const left = mongodPid()
    const { stdout } = await runMoods(['status', '--json'], env)
    const { workers } = JSON.parse(stdout) as { workers: { pid: number }[] }
    process.kill(workers[0]!.pid, 'SIGKILL')
    await ended()
    expect(isRunning(left)).toBe(true)
    server = await start()
    expect(isRunning(left)).toBe(false)
    expect((await runMoods(['show', '@alice'], env)).code).toBe(0)
  })

  it('once it is stopped, every command says so, and a server without it says what is not shown', async () => {
    await server.stop('SIGTERM')
    await ended()
    const message = `the MongoDB in ${folder.path}/mongo is not running: "npm start -- --mongo" starts it`
    for (const args of [['status'], ['audit'], ['worker']]) {
      const { code, stdout, stderr } = await runMoods(args, env)
      expect([args, code, stdout, stderr]).toEqual([args, 3, '', `moods: ${message}\n`])
    }
    const doctor = await runMoods(['doctor'], env)
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining(message)])
    expect(doctor.stdout).toContain('start the server again, or name another MongoDB with MONGODB_URI')
    {
      await using other = await ServerProcess.run('npm', ['start'], env)
      await eventually('a note', () => Promise.resolve(other.errors.includes('They are not shown now')))
      const { stdout } = await runMoods(['status'], env)
      expect(stdout).toContain(`sqlite:${folder.path}/moods.sqlite`)
      await other.stop('SIGTERM')
      await ended()
    }
    server = await start()
    expect(server.errors).toContain(`This server does not show the moods in ${folder.path}/moods.sqlite`)
  })
})
