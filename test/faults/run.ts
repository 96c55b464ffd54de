/** Many moods of many users through a proxy that lets things go wrong, and what is left of them in the end. */

import { setTimeout } from 'node:timers/promises'
import type { App } from '../../src/app.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { startNetwork } from '../../src/embedded/network.ts'
import { choosePorts } from '../../src/embedded/tcp-ports.ts'
import { startApp, temporaryFolder } from '../support/installation.ts'
import { differences } from '../support/oracle.ts'
import { type Profile, ProfileProxy } from '../support/profiles.ts'
import { type Fault, FaultyProxy } from '../support/proxy.ts'
import { type Random, randomFrom } from '../support/random.ts'

export interface FaultsOptions {
  readonly moods: number
  readonly users: number
  readonly seed: number
  /** Share of requests that go wrong. */
  readonly rate: number
  /** How many times as fast as real time the engine's clock goes, at most 3: its leases are renewed in real time. */
  readonly pace: number
  /** Once each fault has happened twice and nothing new is posted, half as many requests go wrong after this many seconds. */
  readonly halfAfterS: number
  readonly say: (line: string) => void
  /** What kind of PDS it is; the reference one if not said. */
  readonly profile?: Profile | null
}

export interface FaultsResult {
  readonly hits: Readonly<Record<Fault, number>>
  /** None when every repo is what the primary wants. */
  readonly differences: readonly string[]
  readonly states: Readonly<Record<string, number>>
}

const TIMEOUT_MS = 800
const LATE_MS = 2_500
/** How long the engine may take after the last change. */
const PATIENCE_MS = 8 * 60_000

const ROUND_MS = 500

export async function runFaults(options: FaultsOptions): Promise<FaultsResult> {
  await using folder = await temporaryFolder()
  const pdsFolder = new DataFolder(`${folder.path}/network`)
  pdsFolder.checkWritable()
  const ports = await choosePorts(pdsFolder, { pds: 0, plc: 0 })
  const secrets = pdsFolder.secrets()
  await using network = await startNetwork({ folder: pdsFolder, ports, secrets, rateLimits: false })
  const { seed, rate, profile = null } = options
  await using kind = profile === null ? null : await ProfileProxy.start(profile, network.pdsUrl)
  await using proxy = await FaultyProxy.start({
    target: kind?.url ?? network.pdsUrl,
    seed,
    rate,
    clientTimeoutMs: TIMEOUT_MS,
    lateMs: LATE_MS,
  })
  const env = {
    PDS_PORT: '',
    PLC_PORT: '',
    PDS_URL: proxy.url,
    PLC_URL: network.plcUrl,
    PDS_ADMIN_PASSWORD: secrets.pdsAdminPassword,
    PDS_TIMEOUT_MS: String(TIMEOUT_MS),
    PDS_RATE_LIMITS: 'off',
    MOODS_SEAL_KEY: Buffer.alloc(32, 7).toString('base64'),
    AUTH_ISSUER: 'https://issuer.invalid/',
    AUTH_AUDIENCE: 'moods',
  }
  const started = Date.now()
  const clock = { now: () => started + Math.round((Date.now() - started) * options.pace) }
  await using app = await startApp(`${folder.path}/moods`, { env, overrides: { clock } })
  await makeHistory(app, options, randomFrom(seed + 1))
  await settle(app, proxy, options)
  const { states } = await app.store.work.count()
  const { states: accounts } = await app.store.accounts.count()
  const found = await differences(network.pdsUrl, `${folder.path}/moods`)
  if (accounts.ready !== options.users) found.push(`only ${accounts.ready} of ${options.users} accounts are ready`)
  return { hits: proxy.hits, differences: found, states }
}

/** Posts, and now and then takes back, hides, shows or changes what was posted. */
async function makeHistory(app: App, { moods, users, say }: FaultsOptions, random: Random): Promise<void> {
  const mine = new Map<string, string[]>()
  for (let i = 0; i < users; i++) {
    const user = `user-${i}`
    mine.set(user, [])
    await app.accounts.signUp(user, `faulty-${i}`)
  }
  const names = [...mine.keys()]
  for (let i = 0; i < moods; i++) {
    const user = random.pick(names)
    const ids = mine.get(user)!
    const { mood } = await app.moods.post(user, { mood: `mood ${i} of ${user}`, isPrivate: random.next() < 0.1 })
    ids.push(mood.id)
    const dice = random.next()
    const id = random.pick(ids)
    if (dice < 0.06) {
      await app.moods.delete(user, id, random.next() < 0.8 ? 'withdraw' : 'keep')
      mine.set(
        user,
        ids.filter((other) => other !== id),
      )
    } else if (dice < 0.12) await app.moods.edit(user, id, { isPrivate: random.next() < 0.5 })
    else if (dice < 0.16) await app.moods.edit(user, id, { intensity: 1 + random.below(10) })
    if (i % 500 === 499) say(`  ${i + 1} moods posted`)
  }
}

/** Waits until the engine has nothing left to do, while fewer and fewer requests go wrong. */
async function settle(app: App, proxy: FaultyProxy, { rate, halfAfterS, say }: FaultsOptions): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  let calm = 0
  for (let round = 1; ; round++) {
    const { states } = await app.store.work.count()
    if (states.pending === 0) return proxy.settled()
    if (performance.now() > deadline) return
    if (round % 20 === 0) say(`  ${states.pending} pending, ${states.published} published`)
    if (Object.values(proxy.hits).every((count) => count >= 2)) calm++
    proxy.options.rate = rate / (1 + (calm * ROUND_MS) / 1_000 / halfAfterS)
    await setTimeout(ROUND_MS)
  }
}
