/** A PDS that can be switched on and off, an installation that uses it from outside, and a clock that can be put forward. */

import { randomBytes } from 'node:crypto'
import type { App, Overrides } from '../../src/app.ts'
import { DataFolder } from '../../src/data-folder.ts'
import { type Network, startNetwork } from '../../src/embedded/network.ts'
import { choosePorts, networkUrls, rememberPorts } from '../../src/embedded/tcp-ports.ts'
import type { Timer } from '../../src/ports/clock.ts'
import { ProfileProxy, testedProfile } from './profiles.ts'
import { environment, startApp, temporaryFolder } from './installation.ts'

export interface Site extends AsyncDisposable {
  readonly app: App
  /** Data folder of the installation. */
  readonly dataFolder: string
  /** Environment of a command on the same installation, in a process of its own. */
  readonly env: Record<string, string>
  /** Data folder of the PDS. */
  readonly pdsFolder: string
  /** Base URL of the PDS itself, whatever stands before it. */
  readonly realPds: string
  /** Base URL of the PLC directory itself. */
  readonly realPlc: string
  readonly pds: Pick<OwnPds, 'up' | 'down'>
  /** The clock of the installation stands still but for this; the PDS keeps its own. */
  now(): number
  forward(ms: number): void
  /** Waits no real time: the clock goes forward instead, and the engine does whatever is due by then. */
  readonly timer: Timer
}

/** A PDS and a PLC directory that are no part of an installation. */
export interface OwnPds extends AsyncDisposable {
  /** Its data folder. */
  readonly folder: string
  /** Environment of installations that use it. */
  readonly env: Record<string, string>
  up(options?: { readonly rateLimits?: boolean }): Promise<void>
  down(): Promise<void>
}

/** It is down at first. @param path of a folder to keep it in */
export async function createPds(path: string): Promise<OwnPds> {
  const folder = new DataFolder(path)
  folder.checkWritable()
  const ports = await choosePorts(folder, { pds: 0, plc: 0 })
  rememberPorts(folder, ports)
  const secrets = folder.secrets()
  let network: Network | null = null
  const down = async (): Promise<void> => {
    await network?.[Symbol.asyncDispose]()
    network = null
  }
  return {
    folder: path,
    env: {
      PDS_PORT: '',
      PLC_PORT: '',
      PDS_URL: networkUrls(ports).pdsUrl,
      PLC_URL: networkUrls(ports).plcUrl,
      PDS_ADMIN_PASSWORD: secrets.pdsAdminPassword,
      MOODS_SEAL_KEY: randomBytes(32).toString('base64'),
      AUTH_ISSUER: 'https://issuer.invalid/',
      AUTH_AUDIENCE: 'moods',
    },
    async up({ rateLimits = false } = {}) {
      network ??= await startNetwork({ folder, ports, secrets, rateLimits })
    },
    down,
    [Symbol.asyncDispose]: down,
  }
}

/** What the installation takes for its PDS. */
export interface Front extends AsyncDisposable {
  readonly url: string
  /** What it takes for its PLC directory, where something stands before that as well. */
  readonly plcUrl?: string
  /** Refuses connections, as the PDS behind it does while it is down; absent where it takes them all the same. */
  readonly shut?: () => Promise<void>
  readonly open?: () => Promise<void>
}

/** Starts what stands before the PDS, and perhaps before the PLC directory, at whose base URLs it is told. */
export type StartFront = (pdsUrl: string, plcUrl: string) => Promise<Front>

/** Another kind of PDS, where one is named: the suites of the engine hold on each. */
export async function chosenFront(pdsUrl: string): Promise<Front | null> {
  const profile = testedProfile()
  return profile === null ? null : ProfileProxy.start(profile, pdsUrl)
}

/**
 * The PDS is down at first.
 *
 * @param front starts what stands before PDS and directory, at whose base URLs it is told; if not said, the kind of PDS that
 *   `MOODS_TEST_PROFILE` names
 */
export async function createSite(
  more: Record<string, string> = {},
  overrides: Overrides = {},
  front: StartFront | null = null,
): Promise<Site> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const pds = stack.use(await createPds(`${folder.path}/network`))
  let now = Date.now()
  const before = await (front ?? chosenFront)(pds.env['PDS_URL']!, pds.env['PLC_URL']!)
  if (before) stack.use(before)
  await before?.shut?.()
  const env = {
    ...pds.env,
    ...(before && { PDS_URL: before.url, PLC_URL: before.plcUrl ?? pds.env['PLC_URL']! }),
    ...more,
  }
  const clock = { now: () => now }
  const app = stack.use(
    await startApp(`${folder.path}/moods`, { role: 'serve', env, overrides: { ...overrides, clock } }),
  )
  const forward = (ms: number): void => void (now += ms)
  let waited = 0
  const timer: Timer = {
    now: () => performance.now() + waited,
    async pause(ms, stop) {
      if (stop.aborted) return
      waited += ms
      forward(Math.ceil(ms))
      await app.engine.drain()
    },
  }
  const owned = stack.move()
  return {
    app,
    dataFolder: `${folder.path}/moods`,
    env: environment(`${folder.path}/moods`, env),
    pdsFolder: pds.folder,
    realPds: pds.env['PDS_URL']!,
    realPlc: pds.env['PLC_URL']!,
    pds: {
      async up(options) {
        await pds.up(options)
        await before?.open?.()
      },
      async down() {
        await before?.shut?.()
        await pds.down()
      },
    },
    now: () => now,
    forward,
    timer,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
