/** Whether an installation can work: what it is configured with, kept in, and talks to. Each check with a remedy. */

import { counted } from '../domain/tally.ts'
import { type Config, readConfig } from '../config.ts'
import { DataFolder } from '../data-folder.ts'
import { type ClockOffsets, NO_OFFSETS } from '../domain/clocks.ts'
import { DomainError } from '../domain/errors.ts'
import type { NoticeCode } from '../domain/notice.ts'
import { extentOf, ignoredText, policyInForceText, policyText, type StoredPolicy } from '../domain/policy.ts'
import { proofText } from '../domain/proving.ts'
import { COLLECTION } from '../domain/record.ts'
import { aliveAmong, isDead as hasDied } from '../domain/worker.ts'
import { findPds } from '../network.ts'
import { readLexiconFile } from '../lexicon/repo.ts'
import { Sealer } from '../pds/sealer.ts'
import type { Store } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'
import { type Check, type Checks, ok, problem, warning } from './check.ts'
import { storeOffset } from './clocks.ts'
import { type Access, answering, clockChecks, doctorsClient, pdsChecks } from './doctor-pds.ts'
import { relayChecks } from './doctor-relays.ts'
import { type HealthDeps, readHealth } from './health.ts'
import { kindOfHost } from './host-check.ts'
import { archived } from './pages.ts'

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
  if (!access || stop.aborted) return yield* clockChecks(offsets)
  const client = doctorsClient(patient.clock, config, access.url)
  yield* pdsChecks(patient.clock, client, config, access, offsets)
  yield* relayChecks(client, config, access.url)
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
    yield* answering(doctorsClient(clock, config, access?.url ?? null), store.ledger)
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
  proofs_old: 'proofs',
  clock_off: 'clock',
  relay_hides: 'relay',
}

/** What `moods status` tells as well: whether work is done, and what waits for how long. */
async function* noticed(deps: HealthDeps): Checks {
  const { notices, workers, check, proving } = await readHealth(deps)
  const now = deps.clock.now()
  const alive = aliveAmong(workers, now).length
  const dead = workers.filter((worker) => hasDied(worker, now)).length
  if (!notices.some(({ code }) => NOTICED[code] === 'workers'))
    yield ok('workers', `${alive} alive${dead > 0 ? `, ${dead} dead` : ''}`)
  if (check?.odd === 0) yield ok('data', `none of ${counted(check.documents, 'document')} is odd`)
  if (proving && !notices.some(({ code }) => code === 'proofs_old')) yield ok('proofs', proofText(proving, now))
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
