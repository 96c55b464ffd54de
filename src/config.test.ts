import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeVariables, readConfig } from './config.ts'
import { DataFolder } from './data-folder.ts'
import { NO_LIMITS } from './domain/budget.ts'
import { DomainError } from './domain/errors.ts'

const REMOTE = {
  PDS_URL: 'https://pds.example/',
  PDS_ADMIN_PASSWORD: 'admin secret',
  MOODS_SEAL_KEY: randomBytes(32).toString('base64'),
}

/** The problems that reading an environment reports. */
function problemsOf(env: Record<string, string>, serves = false): readonly string[] {
  try {
    readConfig(env, { serves })
    return []
  } catch (error) {
    if (error instanceof DomainError && error.code === 'config') return error.message.split('\n')
    throw error
  }
}

describe('configuration', () => {
  it('is complete without any variable: embedded store, embedded PDS, sign-in by name', () => {
    expect(readConfig({}, { serves: true })).toMatchObject({
      host: '127.0.0.1',
      port: 8787,
      dataFolder: resolve('data'),
      store: { kind: 'sqlite', file: resolve('data/moods.sqlite') },
      remote: null,
      auth: { kind: 'trial' },
      logLevel: 'info',
      federation: null,
      softDeleteRecords: 'keep',
      eraseAccounts: false,
      limits: NO_LIMITS,
    })
  })

  it('takes an empty or blank variable for one that is not set', () => {
    const blank = Object.fromEntries(describeVariables().map(({ name }) => [name, ' ']))
    expect(readConfig(blank, { serves: true })).toEqual(readConfig({}, { serves: true }))
  })

  it('limits requests to a remote PDS by default, and only events with a bypass key', () => {
    const { limits, remote } = readConfig(REMOTE, { serves: false })
    expect(remote).toMatchObject({ url: 'https://pds.example', plcUrl: 'https://plc.directory' })
    expect(limits).toEqual({
      points: [
        { max: 5000, windowMs: 3_600_000 },
        { max: 35_000, windowMs: 86_400_000 },
      ],
      requests: [{ max: 3000, windowMs: 300_000 }],
      logins: [
        { max: 30, windowMs: 300_000 },
        { max: 300, windowMs: 86_400_000 },
      ],
      events: [],
    })
    const bypassing = { ...REMOTE, PDS_RATE_LIMIT_BYPASS_KEY: 'k', RELAY_ACCOUNT_LIMIT: '1000' }
    const events = [
      { max: 3_500, windowMs: 3_600_000 },
      { max: 30_000, windowMs: 86_400_000 },
      { max: 51, windowMs: 1_000 },
    ]
    expect(readConfig(bypassing, { serves: false }).limits).toEqual({ ...NO_LIMITS, events })
  })

  it.each([
    ['PORT', '65536', 'PORT must be a whole number from 0 to 65535'],
    ['SYNC_CONCURRENCY', '1.5', 'SYNC_CONCURRENCY must be a whole number from 1 to 256'],
    ['POINTS_PER_DAY', '2', 'POINTS_PER_DAY must be a whole number from 3 to 1000000000'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent'],
    ['ERASE_PDS_ACCOUNT', 'yes', 'ERASE_PDS_ACCOUNT must be one of true, false'],
    ['FEDERATION', '101%', 'FEDERATION must be on, off, or a share from 0% to 100%'],
    ['FEDERATION_ALLOW', '@alice,,@bob', 'FEDERATION_ALLOW must be a list of handles, such as @alice,@bob'],
    ['MONGODB_URI', 'http://x', 'MONGODB_URI must begin with mongodb:// or mongodb+srv://'],
    ['TRIAL_SIGN_IN', 'private', 'TRIAL_SIGN_IN must be public'],
    ['RELAY_ACCOUNT_LIMIT', '0', 'RELAY_ACCOUNT_LIMIT must be a whole number from 1 to 1000000000'],
    [
      'RELAYS',
      'https://relay.example,relay',
      'RELAYS must be a list of http or https URLs, such as https://relay-1.example,https://relay-2.example',
    ],
    [
      'EVENTS_PER_HOUR',
      '2600',
      'EVENTS_PER_HOUR is not read any more: set RELAY_ACCOUNT_LIMIT instead; a relay takes 2,500 events an hour, and one more for each account that it admits',
    ],
  ])('%s=%s is one problem', (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([problem])
  })

  it('relays are read one by one, each once and without its last slash', () => {
    const { relays } = readConfig(
      { RELAYS: 'https://a.example/, http://b.example,https://a.example' },
      { serves: true },
    )
    expect(relays).toEqual(['https://a.example', 'http://b.example'])
  })

  it.each([
    [{ FEDERATION: 'off' }, { mode: 'off', percent: 0, allow: [] }],
    [{ FEDERATION: 'on' }, { mode: 'on', percent: 100, allow: [] }],
    [{ FEDERATION: '10%' }, { mode: 'percent', percent: 10, allow: [] }],
    [
      { FEDERATION: '10%', FEDERATION_ALLOW: '@bob,@alice,@bob' },
      { mode: 'percent', percent: 10, allow: ['alice', 'bob'] },
    ],
    [{ FEDERATION_ALLOW: '@alice' }, { mode: 'allow', percent: 0, allow: ['alice'] }],
  ])('%j asks for one policy', (env, federation) => {
    expect(readConfig(env, { serves: true }).federation).toEqual(federation)
  })

  it.each(['on', 'off'])('FEDERATION_ALLOW contradicts FEDERATION=%s', (federation) => {
    expect(problemsOf({ FEDERATION: federation, FEDERATION_ALLOW: '@alice' })).toEqual([
      expect.stringContaining(`FEDERATION_ALLOW does not go with FEDERATION=${federation}`),
    ])
  })

  it.each([
    ['PLC_URL', 'https://plc.example', 'PLC_URL goes with PDS_URL, which is not set'],
    ['PDS_ADMIN_PASSWORD', 'x', 'PDS_ADMIN_PASSWORD goes with PDS_URL, which is not set'],
    ['MONGODB_NAME', 'moods', 'MONGODB_NAME goes with MONGODB_URI, which is not set'],
    ['AUTH_ISSUER', 'https://issuer.example/', 'AUTH_ISSUER and AUTH_AUDIENCE go together'],
    ['AUTH_AUDIENCE', 'moods', 'AUTH_ISSUER and AUTH_AUDIENCE go together'],
  ])('%s without its companion is one problem', (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([problem])
  })

  it('requires password and seal key with PDS_URL, and refuses ports of the embedded PDS', () => {
    expect(problemsOf({ PDS_URL: REMOTE.PDS_URL, PDS_PORT: '1' })).toEqual([
      'PDS_PORT is for the embedded PDS and does not go with PDS_URL',
      expect.stringMatching(/^PDS_ADMIN_PASSWORD must be set with PDS_URL/),
      expect.stringMatching(/^MOODS_SEAL_KEY must be set with PDS_URL/),
    ])
  })

  it.each([
    ['mongodb://a/moods', undefined, 'moods'],
    ['mongodb://u:p%2Fw@a:1,b:2/my-moods?replicaSet=r', undefined, 'my-moods'],
    ['mongodb+srv://cluster.example/moods%2Dtest', undefined, 'moods-test'],
    ['mongodb://a/moods', 'others', 'others'],
    ['mongodb://a/moods', ' ', 'moods'],
    ['mongodb://a', undefined, 'aesthetic'],
    ['mongodb://a/', undefined, 'aesthetic'],
    ['mongodb://a/?authSource=x/y', undefined, 'aesthetic'],
    ['mongodb://a?authSource=x/y', undefined, 'aesthetic'],
    ['mongodb://u:p@a/admin?tls=true', undefined, 'aesthetic'],
    ['mongodb://a/admin', 'admin', 'admin'],
    ['mongodb://a/%', undefined, 'aesthetic'],
  ])('with MONGODB_URI=%s and MONGODB_NAME=%s the database is %s', (uri, name, database) => {
    const env = { MONGODB_URI: uri, MONGODB_NAME: name }
    expect(readConfig(env, { serves: false }).store).toEqual({ kind: 'mongodb', uri, database })
  })

  it('finds the MongoDB that the last server of the folder ran, unless MONGODB_URI names one; a server says itself', () => {
    const path = mkdtempSync(join(tmpdir(), 'moods-config-'))
    onTestFinished(() => rmSync(path, { recursive: true }))
    const storeOf = (env: Record<string, string>, serves = false) =>
      readConfig({ MOODS_DATA: path, ...env }, { serves }).store
    const mongod = { uri: 'mongodb://127.0.0.1:1234/aesthetic?replicaSet=moods', database: 'aesthetic' }
    const sqlite = { kind: 'sqlite', file: join(path, 'moods.sqlite') }
    new DataFolder(path).rememberServer({ address: 'http://127.0.0.1:1', mongod })
    expect(storeOf({})).toEqual({ kind: 'mongodb', ...mongod })
    expect(storeOf({ MONGODB_NAME: 'other' })).toEqual({ kind: 'mongodb', ...mongod, database: 'other' })
    expect(storeOf({ MONGODB_URI: 'mongodb://a/moods' })).toMatchObject({ uri: 'mongodb://a/moods', database: 'moods' })
    expect(storeOf({}, true)).toEqual(sqlite)
    new DataFolder(path).rememberServer({ address: 'http://127.0.0.1:1', mongod: null })
    expect(storeOf({})).toEqual(sqlite)
  })

  it('never repeats a value: it may be a secret', () => {
    const secret = 'not-a-key'
    for (const { name } of describeVariables()) {
      if (name === 'HOST') continue
      for (const env of [{ [name]: secret }, { ...REMOTE, [name]: secret }]) {
        expect(problemsOf(env, true).join('\n')).not.toContain(secret)
      }
    }
    expect(problemsOf({ ...REMOTE, MOODS_SEAL_KEY: secret })).toEqual(['MOODS_SEAL_KEY must be 32 bytes in base64'])
  })

  it('keeps the issuer as written, since it is compared character by character', () => {
    const env = { AUTH_ISSUER: 'https://issuer.example/', AUTH_AUDIENCE: 'moods' }
    expect(readConfig(env, { serves: true }).auth).toEqual({
      kind: 'oidc',
      issuer: 'https://issuer.example/',
      audience: 'moods',
    })
  })

  it('refuses sign-in by name where other machines can reach it, unless it is allowed', () => {
    expect(problemsOf({ HOST: '0.0.0.0' }, true)).toEqual([expect.stringMatching(/^HOST=0\.0\.0\.0 lets anyone/)])
    expect(problemsOf({ HOST: '0.0.0.0' })).toEqual([])
    expect(problemsOf({ HOST: '0.0.0.0', TRIAL_SIGN_IN: 'public' }, true)).toEqual([])
    expect(problemsOf(REMOTE, true)).toEqual([expect.stringContaining('must be set with PDS_URL')])
  })
})
