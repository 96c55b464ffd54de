/** A PDS that can be switched on and off, an installation that uses it from outside, and a clock that can be put forward. */

import { randomBytes } from 'node:crypto'
import type { App, Overrides } from '../../src/app.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { type Network, startNetwork } from '../../src/embedded/network.ts'
import { choosePorts, networkUrls } from '../../src/embedded/tcp-ports.ts'
import { environment, startApp, temporaryFolder } from './installation.ts'

export interface Site extends AsyncDisposable {
  readonly app: App
  /** Data folder of the installation. */
  readonly dataFolder: string
  /** Environment of a command on the same installation, in a process of its own. */
  readonly env: Record<string, string>
  /** Data folder of the PDS. */
  readonly pdsFolder: string
  readonly pds: { up(options?: { readonly rateLimits?: boolean }): Promise<void>; down(): Promise<void> }
  /** The clock of the installation stands still but for this; the PDS keeps its own. */
  now(): number
  forward(ms: number): void
}

/** The PDS is down at first. */
export async function createSite(more: Record<string, string> = {}, overrides: Overrides = {}): Promise<Site> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const pdsFolder = new DataFolder(`${folder.path}/network`)
  pdsFolder.checkWritable()
  const ports = await choosePorts(pdsFolder, { pds: 0, plc: 0 })
  const secrets = pdsFolder.secrets()
  let network: Network | null = null
  const pds = {
    async up({ rateLimits = false } = {}): Promise<void> {
      network ??= await startNetwork({ folder: pdsFolder, ports, secrets, rateLimits })
    },
    async down(): Promise<void> {
      await network?.[Symbol.asyncDispose]()
      network = null
    },
  }
  stack.defer(() => pds.down())

  let now = Date.now()
  const env = {
    PDS_PORT: '',
    PLC_PORT: '',
    PDS_URL: networkUrls(ports).pdsUrl,
    PLC_URL: networkUrls(ports).plcUrl,
    PDS_ADMIN_PASSWORD: secrets.pdsAdminPassword,
    MOODS_SEAL_KEY: randomBytes(32).toString('base64'),
    AUTH_ISSUER: 'https://issuer.invalid/',
    AUTH_AUDIENCE: 'moods',
    ...more,
  }
  const clock = { now: () => now }
  const app = stack.use(
    await startApp(`${folder.path}/moods`, { role: 'serve', env, overrides: { ...overrides, clock } }),
  )
  const owned = stack.move()
  return {
    app,
    dataFolder: `${folder.path}/moods`,
    env: environment(`${folder.path}/moods`, env),
    pdsFolder: pdsFolder.path,
    pds,
    now: () => now,
    forward: (ms) => void (now += ms),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
