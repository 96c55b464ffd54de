/** The only reader of the environment. Says everything that is wrong at once, and refuses to start. */

import { join, resolve } from 'node:path'
import { type Limits, NO_LIMITS } from './domain/budget.ts'
import { DomainError } from './domain/errors.ts'
import { parseHandle } from './domain/handle.ts'
import type { RecordsOnDelete } from './domain/mood.ts'
import type { FederationPolicy } from './domain/policy.ts'
import type { StoreAddress } from './store/open.ts'

/** A PDS that is not ours to run. */
interface RemotePds {
  readonly url: string
  readonly plcUrl: string
  readonly adminPassword: string
  /** 32 bytes that encrypt passwords and sessions at rest. */
  readonly sealKey: Uint8Array
}

/** Whose tokens are accepted: an OpenID Connect provider's, or our own for trying out. */
type AuthConfig =
  | { readonly kind: 'oidc'; readonly issuer: string; readonly audience: string }
  | { readonly kind: 'trial' }

export interface Config {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Absolute path. */
  readonly dataFolder: string
  /** Where everything is kept. */
  readonly store: StoreAddress
  /** Null in embedded mode. */
  readonly remote: RemotePds | null
  /** Ports of the embedded network; null for what the data folder remembers, or the defaults. */
  readonly embedded: { readonly pdsPort: number | null; readonly plcPort: number | null }
  readonly auth: AuthConfig
  readonly logLevel: string
  readonly pdsTimeoutMs: number
  readonly syncConcurrency: number
  readonly accountEmailDomain: string
  readonly federation: FederationPolicy
  readonly softDeleteRecords: RecordsOnDelete
  readonly eraseAccounts: boolean
  /** What the PDS lets us do; its own limits are on in embedded mode if these are set. */
  readonly limits: Limits
  readonly bypassKey: string | null
}

type Env = Readonly<Record<string, string | undefined>>

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
/** Addresses that nobody but this machine can reach. */
export const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost'])

/** Every variable that is read, with what it does; `docs/reference/configuration.md` is compared with it. */
export const VARIABLES = {
  PORT: 'port of the API and the page (default 8787; 0 picks one)',
  HOST: 'address to listen on (default 127.0.0.1)',
  MOODS_DATA: 'folder for everything that is kept (default ./data)',
  PDS_PORT: 'port of the embedded PDS (default 2583; 0 picks one and keeps it)',
  PLC_PORT: 'port of the embedded PLC directory (default 2582; 0 picks one and keeps it)',
  MONGODB_URI: 'keep everything in this MongoDB instead of the embedded database',
  MONGODB_NAME: 'name of the database in it (default aesthetic)',
  PDS_URL: 'use this PDS instead of an embedded one',
  PLC_URL: 'PLC directory of that PDS (default https://plc.directory)',
  PDS_ADMIN_PASSWORD: 'admin password of that PDS, to make accounts',
  MOODS_SEAL_KEY: '32 bytes in base64 that encrypt stored passwords and sessions; needed with PDS_URL',
  AUTH_ISSUER: 'OpenID Connect provider whose tokens are accepted',
  AUTH_AUDIENCE: 'audience that those tokens must name',
  TRIAL_SIGN_IN: 'set to "public" to let anybody sign in as anybody on an address that is not loopback',
  LOG_LEVEL: `one of ${LOG_LEVELS.join(', ')} (default info)`,
  PDS_TIMEOUT_MS: 'how long a request to the PDS may take (default 5000)',
  SYNC_CONCURRENCY: 'repos worked on at the same time (default 8)',
  ACCOUNT_EMAIL_DOMAIN: 'domain of the addresses that accounts are made with (default moods.invalid)',
  FEDERATION: 'whose moods are published: on, off, or a share of the users such as 10% (default on)',
  FEDERATION_ALLOW: 'handles that are published whatever FEDERATION says, as in @a,@b',
  SOFT_DELETE_RECORDS: 'what becomes of the records of a nuke that does not say: keep or withdraw (default keep)',
  ERASE_PDS_ACCOUNT: 'true to delete the account on the PDS too when a user is erased (default false)',
  PDS_RATE_LIMITS: 'whether the PDS limits us: on or off (default on with PDS_URL, off without)',
  PDS_RATE_LIMIT_BYPASS_KEY: 'lifts the limits of a PDS of your own that has this key',
  POINTS_PER_HOUR: 'points of writes for each account in an hour (default 5000)',
  POINTS_PER_DAY: 'points of writes for each account in a day (default 35000)',
  REQUESTS_PER_5_MIN: 'requests to the PDS in five minutes (default 3000)',
  LOGINS_PER_5_MIN: 'logins of each account in five minutes (default 30)',
  EVENTS_PER_HOUR: 'firehose events of the PDS in an hour, for a relay (such as 2600; not limited if not set)',
  EVENTS_PER_DAY: 'firehose events of the PDS in a day, for a relay (such as 21000; not limited if not set)',
} as const

class Reader {
  readonly problems: string[] = []
  readonly #env: Env

  constructor(env: Env) {
    this.#env = env
  }

  text(name: keyof typeof VARIABLES): string | null {
    return this.#env[name]?.trim() || null
  }

  whole(name: keyof typeof VARIABLES, min: number, max: number): number | null {
    const text = this.text(name)
    if (text === null) return null
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    this.problems.push(`${name} must be a whole number from ${min} to ${max}`)
    return null
  }

  oneOf<const T extends string>(name: keyof typeof VARIABLES, values: readonly T[]): T | null {
    const text = this.text(name)
    if (text === null) return null
    const value = values.find((candidate) => candidate === text)
    if (value === undefined) this.problems.push(`${name} must be one of ${values.join(', ')}`)
    return value ?? null
  }

  url(name: keyof typeof VARIABLES): string | null {
    const text = this.text(name)
    if (text === null) return null
    if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '')
    this.problems.push(`${name} must be an http or https URL`)
    return null
  }
}

/**
 * Reads the configuration.
 *
 * @param options whether users will be let in, so that it has to be known how
 * @throws DomainError `config`, naming every problem, a line each; values of secrets are never repeated
 */
export function readConfig(env: Env, options: { readonly serves: boolean }): Config {
  const read = new Reader(env)
  const host = read.text('HOST') ?? '127.0.0.1'
  const remote = readRemote(read)
  const dataFolder = resolve(read.text('MOODS_DATA') ?? 'data')
  const config: Config = {
    host,
    port: read.whole('PORT', 0, 65_535) ?? 8787,
    dataFolder,
    store: readStore(read, dataFolder),
    remote,
    embedded: { pdsPort: read.whole('PDS_PORT', 0, 65_535), plcPort: read.whole('PLC_PORT', 0, 65_535) },
    auth: readAuth(read, host, options.serves),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS) ?? 'info',
    pdsTimeoutMs: read.whole('PDS_TIMEOUT_MS', 100, 600_000) ?? 5_000,
    syncConcurrency: read.whole('SYNC_CONCURRENCY', 1, 256) ?? 8,
    accountEmailDomain: read.text('ACCOUNT_EMAIL_DOMAIN') ?? 'moods.invalid',
    federation: readFederation(read),
    softDeleteRecords: read.oneOf('SOFT_DELETE_RECORDS', ['keep', 'withdraw']) ?? 'keep',
    eraseAccounts: read.oneOf('ERASE_PDS_ACCOUNT', ['true', 'false']) === 'true',
    limits: readLimits(read),
    bypassKey: read.text('PDS_RATE_LIMIT_BYPASS_KEY'),
  }
  if (read.problems.length > 0) throw new DomainError('config', read.problems.join('\n'))
  return config
}

function readStore(read: Reader, dataFolder: string): StoreAddress {
  const uri = read.text('MONGODB_URI')
  const database = read.text('MONGODB_NAME')
  if (uri === null) {
    if (database !== null) read.problems.push('MONGODB_NAME goes with MONGODB_URI, which is not set')
    return { kind: 'sqlite', file: join(dataFolder, 'moods.sqlite') }
  }
  if (!/^mongodb(\+srv)?:\/\/./.test(uri))
    read.problems.push('MONGODB_URI must begin with mongodb:// or mongodb+srv://')
  return { kind: 'mongodb', uri, database: database ?? 'aesthetic' }
}

function readFederation(read: Reader): FederationPolicy {
  const text = read.text('FEDERATION') ?? 'on'
  const share = /^(\d{1,3})%$/.exec(text)?.[1]
  const percent = text === 'on' ? 100 : text === 'off' ? 0 : Number(share ?? Number.NaN)
  if (!(percent <= 100)) read.problems.push('FEDERATION must be on, off, or a share from 0% to 100%')
  const allow = new Set<string>()
  for (const handle of read.text('FEDERATION_ALLOW')?.split(',') ?? []) {
    try {
      allow.add(parseHandle(handle))
    } catch {
      read.problems.push('FEDERATION_ALLOW must be a list of handles, as in @a,@b')
    }
  }
  return { percent, allow }
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Logins of one account in a day (reference PDS). */
const LOGINS_PER_DAY = 300

function readLimits(read: Reader): Limits {
  const limit = (name: keyof typeof VARIABLES, windowMs: number, usual: number | null, least = 1) => {
    const max = read.whole(name, least, 1_000_000_000) ?? usual
    return max === null ? [] : [{ max, windowMs }]
  }
  const events = [...limit('EVENTS_PER_HOUR', HOUR, null), ...limit('EVENTS_PER_DAY', DAY, null)]
  const limits: Limits = {
    // Less than this, a tenth of it kept for deletions, would never let a single mood through.
    points: [...limit('POINTS_PER_HOUR', HOUR, 5000, 3), ...limit('POINTS_PER_DAY', DAY, 35_000, 3)],
    requests: limit('REQUESTS_PER_5_MIN', 5 * MINUTE, 3000),
    logins: [...limit('LOGINS_PER_5_MIN', 5 * MINUTE, 30), { max: LOGINS_PER_DAY, windowMs: DAY }],
    events,
  }
  const isLimited = read.oneOf('PDS_RATE_LIMITS', ['on', 'off']) ?? (read.text('PDS_URL') === null ? 'off' : 'on')
  // A relay counts what the PDS sends, whether or not the PDS counts what we do.
  const isFree = isLimited === 'off' || read.text('PDS_RATE_LIMIT_BYPASS_KEY') !== null
  return isFree ? { ...NO_LIMITS, events } : limits
}

function readRemote(read: Reader): RemotePds | null {
  const url = read.url('PDS_URL')
  const plcUrl = read.url('PLC_URL')
  const adminPassword = read.text('PDS_ADMIN_PASSWORD')
  const keyText = read.text('MOODS_SEAL_KEY') ?? ''
  const sealKey = Buffer.from(/^[\w+/-]+=*$/.test(keyText) ? keyText : '', 'base64')
  if (read.text('PDS_URL') === null) {
    for (const name of ['PLC_URL', 'PDS_ADMIN_PASSWORD', 'MOODS_SEAL_KEY'] as const) {
      if (read.text(name) !== null) read.problems.push(`${name} goes with PDS_URL, which is not set`)
    }
    return null
  }
  for (const name of ['PDS_PORT', 'PLC_PORT'] as const) {
    if (read.text(name) !== null) read.problems.push(`${name} is for the embedded PDS and does not go with PDS_URL`)
  }
  if (adminPassword === null) read.problems.push('PDS_ADMIN_PASSWORD must be set with PDS_URL')
  if (sealKey.length !== 32) read.problems.push('MOODS_SEAL_KEY must be set with PDS_URL: 32 bytes in base64')
  if (url === null || adminPassword === null) return null
  return { url, plcUrl: plcUrl ?? 'https://plc.directory', adminPassword, sealKey }
}

function readAuth(read: Reader, host: string, serves: boolean): AuthConfig {
  // Kept as written: an issuer is compared to the letter, and Auth0's ends with a slash.
  const issuer = read.text('AUTH_ISSUER')
  read.url('AUTH_ISSUER')
  const audience = read.text('AUTH_AUDIENCE')
  const trial = read.text('TRIAL_SIGN_IN')
  if (trial !== null && trial !== 'public') read.problems.push('TRIAL_SIGN_IN can only be "public"')
  if (issuer !== null && audience !== null) return { kind: 'oidc', issuer, audience }
  if (issuer !== null || audience !== null) {
    read.problems.push('AUTH_ISSUER and AUTH_AUDIENCE go together')
    return { kind: 'trial' }
  }
  if (!serves) return { kind: 'trial' }
  if (read.text('PDS_URL') !== null) {
    read.problems.push('AUTH_ISSUER and AUTH_AUDIENCE must be set with PDS_URL: signing in by name is for trying out')
  } else if (!LOOPBACK_HOSTS.has(host) && trial !== 'public') {
    read.problems.push(
      `HOST=${host} would let anybody who reaches it sign in as anybody: set AUTH_ISSUER and AUTH_AUDIENCE, or TRIAL_SIGN_IN=public to have it so`,
    )
  }
  return { kind: 'trial' }
}
