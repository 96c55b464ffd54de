/** The composition root: the only file that knows all the parts. */

import { hostname } from 'node:os'
import { hkdfSync, randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { Accounts } from './accounts.ts'
import type { Config } from './config.ts'
import { DataFolder } from './data-folder.ts'
import { DomainError } from './domain/errors.ts'
import type { Notice } from './domain/notice.ts'
import { firstPolicy, ignoredText, type StoredPolicy } from './domain/policy.ts'
import { publishInBackground } from './lexicon/embedded-authority.ts'
import { checkOwnMongod, ownMongod } from './embedded/mongod.ts'
import { Erasures } from './erasures.ts'
import { findPds, hostPds, needsFolder, type PdsAccess } from './network.ts'
import { createTrialSignIn, type TrialSignIn } from './http/trial.ts'
import type { Http } from './http/deps.ts'
import { createHttp } from './http/app.ts'
import { Moods } from './moods.ts'
import { Events } from './observe/events.ts'
import { HealthLog } from './observe/health-log.ts'
import { PolicyLog } from './observe/policy-log.ts'
import { createLog, type Logger } from './observe/log.ts'
import { DailyCheck } from './operate/daily-check.ts'
import { readHealth } from './operate/health.ts'
import { RelayWatch } from './operate/relay-watch.ts'
import { Proving } from './operate/proving.ts'
import { REAL_TIMER } from './operate/watch.ts'
import { limitsOf } from './pds/repo/block-table.ts'
import { PdsClient } from './pds/client.ts'
import { PdsDirectory } from './pds/directory.ts'
import { PdsHost } from './pds/host.ts'
import { Identities } from './pds/identities.ts'
import { PdsPlaces } from './pds/places.ts'
import { RelayClient } from './pds/relay.ts'
import { looksSealed, Sealer } from './pds/sealer.ts'
import { Sessions } from './pds/sessions.ts'
import { Xrpc } from './pds/xrpc.ts'
import type { ArchiveKind } from './ports/archive.ts'
import type { Store } from './ports/store.ts'
import type { Directory } from './ports/directory.ts'
import type { AccountHost, RepoClient } from './ports/pds.ts'
import type { Places } from './ports/places.ts'
import type { Relays } from './ports/sightings.ts'
import type { AgreedClock, Clock, Timer } from './ports/clock.ts'
import { SharedClock } from './shared-clock.ts'
import { Wakeup } from './wakeup.ts'
import { openStore } from './store/open.ts'
import { Engine } from './sync/engine.ts'
import { FlaggedAccounts } from './sync/flagged.ts'
import { Heartbeat } from './sync/heartbeat.ts'
import { HostProbes } from './sync/probe-hosts.ts'
import { VERSION } from './version.ts'
import { Governor } from './pds/governor.ts'
import type { Seam } from './sync/send.ts'

/**
 * `serve`: API, page and, in embedded mode, the PDS; `worker`: the engine; `all`: both in one process; `command`: neither,
 * for a command that has its own use for the parts.
 */
export type Role = 'serve' | 'worker' | 'all' | 'command'

/** What a test may replace. */
export interface Overrides {
  /** Stands for all clocks: the process compares it with no other. */
  readonly clock?: Clock
  /** Stands for that of this machine alone. */
  readonly ownClock?: Clock
  readonly random?: () => number
  readonly log?: Logger
  /** Where a process may be made to die. */
  readonly seam?: (name: Seam) => void
}

export interface App extends AsyncDisposable {
  /** Base URL of the API and the page; null for a worker. */
  readonly address: string | null
  readonly pdsUrl: string
  /** Where the DIDs of the accounts are registered. */
  readonly plcUrl: string
  readonly store: Store
  readonly moods: Moods
  readonly accounts: Accounts
  readonly erasures: Erasures
  readonly client: RepoClient
  readonly host: AccountHost
  readonly places: Places
  readonly relays: Relays
  /** Opens and seals what is stored with accounts. */
  readonly sealer: Sealer
  readonly directory: Directory
  readonly config: Config
  readonly clock: Clock
  readonly timer: Timer
  readonly engine: Engine
  /** The policy in force at the start. The store has it as it is now. */
  readonly policy: StoredPolicy
  /** Null where users sign in elsewhere. */
  readonly trial: TrialSignIn | null
  /**
   * API and page, for whoever has requests to hand to them: those that listen, or, in a process that serves nothing, some
   * that do not. Built once, closed with the rest.
   *
   * @throws DomainError `config` when there is no way to sign in
   */
  readonly http: () => Promise<Http>
}

/** A dead worker's repos are taken over after this long. */
const LEASE_MS = 6_000
const POLL_MS = 500
const SWEEP_MS = 60_000

/**
 * Starts what the role needs, and undoes it all if something fails on the way.
 *
 * @throws DomainError `port_in_use`, `data_folder`: before anything was written; `config` for a server or worker that may
 *   not write to the store
 */
export async function createApp(config: Config, role: Role, overrides: Overrides = {}): Promise<App> {
  const random = overrides.random ?? Math.random
  const events = new Events(overrides.log ?? createLog(config.logLevel))
  const folder = new DataFolder(config.dataFolder)
  await using starting = new AsyncDisposableStack()

  const isServer = role === 'serve' || role === 'all'
  if (isServer && config.remote === null) requireEmbedded()
  const pds = isServer ? await hostPds(config, folder, starting) : findPds(config, folder)
  const { url, plcUrl } = pds
  if (!isServer) await checkOwnMongod(folder, config.store)
  const store = starting.use(await openStore(config.store, url))
  requireWritable(store, role)
  const { clock, shared, tokenTime } = await clockOf(store, config, overrides, starting)
  const access = { url, plcUrl, ...(await pds.start()) }
  await checkSealKey(store, access.sealKey)
  const policy = await policyOf(store, config, clock)
  const { xrpc, ...pdsAdapters } = connect(config, access, { store, clock, shared, random })
  const { client, host, places } = pdsAdapters

  const changes = new Wakeup()
  const changed = (): void => changes.raise()
  const { eraseAccounts, softDeleteRecords } = config
  const owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`
  const engine = new Engine(
    { store, client, host, places, clock, random, events, eraseAccounts, changed, seam: overrides.seam ?? (() => {}) },
    { owner, concurrency: config.syncConcurrency, leaseMs: LEASE_MS, pollMs: POLL_MS, sweepMs: SWEEP_MS, policy },
  )
  if (role === 'worker' || role === 'all')
    await work({ engine, owner, role, store, ...pdsAdapters, clock, shared, events, pdsUrl: url, config }, starting)

  const nudge = (user: string): void => void engine.nudge(user).catch((error) => events.defect('nudge', error))
  const moods = new Moods({ store, client, clock, nudge, changed, softDeleteRecords })
  const accounts = new Accounts(store, config.relays, nudge)
  const erasures = new Erasures({ store, clock, tombstoneKey: tombstoneKey(access.sealKey), nudge, changed })

  let address: string | null = null
  const trial = isServer && config.auth.kind === 'trial' ? await createTrialSignIn(folder, tokenTime) : null
  const health = async () => (await readHealth({ store, clock, config, pdsUrl: url }, shared?.offsets())).notices
  const signIn = { trial, tokenTime }
  const parts = { config, pdsUrl: url, store, moods, accounts, erasures, events, clock, changes, health, ...signIn }
  let http: Promise<Http> | null = null
  if (isServer) {
    http = createHttp(parts, starting)
    address = await (await http).listen({ host: config.host, port: config.port })
    if (needsFolder(config)) folder.rememberServer({ address, mongod: ownMongod(folder, config.store) })
    if (config.remote === null) {
      starting.defer(publishInBackground({ folder, host, xrpc, pdsUrl: url }, lexiconEvents(events, clock)))
    }
  }
  if (role !== 'command') {
    tellOfChanges({ role, store, events, health, policy }, starting)
    events.started(address, url, policy, ignoredText(config.federation, policy))
  }
  const running = starting.move()
  return {
    address,
    pdsUrl: url,
    plcUrl,
    store,
    moods,
    accounts,
    erasures,
    ...pdsAdapters,
    config,
    clock,
    timer: REAL_TIMER,
    engine,
    policy,
    trial,
    http: () => (http ??= createHttp(parts, running)),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** @throws DomainError `config` where the embedded PDS is not: it is a development dependency, which packages do not bring */
function requireEmbedded(): void {
  try {
    for (const part of ['@atproto/pds', '@did-plc/server']) createRequire(import.meta.url).resolve(part)
  } catch (error) {
    const message = 'the embedded PDS is only in a clone of the repository, not in the package: set PDS_URL to a PDS'
    throw new DomainError('config', message, { cause: error })
  }
}

/** Whoever only looks may do without. @throws DomainError `config` for others, who would fail at each thing they do */
function requireWritable({ onlyRead }: Store, role: Role): void {
  if (role !== 'command' && onlyRead !== null) throw new DomainError('config', onlyRead)
}

/** What is logged of publishing the lexicon. */
function lexiconEvents(events: Events, clock: Clock): Parameters<typeof publishInBackground>[1] {
  return {
    onWait: (afterMs) => events.askedToWait('lexicon', clock.now() + afterMs),
    onError: (error) => events.defect('lexicon', error),
  }
}

/**
 * The clock that the process goes by. `shared`: the same, where it is compared with others; else null. `tokenTime`: the time by
 * which users' tokens are valid, which other machines have issued.
 */
async function clockOf(
  store: Store,
  config: Config,
  { clock, ownClock }: Overrides,
  stack: AsyncDisposableStack,
): Promise<{ readonly clock: AgreedClock; readonly shared: SharedClock | null; readonly tokenTime: () => number }> {
  const own = ownClock ?? { now: () => Date.now() }
  if (clock) {
    const agreed = { now: () => clock.now(), agreed: async () => clock.now() }
    return { clock: agreed, shared: null, tokenTime: () => own.now() }
  }
  const shared = new SharedClock({
    own,
    timer: REAL_TIMER,
    storeTime: () => store.time(),
    isStoreHere: config.store.kind === 'sqlite',
  })
  await shared.compare()
  stack.defer(runUntilDisposed((stopping) => shared.run(stopping)))
  return { clock: shared, shared, tokenTime: () => shared.now() }
}

/** What speaks to the PDS, within its budgets. */
function connect(
  config: Config,
  pds: PdsAccess & { url: string; plcUrl: string },
  parts: { store: Store; clock: Clock; shared: SharedClock | null; random: () => number },
) {
  const { url, plcUrl, adminPassword, sealKey } = pds
  const { store, clock, shared, random } = parts
  const { limits, pdsTimeoutMs: timeoutMs, accountEmailDomain: emailDomain } = config
  const bypassKey = config.bypassKey === null ? null : { key: config.bypassKey, pds: url }
  const governor = new Governor(store.ledger, clock, random, { limits, probeMs: timeoutMs })
  const sealer = new Sealer(sealKey)
  const onTime = (at: string, time: number): void => {
    if (at === url) shared?.heard(time)
  }
  const xrpc = new Xrpc(clock, { timeoutMs, bypassKey, onTime }, governor)
  const sessions = new Sessions(store.accounts, sealer, clock, xrpc)
  const identities = new Identities(clock, { plcUrl, timeoutMs })
  return {
    client: new PdsClient(sessions, xrpc, identities, limitsOf(config.maxRepoMb)),
    host: new PdsHost({ url, adminPassword, emailDomain }, sealer, sessions, xrpc, clock),
    directory: new PdsDirectory(xrpc, { plcUrl, timeoutMs }),
    relays: new RelayClient(store.ledger, clock, random, new Xrpc(clock, { timeoutMs, bypassKey: null }, null), {
      timeoutMs,
    }),
    places: new PdsPlaces(sessions, xrpc, clock, identities),
    sealer,
    xrpc,
  }
}

/** Passwords that are looked at before the key is taken for the wrong one. */
const SEALED_LOOKED_AT = 100

/** @throws DomainError `config` when what is stored was sealed with another key: better now than with each mood */
async function checkSealKey(store: Store, sealKey: Uint8Array): Promise<void> {
  const sealer = new Sealer(sealKey)
  const accounts = await store.accounts.sealed(SEALED_LOOKED_AT)
  const sealed = accounts.flatMap(({ credentials }) => (credentials?.kind === 'sealed' ? credentials.sealed : []))
  // What nobody has sealed says nothing about the key, and one that is damaged is a matter of its account.
  const those = sealed.filter(looksSealed)
  if (those.length === 0) return
  const unsealed = await Promise.allSettled(those.map((text) => sealer.unseal(text)))
  if (unsealed.some(({ status }) => status === 'fulfilled')) return
  throw new DomainError(
    'config',
    'the stored passwords were sealed with another key (MOODS_SEAL_KEY, or secrets.json in the data folder)',
  )
}

/** The policy in force; the first process to open a store stores one. */
async function policyOf(store: Store, config: Config, clock: Clock): Promise<StoredPolicy> {
  const stored = await store.policy.get()
  if (stored !== null) return stored
  const has = async (kind: ArchiveKind): Promise<boolean> => (await store.archive.page(kind, '', 1)).length > 0
  const hasData = await Promise.all((['moods', 'accounts', 'handles'] as const).map(has))
  const unseeded = { configured: config.federation, isEmpty: !hasData.includes(true), hasRun: await has('repos') }
  return store.policy.begin({ ...firstPolicy(unseeded), by: `the first start on ${hostname()}`, at: clock.now() })
}

/** A key of its own for each purpose, from the one that is kept. */
function tombstoneKey(sealKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', sealKey, '', 'moods tombstones', 32))
}

/** Starts the engine. A worker that is ready is known as one, and stays known until its last write is done. */
async function work(
  parts: Pick<App, 'engine' | 'store' | 'client' | 'host' | 'places' | 'relays' | 'clock' | 'pdsUrl' | 'config'> & {
    owner: string
    role: 'all' | 'worker'
    shared: SharedClock | null
    events: Events
  },
  stack: AsyncDisposableStack,
): Promise<void> {
  const { engine, store, client, host, places, relays, config, clock, shared, events, owner, role, pdsUrl } = parts
  const self = { id: owner, host: hostname(), pid: process.pid, role, version: VERSION }
  const heartbeat = new Heartbeat(
    {
      workers: store.workers,
      clock,
      events,
      policyVersion: () => engine.policyVersion,
      progressedAt: () => engine.progressedAt,
      ...(shared ? { clocks: () => shared.offsets() } : {}),
    },
    self,
  )
  await heartbeat.beat()
  stack.defer(runUntilDisposed((stopping) => heartbeat.run(stopping)))
  const probes = new HostProbes({ ledger: store.ledger, client, clock, events, pdsUrl })
  stack.defer(runUntilDisposed((stopping) => probes.run(stopping)))
  const { accounts, repos } = store
  const flagged = new FlaggedAccounts({ accounts, repos, host, places, clock, events })
  stack.defer(runUntilDisposed((stopping) => flagged.run(stopping)))
  const check = new DailyCheck({ store, clock, events, owner })
  stack.defer(runUntilDisposed((stopping) => check.run(stopping)))
  const watch = new RelayWatch({ store, clock, client, relays, urls: config.relays, events, owner })
  stack.defer(runUntilDisposed((stopping) => watch.run(stopping)))
  const { proveEveryMs: everyMs, autoRepair } = config
  if (everyMs !== null) {
    const proving = new Proving({ store, client, clock, timer: REAL_TIMER, events, owner, everyMs, autoRepair })
    stack.defer(runUntilDisposed((stopping) => proving.run(stopping)))
  }
  stack.defer(runUntilDisposed((stopping) => engine.run(stopping)))
}

/** Writes to the log what becomes of the health of the installation and of its policy, while the process runs. */
function tellOfChanges(
  parts: Pick<App, 'store' | 'policy'> & { role: Role; events: Events; health: () => Promise<readonly Notice[]> },
  stack: AsyncDisposableStack,
): void {
  const { role, store, events, health, policy } = parts
  stack.defer(runUntilDisposed((stopping) => new HealthLog(health, events).run(stopping)))
  // An engine tells of the policy itself.
  if (role !== 'serve') return
  const policies = new PolicyLog(() => store.policy.get(), events, policy)
  stack.defer(runUntilDisposed((stopping) => policies.run(stopping)))
}

function runUntilDisposed(run: (stopping: AbortSignal) => Promise<void>): () => Promise<void> {
  const stopping = new AbortController()
  const running = run(stopping.signal)
  return () => {
    stopping.abort()
    return running
  }
}
