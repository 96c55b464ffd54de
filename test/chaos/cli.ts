/**
 * `npm run chaos -- --kills N --seed S`, with `--profile NAME` on another kind of PDS, `all` for one after the other: two workers
 * at a time, killed again and again while people post, change and delete. What is left has to be what the primary wants,
 * proven by the root of each repo.
 */

import { spawnSync } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { App } from '../../src/app.ts'
import { DomainError } from '../../src/domain/errors.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { differences } from '../support/oracle.ts'
import { runMoods } from '../support/process.ts'
import { profileOf, ProfileProxy, PROFILES } from '../support/profiles.ts'
import { randomFrom } from '../support/random.ts'
import { unproven } from '../support/root-oracle.ts'
import { createPds } from '../support/site.ts'
import { Killing } from './killing.ts'

const USERS = 40
const PATIENCE_MS = 5 * 60_000

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    profile: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const [kills, seed] = [Number(values.kills), Number(values.seed)]
const random = randomFrom(seed)

/** @returns 0 when all went well on every kind of PDS */
function throughAll(): number {
  const failed = PROFILES.filter((profile) => {
    const args = [import.meta.filename, '--kills', values.kills, '--seed', values.seed, '--profile', profile]
    return spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0
  })
  console.log(failed.length === 0 ? 'All is well on every kind of PDS.' : `FAILED on ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
}

/** A mood that was nuked cannot be changed, and that is as it should be. */
function unlessNuked(error: unknown): void {
  if (!(error instanceof DomainError) || error.code !== 'not_found') throw error
}

async function keepPosting(app: App, killing: Killing): Promise<number> {
  const mine = new Map<string, string[]>()
  let posted = 0
  while (!killing.isOver) {
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

/** @returns 0 when every repo is what the primary wants */
async function killAndCompare(): Promise<number> {
  await using folder = await temporaryFolder()
  // Without a profile, the PDS is a part of the installation.
  await using pds = values.profile === undefined ? null : await createPds(`${folder.path}/network`)
  await pds?.up()
  const realPds = pds?.env['PDS_URL']
  await using kind = realPds === undefined ? null : await ProfileProxy.start(profileOf(values.profile!), realPds)
  const pdsEnv = { ...pds?.env, ...(kind && { PDS_URL: kind.url }) }
  await using app = await startApp(`${folder.path}/moods`, { role: 'serve', env: pdsEnv })
  const killing = new Killing({
    wanted: kills,
    env: environment(`${folder.path}/moods`, pdsEnv),
    patienceMs: [1_000, 2_500],
  })
  console.log(`${kills} kills, seed ${seed}, PDS ${values.profile ?? 'reference'}`)
  for (let i = 0; i < USERS; i++) await app.accounts.signUp(`user-${i}`, `chaos-${i}`)
  const progress = setInterval(() => console.log(`  ${killing.dead} killed`), 10_000)
  const [posted] = await Promise.all([
    keepPosting(app, killing),
    killing.keepKilling(randomFrom(seed + 1)),
    killing.keepKilling(randomFrom(seed + 2)),
  ])
  clearInterval(progress)
  console.log(`  ${posted} moods posted; two workers that live on finish the work`)

  const survivors = [killing.start(1, 0), killing.start(2, 0)]
  const deadline = performance.now() + PATIENCE_MS
  while ((await app.store.work.count()).states.pending > 0 && performance.now() < deadline) await setTimeout(500)
  for (const worker of survivors) worker.kill('SIGTERM')

  console.table(killing.hits)
  console.log('moods:', (await app.store.work.count()).states)
  // The product proves each repo, through whatever stands before the PDS; whether that is so is worked out from the PDS itself.
  const audit = await runMoods(['audit', '--all'], environment(`${folder.path}/moods`, pdsEnv))
  console.log(audit.stdout)
  const network = { pdsUrl: realPds ?? app.pdsUrl, plcUrl: app.plcUrl }
  const found = [
    ...(await differences(network.pdsUrl, `${folder.path}/moods`)),
    ...(await unproven(network, `${folder.path}/moods`)),
  ]
  for (const line of found) console.error(line)
  const silent = killing.silent()
  if (silent.length > 0) console.error(`never happened: ${silent.join(', ')}`)
  const isWell = found.length === 0 && silent.length === 0
  console.log(
    isWell ? `Every repo is what the primary wants: ${USERS} of ${USERS} are proven equal by root.` : 'FAILED',
  )
  return isWell ? 0 : 1
}

process.exitCode = values.profile === 'all' ? throughAll() : await killAndCompare()
