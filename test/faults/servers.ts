/**
 * Many moods of many users through a server that is odd in ever other ways, while the workers are killed again and again;
 * and what the PDS and the database say in the end.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { App } from '../../src/app.ts'
import { wrongBeliefs } from '../support/beliefs.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { KIND_NAMES, type KindName, KINDS } from '../support/odd-faults/index.ts'
import { type Fault, OddServer } from '../support/odd-server.ts'
import { READS, WORK_NAMES, WORKS } from '../support/odd-work.ts'
import { differences } from '../support/oracle.ts'
import { primaryOf } from '../support/primary.ts'
import { type Random, randomFrom } from '../support/random.ts'
import { revisions } from '../support/repo.ts'
import { createPds } from '../support/site.ts'

export interface ServersOptions {
  readonly moods: number
  readonly users: number
  readonly seed: number
  readonly say: (line: string) => void
}

export interface ServersResult {
  /** How many requests each kind of fault has answered. */
  readonly spoiled: Readonly<Record<KindName, number>>
  readonly kills: number
  /** None when all is as it must be. */
  readonly problems: readonly string[]
  readonly states: Readonly<Record<string, number>>
}

const TIMEOUT_MS = 800
/** A fault lasts until it has spoiled so many requests, and so long at most: nobody asks a host that is taken for dead. */
const SPOILED = 4
const FAULT_MS = 8_000
/** Faults of one kind that are tried until one has spoiled something. */
const TRIES = 3
/** The server is well until somebody asks, and so long at most. */
const WELL_MS = 4_000
/** A worker lives this long, and up to twice as long. */
const LIFE_MS = 4_000
/** Between two posts. */
const EVERY_MS = 120
/** How long everything may take after the last fault. */
const PATIENCE_MS = 3 * 60_000
const MOST_MEMORY_KB = 400 * 1_024
/** Of the users, this share is forgotten meanwhile. */
const ERASED = 0.1

export async function runServers({ moods, users, seed, say }: ServersOptions): Promise<ServersResult> {
  await using folder = await temporaryFolder()
  await using pds = await createPds(`${folder.path}/network`)
  await pds.up()
  const realPds = pds.env['PDS_URL']!
  await using odd = await OddServer.start(realPds)
  const more = {
    PDS_URL: odd.url,
    PDS_TIMEOUT_MS: String(TIMEOUT_MS),
    PDS_RATE_LIMITS: 'off',
    ERASE_PDS_ACCOUNT: 'true',
  }
  const env = { ...pds.env, ...more }
  const dataFolder = `${folder.path}/moods`
  await using app = await startApp(dataFolder, { role: 'serve', env })
  const workers = new Workers(environment(dataFolder, env), seed)
  const over = new AbortController()
  const posted = new AbortController()
  const faults = keepOdd(odd, randomFrom(seed + 1), posted.signal)
  const killing = [workers.keepKilling(over.signal), workers.keepKilling(over.signal)]
  const erased = await makeHistory(app, { moods, users, seed, say })
  posted.abort()
  const spoiled = await faults
  over.abort()
  await Promise.all(killing)
  say(`  ${workers.kills} workers killed; two that live on finish the work`)
  const left = await workers.finish(() => isDone(app, dataFolder, users, erased))
  const found = left ? [] : [`not done within ${PATIENCE_MS / 1_000} s`]
  found.push(...(await differences(realPds, dataFolder)))
  const everybody = Array.from({ length: users }, (_, i) => `user-${i}`)
  found.push(...(await wrongBeliefs(realPds, dataFolder, everybody, erased)))
  found.push(...(await orphans(realPds, dataFolder)))
  for (const caught of odd.trap.caught) found.push(`sent elsewhere: ${caught}`)
  if (workers.memoryKb > MOST_MEMORY_KB) found.push(`a worker took ${workers.memoryKb} KB`)
  return { spoiled, kills: workers.kills, problems: found, states: (await app.store.work.count()).states }
}

/** Posts, changes, deletes, and forgets some of the users. @returns the DIDs of those by receipt */
async function makeHistory(
  app: App,
  { moods, users, seed, say }: ServersOptions,
): Promise<Map<string, { readonly did: string | null }>> {
  const random = randomFrom(seed)
  const mine = new Map<string, string[]>()
  const gone = new Set<string>()
  const erased = new Map<string, { readonly did: string | null }>()
  for (let i = 0; i < moods; i++) {
    // Users come by and by.
    const user = `user-${random.below(Math.min(users, 1 + Math.floor((users * 2 * i) / moods)))}`
    const ids = mine.get(user) ?? []
    if (!mine.has(user)) await app.accounts.signUp(user, user.replace('user', 'odd'))
    mine.set(user, ids)
    if (ids.length > 5 && gone.size < users * ERASED) {
      const account = await app.store.accounts.byUser(user)
      // Of one that is still to be made nobody could tell afterwards whether it is gone.
      if (account && !account.odd && account.did !== null) {
        erased.set((await app.erasures.request(user)).receipt, { did: account.did })
        gone.add(user)
      }
    }
    if (gone.has(user)) continue
    ids.push((await app.moods.post(user, { mood: `mood ${i} of ${user}`, isPrivate: random.next() < 0.1 })).mood.id)
    await change(app, user, ids, random)
    if (i % 200 === 199) say(`  ${i + 1} moods posted`)
    // No faster than the faults change.
    await setTimeout(EVERY_MS)
  }
  return erased
}

async function change(app: App, user: string, ids: string[], random: Random): Promise<void> {
  const at = random.below(ids.length)
  const id = ids[at]!
  const dice = random.next()
  if (dice < 0.06) {
    await app.moods.delete(user, id, 'withdraw')
    ids.splice(at, 1)
  } else if (dice < 0.12) await app.moods.edit(user, id, { isPrivate: random.next() < 0.5 })
  else if (dice < 0.16) await app.moods.edit(user, id, { intensity: 1 + random.below(10) })
}

/** One fault after the other, at some methods or all, each kind in its turn, as long as moods are posted and once at least. */
async function keepOdd(odd: OddServer, random: Random, posted: AbortSignal): Promise<Record<KindName, number>> {
  const spoiled = Object.fromEntries(KIND_NAMES.map((kind) => [kind, 0])) as Record<KindName, number>
  const scopes = [null, null, READS, ...WORK_NAMES.flatMap((work) => WORKS[work].methods)]
  /** What somebody has asked for by now. */
  const asked = new Set<string>()
  for (let turn = 0; turn === 0 || !posted.aborted; turn++) {
    for (const kind of KIND_NAMES) {
      // Of some faults nobody asks what they spoil: others have their turn then.
      for (let tries = 0; tries < TRIES && (tries === 0 || spoiled[kind] === 0); tries++) {
        const fault = someFault(kind, asked, random)
        odd.begin(fault, fault.methods ?? random.pick(scopes))
        await until(() => odd.spoiled >= SPOILED, FAULT_MS)
        spoiled[kind] += odd.spoiled
        await odd.end()
        const { total } = odd
        await until(() => odd.total > total, WELL_MS)
        for (const method of odd.asked) asked.add(method)
      }
      if (turn > 0 && posted.aborted) break
    }
  }
  return spoiled
}

async function until(isSo: () => boolean, ms: number): Promise<void> {
  const deadline = performance.now() + ms
  while (!isSo() && performance.now() < deadline) await setTimeout(20)
}

/**
 * One after which all is well at once: what asks to wait for minutes would have the whole run wait.
 *
 * @param asked methods that somebody asks for: one that spoils others comes only where there is none else
 */
function someFault(kind: KindName, asked: ReadonlySet<string>, random: Random): Fault {
  const { named, any } = KINDS[kind] as { named: readonly Fault[]; any?: (from: Random) => Fault }
  const isShort = ({ withinMinutes }: Fault): boolean => withinMinutes === undefined
  const made = any && random.next() < 0.3 ? any(random) : null
  if (made && isShort(made)) return made
  const short = named.filter(isShort)
  const met = short.filter(({ methods }) => methods?.some((method) => asked.has(method)) ?? true)
  return random.pick(met.length > 0 ? met : short)
}

/** Workers in processes of their own. */
class Workers {
  kills = 0
  /** The most memory that one of them ever took. */
  memoryKb = 0
  readonly #env: Record<string, string>
  readonly #random: Random
  readonly #alive = new Set<ChildProcess>()

  constructor(env: Record<string, string>, seed: number) {
    process.once('exit', () => this.#alive.forEach((worker) => worker.kill('SIGKILL')))
    this.#env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env }
    this.#random = randomFrom(seed + 2)
  }

  /** Keeps one worker alive, killing it again and again. */
  async keepKilling(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const worker = this.#start()
      const exited = once(worker, 'exit')
      await Promise.race([setTimeout(LIFE_MS + this.#random.below(LIFE_MS)), exited])
      this.#measure(worker)
      worker.kill('SIGKILL')
      await exited
      if (worker.signalCode !== 'SIGKILL') throw new Error(`a worker ended by itself: ${worker.exitCode}`)
      this.kills++
    }
  }

  /** Two workers that live until all is done. @returns whether it was in time */
  async finish(isAllDone: () => Promise<boolean>): Promise<boolean> {
    const workers = [this.#start(), this.#start()]
    const deadline = performance.now() + PATIENCE_MS
    let isOver = false
    while (!isOver && performance.now() < deadline) {
      await setTimeout(500)
      isOver = await isAllDone()
    }
    await Promise.all(
      workers.map(async (worker) => {
        this.#measure(worker)
        const exited = once(worker, 'exit')
        worker.kill('SIGKILL')
        await exited
      }),
    )
    return isOver
  }

  #start(): ChildProcess {
    const args = ['test/chaos/worker.ts', String(this.#random.below(2 ** 31)), '0']
    const worker = spawn(process.execPath, args, { env: this.#env, stdio: ['ignore', 'ignore', 'inherit'] })
    this.#alive.add(worker)
    worker.once('exit', () => this.#alive.delete(worker))
    return worker
  }

  /** Where the system tells it. */
  #measure({ pid }: ChildProcess): void {
    if (process.platform !== 'linux') return
    const [, kb = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    this.memoryKb = Math.max(this.memoryKb, Number(kb))
  }
}

async function isDone(app: App, folder: string, users: number, erased: ReadonlyMap<string, unknown>): Promise<boolean> {
  const { states } = await app.store.work.count()
  if (states.pending > 0) return false
  const primary = primaryOf(folder)
  const accounts = await primary.accounts()
  if (accounts.some(({ state }) => state === 'pending') || accounts.length > users) return false
  const erasures = await primary.erasures()
  return erasures.every(({ receipt, done }) => !erased.has(receipt) || done['forgotten'] !== undefined)
}

/** Repos on the PDS that no account of ours knows. */
async function orphans(pds: string, folder: string): Promise<string[]> {
  const known = new Set(await primaryOf(folder).dids())
  return [...(await revisions(pds)).keys()].filter((did) => !known.has(did)).map((did) => `nobody knows ${did}`)
}
