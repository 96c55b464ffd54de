/** Whether an installation can work: what it is configured with, kept in, and talks to. Each check with a remedy. */

import { counted } from '../domain/tally.ts'
import { xrpc } from '@atproto/lex-client'
import { type Config, readConfig } from '../config.ts'
import { DataFolder } from '../data-folder.ts'
import { isDead, LEDGER, type Limit } from '../domain/budget.ts'
import { CLOCK_REMEDY, clockText } from '../domain/clock-notice.ts'
import { type ClockOffsets, clockOff, FOLLOW_MS, NO_OFFSETS, timeOfAnswer } from '../domain/clocks.ts'
import { DomainError } from '../domain/errors.ts'
import type { NoticeCode } from '../domain/notice.ts'
import { codeOf } from '../domain/outcome.ts'
import { extentOf, ignoredText, policyInForceText, policyText, type StoredPolicy } from '../domain/policy.ts'
import { COLLECTION } from '../domain/record.ts'
import { aliveAmong, isDead as hasDied } from '../domain/worker.ts'
import { findPds, type PdsAccess } from '../network.ts'
import { readLexiconFile } from '../lexicon/repo.ts'
import { adminAuthorization } from '../pds/host.ts'
import { getInviteCodes } from '../pds/methods.ts'
import { Sealer } from '../pds/sealer.ts'
import { type Document, readDocument } from '../pds/transport.ts'
import { bypassHeaders, Xrpc } from '../pds/xrpc.ts'
import type { Store } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'
import { storeOffset } from './clocks.ts'
import { readHealth } from './health.ts'
import { kindOfHost } from './host-check.ts'
import { archived } from './pages.ts'
import type { StandingDeps } from './standing.ts'

export interface Check {
  readonly name: string
  readonly level: 'ok' | 'warning' | 'problem'
  readonly message: string
  /** What to do about it; null where nothing is to be done. */
  readonly remedy: string | null
}

export interface DoctorInput {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Such as `24.1.0`. */
  readonly nodeVersion: string
  readonly clock: Clock
  /** Opens the store of an installation that is there. @throws DomainError */
  readonly openStore: (config: Config, folder: DataFolder) => Promise<Store>
}

const NODE = 24
/** Opening each of a million passwords would take minutes, and a wrong key is wrong for all of them. */
const SECRETS = 2_000
/** Most silent hosts that are asked again. */
const HOSTS = 20

type Checks = AsyncGenerator<Check, void, undefined>

function ok(name: string, message: string): Check {
  return { name, level: 'ok', message, remedy: null }
}
function warning(name: string, message: string, remedy: string): Check {
  return { name, level: 'warning', message, remedy }
}
function problem(name: string, message: string, remedy: string): Check {
  return { name, level: 'problem', message, remedy }
}

/** All checks, one after the other; those that need what is not there are left out. Writes one mark to the store, and removes it, where it may. */
export async function* examine(patient: DoctorInput, stop: AbortSignal): Checks {
  const major = Number(patient.nodeVersion.split('.')[0])
  yield major >= NODE
    ? ok('node', `Node ${patient.nodeVersion}`)
    : problem('node', `Node ${patient.nodeVersion} is too old`, `install Node ${NODE} or newer`)
  yield lexicon()
  const { config, checks } = configuration(patient)
  yield* checks
  if (!config) return
  const folder = new DataFolder(config.dataFolder)
  const access = yield* secrets(config, folder)
  const offsets = yield* storeChecks(patient, config, folder, access, stop)
  if (!access || stop.aborted) yield* clockChecks(offsets)
  else yield* pdsChecks(patient, config, access, offsets)
}

function lexicon(): Check {
  try {
    const { id } = readLexiconFile().json as { id: string }
    if (id === COLLECTION) return ok('lexicon', `${COLLECTION} is described`)
  } catch {
    // Said below.
  }
  return problem(
    'lexicon',
    `there is no description of ${COLLECTION}`,
    'install the package again: its lexicons are missing',
  )
}

function configuration({ env }: DoctorInput): { readonly config: Config | null; readonly checks: readonly Check[] } {
  const remedy = 'docs/reference/configuration.md names every variable'
  const problems = (serves: boolean): { readonly config: Config | null; readonly lines: readonly string[] } => {
    try {
      return { config: readConfig(env, { serves }), lines: [] }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return { config: null, lines: error.message.split('\n') }
    }
  }
  const { config, lines } = problems(false)
  if (!config) return { config, checks: lines.map((line) => problem('configuration', line, remedy)) }
  const serving = problems(true).lines
  if (serving.length === 0) return { config, checks: [ok('configuration', 'is complete')] }
  return {
    config,
    checks: serving.map((line) => warning('configuration', `moods serve would not start: ${line}`, remedy)),
  }
}

type Access = PdsAccess & { readonly url: string; readonly plcUrl: string }

/** What opens the PDS and the stored secrets. Makes none, where they are lost. */
async function* secrets(config: Config, folder: DataFolder): AsyncGenerator<Check, Access | null, undefined> {
  try {
    if (
      config.remote === null &&
      folder.readJson('network.json') !== null &&
      folder.readJson('secrets.json') === null
    ) {
      yield problem(
        'secrets',
        `${folder.file('secrets.json')} is missing`,
        'put it back from a copy: the accounts hang on it',
      )
      return null
    }
    const pds = findPds(config, folder)
    return { url: pds.url, plcUrl: pds.plcUrl, ...(await pds.start()) }
  } catch (error) {
    yield problem('secrets', messageOf(error), 'start "moods serve" once, or set PDS_URL')
    return null
  }
}

function storeRemedy({ store }: Config, folder: DataFolder): string {
  if (store.kind === 'sqlite') return 'MOODS_DATA names the folder; is it there, and may it be written?'
  const isOwn = folder.lastServer()?.mongod?.uri === store.uri
  return isOwn
    ? 'start the server again, or name another MongoDB with MONGODB_URI'
    : 'look at MONGODB_URI and at the server it names'
}

async function* storeChecks(
  { openStore, clock }: DoctorInput,
  config: Config,
  folder: DataFolder,
  access: Access | null,
  stop: AbortSignal,
): AsyncGenerator<Check, ClockOffsets, undefined> {
  const remedy = storeRemedy(config, folder)
  try {
    await using store = await openStore(config, folder)
    await store.check()
    yield await writes(store, clock)
    yield* answering(config, store, access?.url ?? null)
    yield* noticed({ store, clock, config, pdsUrl: access?.url ?? '' })
    yield* federation(config, await store.policy.get())
    if (access) yield await kindOfHost(store.ledger, clock, access.url)
    if (access) yield* sealed(store, access, stop)
    return await storeOffset(config, store, clock)
  } catch (error) {
    yield problem('store', messageOf(error), remedy)
    return NO_OFFSETS
  }
}

async function writes({ name, onlyRead, ledger }: Store, clock: Clock): Promise<Check> {
  if (onlyRead !== null) return warning('store', `${name} opens, for reading alone`, onlyRead)
  const started = performance.now()
  await ledger.block('doctor', clock.now())
  await ledger.forget('doctor')
  return ok('store', `${name} opens, and takes writes (${Math.round(performance.now() - started)} ms)`)
}

/** PDSes that have missed a request and answer now: that is noted, so that nobody is told of a silence that is over. */
async function* answering(config: Config, { ledger }: Store, pds: string | null): Checks {
  const failing = await ledger.failing(HOSTS)
  const answers = await Promise.all(failing.map(({ host }) => ask(config, `${host}/xrpc/_health`, pds)))
  for (const [i, { host, requests }] of failing.entries()) {
    if (answers[i]!.kind === 'none') continue
    await ledger.reachable(LEDGER.requests(host))
    const { silentSince } = requests
    const since = silentSince === undefined ? '' : `, which it had not since ${new Date(silentSince).toISOString()}`
    if (isDead(requests)) yield ok('pds', `${host} answers again${since}`)
  }
}

/** The check that a notice is the result of. */
const NOTICED: Readonly<Record<NoticeCode, string>> = {
  no_worker: 'workers',
  worker_stuck: 'workers',
  worker_behind: 'workers',
  pds_silent: 'pds',
  pds_unwell: 'pds',
  federation_off: 'federation',
  federation_limited: 'federation',
  moods_waiting: 'moods',
  erasures_open: 'erasures',
  erasures_odd: 'erasures',
  odd_data: 'data',
  clock_off: 'clock',
}

/** What `moods status` tells as well: whether work is done, and what waits for how long. */
async function* noticed(deps: StandingDeps): Checks {
  const { notices, workers, check } = await readHealth(deps)
  const now = deps.clock.now()
  const alive = aliveAmong(workers, now).length
  const dead = workers.filter((worker) => hasDied(worker, now)).length
  if (!notices.some(({ code }) => NOTICED[code] === 'workers'))
    yield ok('workers', `${alive} alive${dead > 0 ? `, ${dead} dead` : ''}`)
  if (check?.odd === 0) yield ok('data', `none of ${counted(check.documents, 'document')} is odd`)
  for (const { code, level, text, detail, remedy } of notices) {
    const [name, message] = [NOTICED[code], detail === null ? text : `${text} (${detail})`]
    yield level === 'info' ? ok(name, message) : { name, level, message, remedy }
  }
}

/** The policy in force, where no notice tells of it, and what the environment asks for in vain. */
function* federation({ federation: configured }: Config, stored: StoredPolicy | null): Generator<Check> {
  if (stored === null) return
  if (extentOf(stored.policy) === 'all') yield ok('federation', `is ${policyInForceText(stored)}`)
  const ignored = ignoredText(configured, stored)
  if (ignored === null) return
  const message = `FEDERATION in this environment says ${ignored}; that is not followed: federation is ${policyText(stored.policy)}`
  const remedy = 'take it out of the environment, or change the policy in the store: "moods federation status"'
  yield warning('federation', message, remedy)
}

/** Whether the seal key opens what was sealed. */
async function* sealed(store: Store, { sealKey }: Access, stop: AbortSignal): Checks {
  const sealer = new Sealer(sealKey)
  const opens = (secret: string): Promise<boolean> =>
    sealer.unseal(secret).then(
      () => true,
      () => false,
    )
  let [looked, plain, closed] = [0, 0, 0]
  for await (const page of archived(store, 'accounts', stop)) {
    for (const { credentials } of page) {
      if (credentials === null) continue
      looked++
      if (credentials.kind === 'plain') plain++
      else if (!(await opens(credentials.sealed))) closed++
    }
    if (looked >= SECRETS) break
  }
  if (closed > 0) {
    const remedy = 'MOODS_SEAL_KEY, or secrets.json in the data folder, must be the one that they were sealed with'
    yield problem('seal key', `does not open ${closed} of ${counted(looked, 'stored password')}`, remedy)
  } else {
    yield ok(
      'seal key',
      `opens ${counted(looked - plain, 'sealed password that was', 'sealed passwords that were')} tried`,
    )
  }
  if (plain > 0)
    yield warning(
      'seal key',
      `${counted(plain, 'password is', 'passwords are')} in plain text`,
      '"moods accounts seal --execute"',
    )
}

async function* pdsChecks(patient: DoctorInput, config: Config, access: Access, offsets: ClockOffsets): Checks {
  const started = patient.clock.now()
  const health = await ask(config, `${access.url}/xrpc/_health`, access.url)
  if (health.kind === 'none') {
    const remedy =
      config.remote === null ? 'start "moods serve": the PDS runs in it' : 'look at PDS_URL, and at the PDS'
    yield problem('pds', `${access.url} does not answer (${health.why})`, remedy)
    yield* clockChecks(offsets)
    return
  }
  const { version } = Object(health.body) as { version?: unknown }
  yield ok('pds', `${access.url} answers, version ${typeof version === 'string' ? version : 'unknown'}`)
  const time = timeOfAnswer(health.headers.get('date'), health.headers.get('age'))
  const pds = time === null ? null : Math.round(time - (started + patient.clock.now()) / 2)
  if (time === null) yield warning('clock', 'the PDS does not say what time it is', 'compare its clock by hand')
  yield* clockChecks({ ...offsets, pds })
  const server = await ask(config, `${access.url}/xrpc/com.atproto.server.describeServer`, access.url)
  if (server.kind === 'none') {
    yield problem('accounts', `describeServer: ${server.why}`, 'is PDS_URL a PDS?')
  } else {
    yield* accountChecks(patient, config, access, Object(server.body) as Description)
    yield limits(config, server.headers.get('ratelimit-policy'))
  }
  const plc = await ask(config, `${access.plcUrl}/_health`, null)
  yield plc.kind === 'answer'
    ? ok('plc', `${access.plcUrl} answers`)
    : warning(
        'plc',
        `${access.plcUrl} does not answer (${plc.why})`,
        'PLC_URL is the directory that the PDS uses; only checks need it',
      )
}

/** What anyone may ask of a host. Our own PDS alone gets to see the bypass key. */
function ask({ pdsTimeoutMs, bypassKey }: Config, url: string, pds: string | null): Promise<Document> {
  const bypass = bypassKey === null || pds === null ? null : { key: bypassKey, pds }
  return readDocument(url, pdsTimeoutMs, bypassHeaders(bypass, url))
}

/** This machine's clock beside those that are known: none where there is no other. */
function clockChecks(offsets: ClockOffsets): readonly Check[] {
  const others = [...(offsets.store === null ? [] : ['the database']), ...(offsets.pds === null ? [] : ['the PDS'])]
  if (others.length === 0) return []
  const off = clockOff(offsets)
  if (off === null) return [ok('clock', `agrees with that of ${others.join(' and of ')}`)]
  const level = Math.abs(off.aheadMs) > FOLLOW_MS ? problem : warning
  return [level('clock', clockText(off, 1), CLOCK_REMEDY[off.which])]
}

interface Description {
  readonly availableUserDomains?: readonly string[]
  readonly inviteCodeRequired?: boolean
}

/** Whether accounts can be made: a domain for handles, and the password that invitations need. */
async function* accountChecks(
  { clock }: DoctorInput,
  { pdsTimeoutMs: timeoutMs, bypassKey }: Config,
  { url, adminPassword }: Access,
  { availableUserDomains = [], inviteCodeRequired = false }: Description,
): Checks {
  yield availableUserDomains[0] === undefined
    ? problem('handles', 'the PDS offers no domain for handles', 'set PDS_SERVICE_HANDLE_DOMAINS on the PDS')
    : ok('handles', `end with ${availableUserDomains[0]}`)
  const bypass = bypassKey === null ? null : { key: bypassKey, pds: url }
  const client = new Xrpc(clock, { timeoutMs, bypassKey: bypass }, null)
  const answer = await client.ask(
    url,
    (agent, signal) => xrpc(agent, getInviteCodes, { params: { limit: 1 }, signal }),
    { authorization: adminAuthorization(adminPassword) },
  )
  const needed = inviteCodeRequired ? 'invitations are required' : 'no invitations are required'
  if (answer.kind === 'ok') yield ok('admin', `the PDS takes the admin password; ${needed}`)
  else if (answer.kind === 'unauthorized' && inviteCodeRequired) {
    yield problem(
      'admin',
      `the PDS refuses the admin password, and ${needed}`,
      'PDS_ADMIN_PASSWORD must be that of the PDS',
    )
  } else {
    const why = codeOf(answer)
    yield warning(
      'admin',
      `the admin password was not taken (${why}); ${needed}`,
      'erasing accounts needs PDS_ADMIN_PASSWORD',
    )
  }
}

/** Our limits against those that the PDS shows: the tightest one of this request, as in `3000;w=300`. */
function limits({ limits: { requests }, bypassKey }: Config, policy: string | null): Check {
  const [, max, seconds] = /(\d+);w=(\d+)/.exec(policy ?? '') ?? []
  const ours: Limit | undefined = requests[0]
  if (max === undefined) {
    return ok(
      'limits',
      ours ? 'the PDS shows none; ours are kept all the same (PDS_RATE_LIMITS)' : 'none on either side',
    )
  }
  const theirs = `the PDS allows ${counted(Number(max), 'request')} in ${seconds} s`
  if (bypassKey !== null)
    return warning(
      'limits',
      `${theirs}, and does not know our bypass key`,
      'PDS_RATE_LIMIT_BYPASS_KEY must be that of the PDS',
    )
  if (!ours) return warning('limits', `${theirs}, and we know of no limit`, 'set PDS_RATE_LIMITS=on')
  if (Number(seconds) * 1000 === ours.windowMs && ours.max > Number(max)) {
    return warning('limits', `${theirs}, and we would send ${ours.max}`, `set REQUESTS_PER_5_MIN=${max}`)
  }
  return ok('limits', theirs)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
