/**
 * The configuration: the only reader of the environment. `VARIABLES` has each variable's meaning, default and form; what
 * must hold between variables is in {@link readConfig}.
 */

import { join, resolve } from 'node:path'
import {
  anything,
  count,
  every,
  federation,
  handles,
  issuer,
  mongodbUri,
  oneOf,
  points,
  sealKey,
  url,
  urls,
  whole,
  type Form,
} from './config-forms.ts'
import { DataFolder } from './data-folder.ts'
import { AUTO_REPAIRS, type AutoRepair } from './domain/auto-repairs.ts'
import { type Limits, NO_LIMITS } from './domain/budget.ts'
import { DomainError } from './domain/errors.ts'
import type { RecordsOnDelete } from './domain/mood.ts'
import type { FederationPolicy } from './domain/policy.ts'
import { eventLimits } from './domain/relay.ts'
import { DEFAULT_PORTS } from './embedded/tcp-ports.ts'
import { mongoAddress, type StoreAddress, USUAL_DATABASE } from './store/address.ts'

/** A PDS that is not ours to run. */
interface RemotePds {
  readonly url: string
  readonly plcUrl: string
  readonly adminPassword: string
  /** 32 bytes that encrypt passwords and sessions at rest. */
  readonly sealKey: Uint8Array
}

/** Whose tokens are accepted: those of an OpenID Connect provider, or our own in a trial. */
type AuthConfig =
  | { readonly kind: 'oidc'; readonly issuer: string; readonly audience: string }
  | { readonly kind: 'trial' }

export interface Config {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Absolute path. */
  readonly dataFolder: string
  readonly store: StoreAddress
  /** Null in embedded mode. */
  readonly remote: RemotePds | null
  /** Ports of the embedded network; null for those in the data folder, or the defaults. */
  readonly embedded: { readonly pdsPort: number | null; readonly plcPort: number | null }
  readonly auth: AuthConfig
  readonly logLevel: string
  readonly pdsTimeoutMs: number
  /** Largest repository that is read, in megabytes. */
  readonly maxRepoMb: number
  readonly syncConcurrency: number
  readonly accountEmailDomain: string
  /** How often each repo is proven, in ms; null for never. */
  readonly proveEveryMs: number | null
  readonly autoRepair: AutoRepair
  /** What the first policy of a store is to be; null for what suits the store. */
  readonly federation: FederationPolicy | null
  readonly softDeleteRecords: RecordsOnDelete
  readonly eraseAccounts: boolean
  /** Budgets for requests to the PDS. If there are any in embedded mode, the embedded PDS enforces its own limits too. */
  readonly limits: Limits
  /** Base URLs of the relays that are asked about our accounts. */
  readonly relays: readonly string[]
  /** How many accounts of the PDS a relay admits; null where that is not known. */
  readonly relayAccountLimit: number | null
  readonly bypassKey: string | null
}

type Env = Readonly<Record<string, string | undefined>>

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
/** The public PLC directory. */
export const PUBLIC_PLC = 'https://plc.directory'
/** Addresses that only this machine can reach. */
export const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost'])

interface Variable<T> extends Form<T> {
  readonly meaning: string
  /** The text that is read when the variable is not set; null where that gives null. */
  readonly usual: string | null
  /** The default, for people; null where there is none. */
  readonly default: string | null
}

/** A variable with a default. */
function variable<T>(meaning: string, usual: string, form: Form<T>): Variable<T> {
  return { meaning, usual, default: usual, ...form }
}

/** A variable that is null when it is not set. @param otherwise what applies then, for people */
function optional<T>(meaning: string, form: Form<T>, otherwise: string | null = null): Variable<T | null> {
  return { meaning, usual: null, default: otherwise, ...form }
}

/** Every variable that is read; `docs/reference/configuration.md` and `--help` list the same. */
const VARIABLES = {
  PORT: variable('port of the API and the page; 0 picks a free one', '8787', whole(0, 65_535)),
  HOST: variable('address on which the API and the page listen', '127.0.0.1', anything),
  MOODS_DATA: variable('folder of the embedded database, the embedded PDS and the secrets', './data', anything),
  PDS_PORT: optional(
    'port of the embedded PDS; 0 picks a free one on the first start',
    whole(0, 65_535),
    String(DEFAULT_PORTS.pds),
  ),
  PLC_PORT: optional(
    'port of the embedded PLC directory; 0 picks a free one on the first start',
    whole(0, 65_535),
    String(DEFAULT_PORTS.plc),
  ),
  MONGODB_URI: optional('store everything in this MongoDB instead of the embedded database', mongodbUri),
  MONGODB_NAME: variable('name of the database in MongoDB, if not that in MONGODB_URI', USUAL_DATABASE, anything),
  PDS_URL: optional('use this PDS instead of the embedded one', url),
  PLC_URL: variable('PLC directory that the PDS at PDS_URL uses', PUBLIC_PLC, url),
  PDS_ADMIN_PASSWORD: optional('admin password of the PDS at PDS_URL, needed to create accounts', anything),
  MOODS_SEAL_KEY: optional(
    '32 bytes in base64 that encrypt stored passwords and sessions; required with PDS_URL',
    sealKey,
  ),
  AUTH_ISSUER: optional('OpenID Connect provider whose tokens are accepted', issuer),
  AUTH_AUDIENCE: optional('audience that these tokens must name', anything),
  TRIAL_SIGN_IN: optional(
    '"public" allows sign-in by any name, without a password, on an address that other machines can reach',
    oneOf('public'),
  ),
  LOG_LEVEL: variable(`one of ${LOG_LEVELS.join(', ')}`, 'info', oneOf(...LOG_LEVELS)),
  PDS_TIMEOUT_MS: variable('timeout of a request to the PDS, in milliseconds', '5000', whole(100, 600_000)),
  PDS_MAX_REPO_MB: variable(
    'largest repository that is read, in megabytes of 1,000,000 bytes; a million moods are about 280',
    '300',
    whole(1, 4_000),
  ),
  SYNC_CONCURRENCY: variable('how many repos a worker writes to at the same time', '8', whole(1, 256)),
  ACCOUNT_EMAIL_DOMAIN: variable('domain of the email addresses of new accounts', 'moods.invalid', anything),
  PROVE_EVERY: variable(
    'how often each repo is proven equal to the database, by the signed commit that its PDS shows: such as 90m, 24h or 7d, or off',
    '24h',
    every,
  ),
  AUTO_REPAIR: variable(
    'what that check mends by itself: off for nothing; safe for links, records that are missing, and records that must not be there',
    'off',
    oneOf(...AUTO_REPAIRS),
  ),
  FEDERATION: optional(
    'whose moods are published until "moods federation" says otherwise: on (for an empty database only), off, or a share of the users such as 10%',
    federation,
    'on for an empty database, off for an existing one',
  ),
  FEDERATION_ALLOW: optional(
    'handles whose moods are published besides that share, or alone where FEDERATION is not set; such as @alice,@bob',
    handles,
  ),
  SOFT_DELETE_RECORDS: variable(
    'default for the records of a nuke: keep or withdraw',
    'keep',
    oneOf('keep', 'withdraw'),
  ),
  ERASE_PDS_ACCOUNT: variable(
    'whether erasing a user also deletes the account on the PDS: true or false',
    'false',
    oneOf('true', 'false'),
  ),
  PDS_RATE_LIMITS: optional(
    'whether the PDS limits requests: on or off',
    oneOf('on', 'off'),
    'on with PDS_URL, otherwise off',
  ),
  PDS_RATE_LIMIT_BYPASS_KEY: optional('key that exempts us from the limits of your own PDS', anything),
  POINTS_PER_HOUR: variable('write points per account and hour', '5000', points),
  POINTS_PER_DAY: variable('write points per account and day', '35000', points),
  REQUESTS_PER_5_MIN: variable('requests to the PDS in five minutes', '3000', count),
  LOGINS_PER_5_MIN: variable('logins per account in five minutes', '30', count),
  RELAYS: optional('relays that are asked what they show of our accounts; such as https://relay.example', urls),
  RELAY_ACCOUNT_LIMIT: optional(
    'how many accounts of the PDS a relay admits, which limits the events that it takes as well; 100 for a new PDS at most relays',
    count,
    'no limit',
  ),
} satisfies Readonly<Record<string, Variable<unknown>>>

/** Variables of earlier versions, with what took their place: one that is set and not obeyed would be a limit that is not kept. */
const REPLACED = {
  EVENTS_PER_HOUR:
    'set RELAY_ACCOUNT_LIMIT instead; a relay takes 2,500 events an hour, and one more for each account that it admits',
  EVENTS_PER_DAY:
    'set RELAY_ACCOUNT_LIMIT instead; a relay takes 20,000 events a day, and ten more for each account that it admits',
} as const

type Name = keyof typeof VARIABLES
type Values = { readonly [N in Name]: (typeof VARIABLES)[N] extends Variable<infer T> ? T : never }

/** What each variable means and its default (null for none), for documents and `--help`. */
export function describeVariables(): readonly {
  readonly name: string
  readonly meaning: string
  readonly default: string | null
}[] {
  return Object.entries(VARIABLES).map(([name, { meaning, default: usual }]) => ({ name, meaning, default: usual }))
}

/** The environment, each variable read on its own. */
class Reader {
  readonly values: Values
  /** A line for each; values are never repeated: some are secrets. */
  readonly problems: string[] = []
  readonly #env: Env

  constructor(env: Env) {
    this.#env = env
    const read = Object.entries(VARIABLES).map(([name, form]) => [name, this.#read(name, form)])
    this.values = Object.fromEntries(read) as Values
    for (const [name, instead] of Object.entries(REPLACED)) {
      if (env[name]?.trim()) this.problems.push(`${name} is not read any more: ${instead}`)
    }
  }

  #read(name: string, { usual, must, parse }: Variable<unknown>): unknown {
    const text = this.#env[name]?.trim() || usual
    const value = text === null ? null : parse(text)
    if (value !== undefined) return value
    this.problems.push(`${name} must ${must}`)
    return usual === null ? null : parse(usual)
  }

  isSet(name: Name): boolean {
    return Boolean(this.#env[name]?.trim())
  }
}

/**
 * Reads the configuration.
 *
 * @param options.serves whether users will sign in, so that a way to sign in is required
 * @throws DomainError `config`, with a line for each problem; values are never repeated; `data_folder` when what the last
 *   server noted there cannot be read
 */
export function readConfig(env: Env, options: { readonly serves: boolean }): Config {
  const read = new Reader(env)
  const { values } = read
  const dataFolder = resolve(values.MOODS_DATA)
  const config: Config = {
    host: values.HOST,
    port: values.PORT,
    dataFolder,
    store: readStore(read, dataFolder, options.serves),
    remote: readRemote(read),
    embedded: { pdsPort: values.PDS_PORT, plcPort: values.PLC_PORT },
    auth: readAuth(read, options.serves),
    logLevel: values.LOG_LEVEL,
    pdsTimeoutMs: values.PDS_TIMEOUT_MS,
    maxRepoMb: values.PDS_MAX_REPO_MB,
    syncConcurrency: values.SYNC_CONCURRENCY,
    accountEmailDomain: values.ACCOUNT_EMAIL_DOMAIN,
    proveEveryMs: values.PROVE_EVERY,
    autoRepair: values.AUTO_REPAIR,
    federation: readFederation(read),
    softDeleteRecords: values.SOFT_DELETE_RECORDS,
    eraseAccounts: values.ERASE_PDS_ACCOUNT === 'true',
    limits: limitsOf(values),
    relays: values.RELAYS ?? [],
    relayAccountLimit: values.RELAY_ACCOUNT_LIMIT,
    bypassKey: values.PDS_RATE_LIMIT_BYPASS_KEY,
  }
  if (read.problems.length > 0) throw new DomainError('config', read.problems.join('\n'))
  return config
}

function readFederation(read: Reader): FederationPolicy | null {
  const { FEDERATION: policy, FEDERATION_ALLOW: allow } = read.values
  if (policy === null) return allow === null ? null : { mode: 'allow', percent: 0, allow }
  if (allow !== null && policy.mode !== 'percent') {
    read.problems.push(
      `FEDERATION_ALLOW does not go with FEDERATION=${policy.mode}: leave FEDERATION out to publish those handles alone`,
    )
  }
  return { ...policy, allow: allow ?? [] }
}

/** What does not serve looks where the last server of the folder kept its moods: a server says so itself. */
function readStore(read: Reader, dataFolder: string, serves: boolean): StoreAddress {
  const { MONGODB_URI: uri, MONGODB_NAME: database } = read.values
  const named = read.isSet('MONGODB_NAME') ? database : null
  if (uri !== null) return mongoAddress(uri, named)
  const own = serves ? null : (new DataFolder(dataFolder).lastServer()?.mongod ?? null)
  if (own && !read.isSet('MONGODB_URI')) return mongoAddress(own.uri, named ?? own.database)
  if (read.isSet('MONGODB_NAME') && !read.isSet('MONGODB_URI')) {
    read.problems.push('MONGODB_NAME goes with MONGODB_URI, which is not set')
  }
  return { kind: 'sqlite', file: join(dataFolder, 'moods.sqlite') }
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Logins of one account in a day (reference PDS). */
const LOGINS_PER_DAY = 300

function limitsOf(values: Values): Limits {
  const events = values.RELAY_ACCOUNT_LIMIT === null ? [] : eventLimits(values.RELAY_ACCOUNT_LIMIT)
  const isLimited = values.PDS_RATE_LIMITS ?? (values.PDS_URL === null ? 'off' : 'on')
  // A relay counts the events of the PDS, whether or not the PDS counts our requests.
  if (isLimited === 'off' || values.PDS_RATE_LIMIT_BYPASS_KEY !== null) return { ...NO_LIMITS, events }
  return {
    points: [
      { max: values.POINTS_PER_HOUR, windowMs: HOUR },
      { max: values.POINTS_PER_DAY, windowMs: DAY },
    ],
    requests: [{ max: values.REQUESTS_PER_5_MIN, windowMs: 5 * MINUTE }],
    logins: [
      { max: values.LOGINS_PER_5_MIN, windowMs: 5 * MINUTE },
      { max: LOGINS_PER_DAY, windowMs: DAY },
    ],
    events,
  }
}

function readRemote(read: Reader): RemotePds | null {
  const { PDS_URL: pdsUrl, PLC_URL: plcUrl, PDS_ADMIN_PASSWORD: adminPassword, MOODS_SEAL_KEY: key } = read.values
  if (!read.isSet('PDS_URL')) {
    for (const name of ['PLC_URL', 'PDS_ADMIN_PASSWORD', 'MOODS_SEAL_KEY'] as const) {
      if (read.isSet(name)) read.problems.push(`${name} goes with PDS_URL, which is not set`)
    }
    return null
  }
  for (const name of ['PDS_PORT', 'PLC_PORT'] as const) {
    if (read.isSet(name)) read.problems.push(`${name} is for the embedded PDS and does not go with PDS_URL`)
  }
  for (const name of ['PDS_ADMIN_PASSWORD', 'MOODS_SEAL_KEY'] as const) {
    if (!read.isSet(name)) read.problems.push(`${name} must be set with PDS_URL: ${VARIABLES[name].meaning}`)
  }
  if (pdsUrl === null || adminPassword === null || key === null) return null
  return { url: pdsUrl, plcUrl, adminPassword, sealKey: key }
}

function readAuth(read: Reader, serves: boolean): AuthConfig {
  const { HOST: host, AUTH_ISSUER: provider, AUTH_AUDIENCE: audience, TRIAL_SIGN_IN: trial } = read.values
  if (provider !== null && audience !== null) return { kind: 'oidc', issuer: provider, audience }
  if (read.isSet('AUTH_ISSUER') !== read.isSet('AUTH_AUDIENCE')) {
    read.problems.push('AUTH_ISSUER and AUTH_AUDIENCE go together')
  } else if (!serves || read.isSet('AUTH_ISSUER')) {
    return { kind: 'trial' }
  } else if (read.isSet('PDS_URL')) {
    read.problems.push('AUTH_ISSUER and AUTH_AUDIENCE must be set with PDS_URL: sign-in by name is for trials')
  } else if (!LOOPBACK_HOSTS.has(host) && trial !== 'public') {
    read.problems.push(
      `HOST=${host} lets anyone who can reach it sign in as any user: set AUTH_ISSUER and AUTH_AUDIENCE, or TRIAL_SIGN_IN=public to allow that`,
    )
  }
  return { kind: 'trial' }
}
