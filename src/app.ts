/** The composition root: the only file that knows all the parts. */

import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hkdfSync, randomUUID } from 'node:crypto'
import { Accounts } from './accounts.ts'
import { type Config, LOOPBACK_HOSTS } from './config.ts'
import { DataFolder } from './data-folder.ts'
import { DomainError } from './domain/errors.ts'
import { Erasures } from './erasure.ts'
import { findPds, hostPds, needsFolder, type PdsAccess } from './hosting.ts'
import { createOidc, createTrialSignIn, type TrialSignIn } from './http/auth.ts'
import { FeedHub } from './http/feed-hub.ts'
import type { Http } from './http/deps.ts'
import { createHttp } from './http/server.ts'
import { Moods } from './moods.ts'
import { Events } from './observe/events.ts'
import { createLog, type Logger } from './observe/log.ts'
import { PdsClient } from './pds/client.ts'
import { PdsHost } from './pds/host.ts'
import { Sealer } from './pds/sealer.ts'
import { Sessions } from './pds/sessions.ts'
import { Xrpc } from './pds/xrpc.ts'
import type { AccountHost, Clock, RepoClient, Store } from './ports.ts'
import { Signal } from './signal.ts'
import { openStore } from './store/open.ts'
import { Engine } from './sync/engine.ts'
import { Governor } from './sync/governor.ts'
import type { Seam } from './sync/pass.ts'

/**
 * `serve`: API, page and, in embedded mode, the PDS; `worker`: the engine; `all`: both in one process; `command`: neither,
 * for a command that has its own use for the parts.
 */
export type Role = 'serve' | 'worker' | 'all' | 'command'

/** What a test may replace. */
export interface Overrides {
  readonly clock?: Clock
  readonly random?: () => number
  readonly log?: Logger
  /** Where a process may be made to die. */
  readonly seam?: (name: Seam) => void
}

export interface App extends AsyncDisposable {
  /** Base URL of the API and the page; null for a worker. */
  readonly address: string | null
  readonly pdsUrl: string
  readonly store: Store
  readonly moods: Moods
  readonly accounts: Accounts
  readonly erasures: Erasures
  readonly client: RepoClient
  readonly host: AccountHost
  readonly config: Config
  readonly clock: Clock
  readonly engine: Engine
  /** Null where users sign in elsewhere. */
  readonly trial: TrialSignIn | null
}

/** A dead worker's repos are taken over after this long. */
const LEASE_MS = 6_000
const POLL_MS = 500
const SWEEP_MS = 60_000

const PAGE = join(import.meta.dirname, '..', 'dist', 'web')

/**
 * Starts what the role needs, and undoes it all if something fails on the way.
 *
 * @throws DomainError `port_in_use`, `data_folder`: before anything was written
 */
export async function createApp(config: Config, role: Role, overrides: Overrides = {}): Promise<App> {
  const clock = overrides.clock ?? { now: () => Date.now() }
  const random = overrides.random ?? Math.random
  const events = new Events(overrides.log ?? createLog(config.logLevel))
  const folder = new DataFolder(config.dataFolder)
  await using starting = new AsyncDisposableStack()

  const isServer = role === 'serve' || role === 'all'
  const pds = isServer ? await hostPds(config, folder, starting) : findPds(config, folder)
  const { url } = pds
  const store = starting.use(await openStore(config.store, url))
  const { adminPassword, sealKey } = await pds.start()
  await checkSealKey(store, sealKey)
  const { client, host } = connect(config, { url, adminPassword, sealKey }, store, clock, random)

  const changes = new Signal()
  const changed = (): void => changes.raise()
  const { federation: policy, eraseAccounts, softDeleteRecords } = config
  const seam = overrides.seam ?? (() => {})
  const engine = new Engine(
    { store, client, host, clock, random, events, policy, eraseAccounts, changed, seam },
    {
      owner: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
      concurrency: config.syncConcurrency,
      leaseMs: LEASE_MS,
      pollMs: POLL_MS,
      sweepMs: SWEEP_MS,
    },
  )
  if (role === 'worker' || role === 'all') starting.defer(runUntilDisposed(engine))

  const nudge = (user: string): void => void engine.nudge(user).catch((error) => events.defect('nudge', error))
  const moods = new Moods({ store, client, clock, nudge, changed, softDeleteRecords })
  const accounts = new Accounts(store, nudge)
  const erasures = new Erasures({ store, clock, tombstoneKey: tombstoneKey(sealKey), nudge, changed })

  let address: string | null = null
  const trial = isServer && config.auth.kind === 'trial' ? await createTrialSignIn(folder) : null
  if (isServer) {
    const auth = trial ?? oidc(config)
    const onError = (error: unknown): void => events.defect('stream', error)
    const hub = new FeedHub({ store: store.moods, moods, clock, changes, onError })
    const page = existsSync(join(PAGE, 'index.html')) ? PAGE : null
    const ready = readiness(store, config.remote === null ? url : null)
    const onlyLoopback = LOOPBACK_HOSTS.has(config.host)
    const deps = { moods, accounts, erasures, auth, trial, hub, events, ready, page, pdsUrl: url, onlyLoopback }
    const http = await createHttp(deps)
    starting.defer(() => closeHttp(http))
    starting.defer(() => hub.close())
    address = await http.listen({ host: config.host, port: config.port })
    if (needsFolder(config)) folder.writeJson('server.json', { address })
  }
  if (role !== 'command') events.started(address, url)
  const running = starting.move()
  return {
    address,
    pdsUrl: url,
    store,
    moods,
    accounts,
    erasures,
    client,
    host,
    config,
    clock,
    engine,
    trial,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** What speaks to the PDS, within its budgets. */
function connect(config: Config, pds: PdsAccess & { url: string }, store: Store, clock: Clock, random: () => number) {
  const { url, adminPassword, sealKey } = pds
  const { limits, pdsTimeoutMs: timeoutMs, bypassKey, accountEmailDomain: emailDomain } = config
  const governor = new Governor(store.ledger, clock, random, { limits, probeMs: timeoutMs })
  const sealer = new Sealer(sealKey)
  const xrpc = new Xrpc(clock, { timeoutMs, bypassKey })
  const sessions = new Sessions(store.accounts, sealer, clock, xrpc, (user) => governor.admitLogin(user))
  return {
    client: governor.client(new PdsClient(sessions, xrpc)),
    host: governor.host(new PdsHost({ url, adminPassword, emailDomain }, sealer, sessions, xrpc), url),
  }
}

/** @throws DomainError `config` when what is stored was sealed with another key: better now than with each mood */
async function checkSealKey(store: Store, sealKey: Uint8Array): Promise<void> {
  const sealed = (await store.accounts.anySealed())?.sealedPassword
  if (!sealed) return
  try {
    await new Sealer(sealKey).open(sealed)
  } catch (error) {
    const message =
      'the stored passwords were sealed with another key (MOODS_SEAL_KEY, or secrets.json in the data folder)'
    throw new DomainError('config', message, { cause: error })
  }
}

/** A key of its own for each purpose, from the one that is kept. */
function tombstoneKey(sealKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', sealKey, '', 'moods tombstones', 32))
}

function runUntilDisposed(engine: Engine): () => Promise<void> {
  const stopping = new AbortController()
  const running = engine.run(stopping.signal)
  return () => {
    stopping.abort()
    return running
  }
}

function oidc(config: Config) {
  if (config.auth.kind !== 'oidc') throw new Error('no way to sign in is configured')
  return createOidc(config.auth.issuer, config.auth.audience)
}

/** How long requests under way may take to be answered when the server stops. */
const GRACE_MS = 2_000

/** Stops listening, and cuts off whoever has not been answered in time. */
async function closeHttp(http: Http): Promise<void> {
  const cutOff = setTimeout(() => http.server.closeAllConnections(), GRACE_MS)
  await http.close()
  clearTimeout(cutOff)
}

/** Posts are taken when the store answers; an embedded PDS must answer too. */
function readiness(store: Store, embeddedPds: string | null): () => Promise<void> {
  return async () => {
    await store.check()
    if (embeddedPds === null) return
    const response = await fetch(`${embeddedPds}/xrpc/_health`, { signal: AbortSignal.timeout(2_000) })
    if (!response.ok) throw new DomainError('unavailable', 'the embedded PDS does not answer')
  }
}
