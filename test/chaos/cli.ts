/**
 * `npm run chaos -- --kills N --seed S`, with `--profile NAME` on another kind of PDS: two workers at a time, killed again and
 * again while people post, change and delete. What is left has to be what the primary wants.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { App } from '../../src/app.ts'
import { DomainError } from '../../src/domain/errors.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { differences } from '../support/oracle.ts'
import { profileOf, ProfileProxy } from '../support/profiles.ts'
import { type Random, randomFrom } from '../support/random.ts'
import { createPds } from '../support/site.ts'

const SEAMS = ['after-claim', 'before-write', 'after-write', 'after-settle'] as const
const USERS = 40
const PATIENCE_MS = 5 * 60_000

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    profile: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
/** Where the PDS is, where it is no part of the installation. */
const pdsEnv: Record<string, string> = {}
const [kills, seed] = [Number(values.kills), Number(values.seed)]
const random = randomFrom(seed)
const hits: Record<string, number> = Object.fromEntries([...SEAMS, 'at random'].map((name) => [name, 0]))
const dead = (): number => Object.values(hits).reduce((sum, n) => sum + n, 0)

/** Keeps one worker alive until `kills` have died in all, and some time of its own choosing longer. */
async function keepKilling(folder: string, more: Random): Promise<void> {
  while (dead() < kills) {
    const worker = startWorker(folder, more.below(2 ** 31), 0.05)
    let last = ''
    worker.stdout?.on('data', (chunk: Buffer) => (last += chunk.toString()))
    const exited = once(worker, 'exit')
    const doomed = setTimeout(1_000 + more.below(2_500)).then(() => {
      if (worker.exitCode !== null || worker.signalCode !== null) return
      hits['at random']!++
      worker.kill('SIGKILL')
    })
    await exited
    const seam = SEAMS.find((name) => last.trimEnd().endsWith(name))
    if (seam) hits[seam]!++
    await doomed
    if (worker.signalCode !== 'SIGKILL') throw new Error(`a worker ended by itself: ${worker.exitCode}`)
  }
}

function startWorker(folder: string, workerSeed: number, share: number): ChildProcess {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...environment(folder, pdsEnv) }
  const args = ['test/chaos/worker.ts', String(workerSeed), String(share)]
  const worker = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => worker.kill('SIGKILL'))
  return worker
}

/** A mood that was nuked cannot be changed, and that is as it should be. */
function unlessNuked(error: unknown): void {
  if (!(error instanceof DomainError) || error.code !== 'not_found') throw error
}

async function keepPosting(app: App): Promise<number> {
  const mine = new Map<string, string[]>()
  let posted = 0
  while (dead() < kills) {
    const user = `user-${random.below(USERS)}`
    const ids = mine.get(user) ?? []
    const { mood } = await app.moods.post(user, { mood: `mood ${posted++}`, isPrivate: random.next() < 0.1 })
    ids.push(mood.id)
    mine.set(user, ids)
    const id = random.pick(ids)
    const dice = random.next()
    if (dice < 0.08) {
      await app.moods.delete(user, id, 'withdraw')
      mine.set(
        user,
        ids.filter((other) => other !== id),
      )
    } else if (dice < 0.18) await app.moods.edit(user, id, { isPrivate: random.next() < 0.5 }).catch(unlessNuked)
    else if (dice < 0.2) await app.moods.nuke(user, random.next() < 0.5 ? 'nuke' : 'restore', 'withdraw')
    await setTimeout(random.below(60))
  }
  return posted
}

process.setMaxListeners(kills + 100)
await using folder = await temporaryFolder()
// Without a profile, the PDS is a part of the installation.
await using pds = values.profile === undefined ? null : await createPds(`${folder.path}/network`)
await pds?.up()
const realPds = pds?.env['PDS_URL']
await using kind = realPds === undefined ? null : await ProfileProxy.start(profileOf(values.profile!), realPds)
Object.assign(pdsEnv, pds?.env, kind && { PDS_URL: kind.url })
await using app = await startApp(`${folder.path}/moods`, { role: 'serve', env: pdsEnv })
console.log(`${kills} kills, seed ${seed}, PDS ${values.profile ?? 'reference'}`)
for (let i = 0; i < USERS; i++) await app.accounts.signUp(`user-${i}`, `chaos-${i}`)
const progress = setInterval(() => console.log(`  ${dead()} killed`), 10_000)
const [posted] = await Promise.all([
  keepPosting(app),
  keepKilling(`${folder.path}/moods`, randomFrom(seed + 1)),
  keepKilling(`${folder.path}/moods`, randomFrom(seed + 2)),
])
clearInterval(progress)
console.log(`  ${posted} moods posted; two workers that live on finish the work`)

const survivors = [startWorker(`${folder.path}/moods`, 1, 0), startWorker(`${folder.path}/moods`, 2, 0)]
const deadline = performance.now() + PATIENCE_MS
while ((await app.store.work.count()).states.pending > 0 && performance.now() < deadline) await setTimeout(500)
for (const worker of survivors) worker.kill('SIGTERM')

console.table(hits)
console.log('moods:', (await app.store.work.count()).states)
const found = await differences(realPds ?? app.pdsUrl, `${folder.path}/moods`)
for (const line of found) console.error(line)
const silent = Object.entries(hits).filter(([, n]) => n === 0)
if (silent.length > 0) console.error(`never happened: ${silent.map(([name]) => name).join(', ')}`)
const isWell = found.length === 0 && silent.length === 0
console.log(isWell ? 'Every repo is what the primary wants.' : 'FAILED')
process.exitCode = isWell ? 0 : 1
