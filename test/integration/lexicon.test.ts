/** The lexicon on a real PDS: published, found by strangers, and not found. */

import { rmSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { startDns } from '../support/dns.ts'
import { VERSION } from '../../src/version.ts'
import { environment, startApp, temporaryFolder } from '../support/installation.ts'
import { runMoods, ServerProcess } from '../support/process.ts'
import { eventually, makeForeignAccount } from '../support/repo.ts'
import { createSite } from '../support/site.ts'

type Json = Record<string, unknown>

const NSID = 'computer.aesthetic.mood'
const TXT = '_lexicon.aesthetic.computer'
const OURS = JSON.parse(await readFile('lexicons/computer/aesthetic/mood.json', 'utf8')) as Json

/** What the system before this one published under the same NSID. */
const LEGACY: Json = {
  lexicon: 1,
  id: NSID,
  defs: {
    main: {
      type: 'record',
      key: 'tid',
      record: {
        type: 'object',
        required: ['mood', 'when', 'ref'],
        properties: {
          mood: { type: 'string', maxLength: 50_000, maxGraphemes: 5000 },
          when: { type: 'string', format: 'datetime' },
          ref: { type: 'string' },
        },
      },
    },
  },
}

/** The record, read without any of our own code; null when there is none. */
async function published(pds: string, did: string): Promise<{ cid: string; value: Json } | null> {
  const query = new URLSearchParams({ repo: did, collection: 'com.atproto.lexicon.schema', rkey: NSID })
  const response = await fetch(`${pds}/xrpc/com.atproto.repo.getRecord?${query.toString()}`)
  return response.ok ? ((await response.json()) as { cid: string; value: Json }) : null
}

/** Publishes as another program would. */
async function putForeign(pds: string, did: string, password: string, document: Json): Promise<void> {
  const call = async (method: string, body: Json, token?: string): Promise<Json> => {
    const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const headers = { 'content-type': 'application/json', ...authorization }
    const response = await fetch(`${pds}/xrpc/com.atproto.${method}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as Json
  }
  const { accessJwt } = await call('server.createSession', { identifier: did, password })
  const record = { $type: 'com.atproto.lexicon.schema', ...document }
  const target = { repo: did, collection: 'com.atproto.lexicon.schema', rkey: NSID }
  await call('repo.putRecord', { ...target, record }, String(accessJwt))
}

function authorityIn(folder: string): { handle: string; password: string; did: string } | null {
  return new DataFolder(folder).readJson('lexicon-authority.json') as ReturnType<typeof authorityIn>
}

/** An installation on a PDS elsewhere, an account there, and the commands that speak to it. */
async function createAuthority() {
  await using stack = new AsyncDisposableStack()
  const site = stack.use(await createSite())
  await site.pds.up()
  const { pdsAdminPassword } = new DataFolder(site.pdsFolder).secrets()
  const { pdsUrl } = site.app
  const did = await makeForeignAccount(pdsUrl, pdsAdminPassword, 'authority.test', 'the password')
  const env = { ...site.env, PASSWORD_OF_IT: 'the password' }
  const run = (...args: string[]) => runMoods(['lexicon', ...args], env)
  const owned = stack.move()
  return { site, pdsUrl, did, env, run, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

describe('moods lexicon validate', () => {
  it('lists every check, and needs no installation', async () => {
    const { code, stdout, stderr } = await runMoods(['lexicon', 'validate'], {})
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('ok     text of 280 graphemes and 2802 bytes: refused: Record/text must not be longer')
    expect(stdout).toMatch(/All is well: \d+ sample records\.\n$/)
  })

  it('reports the problems of another file', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'lexicon.json')
    writeFileSync(file, JSON.stringify(LEGACY))
    const { code, stdout } = await runMoods(['lexicon', 'validate', '--file', file, '--json'], {})
    const result = JSON.parse(stdout) as { ok: boolean; samples: { name: string; ok: boolean; reason: string }[] }
    expect([code, result.ok]).toEqual([1, false])
    expect(result.samples[0]).toMatchObject({ ok: false, reason: 'Record must have the property "mood"' })
    writeFileSync(file, '{ "lexicon": 1 }')
    expect(await runMoods(['lexicon', 'validate', '--file', file], {})).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('WRONG  id: Required'),
    })
    writeFileSync(file, 'no JSON')
    expect(await runMoods(['lexicon', 'validate', '--file', file], {})).toMatchObject({
      code: 1,
      stderr: `moods: ${file} is not JSON\n`,
    })
    expect((await runMoods(['lexicon', 'validate', '--file', `${file}x`], {})).code).toBe(2)
  })
})

describe('moods all', () => {
  it('publishes the lexicon on its own PDS, once, in an account that it finds again', async () => {
    await using folder = await temporaryFolder()
    let first: { cid: string; value: Json }
    {
      await using server = await ServerProcess.start(folder.path)
      const { pds } = JSON.parse((await runMoods(['status', '--json'], environment(folder.path))).stdout) as {
        pds: string
      }
      await eventually('published', async () => {
        const did = authorityIn(folder.path)?.did
        return did !== undefined && did !== null && (await published(pds, did)) !== null
      })
      const authority = authorityIn(folder.path)!
      first = (await published(pds, authority.did))!
      expect(first.value).toEqual({ $type: 'com.atproto.lexicon.schema', ...OURS })
      expect(statSync(join(folder.path, 'lexicon-authority.json')).mode & 0o777).toBe(0o600)

      const again = await runMoods(['lexicon', 'publish', '--execute'], environment(folder.path))
      expect(again).toMatchObject({ code: 0, stderr: '' })
      expect(again.stdout).toContain('nothing to do')
      expect(again.stdout).toContain(`DNS       ${TXT} TXT "did=${authority.did}"`)
      expect(again.stdout).not.toContain(authority.password)
      const check = await runMoods(['lexicon', 'check'], environment(folder.path))
      expect(check).toMatchObject({ code: 0, stderr: '' })
      expect(check.stdout).toContain('not asked: no DNS leads to the embedded PDS')
      await server.stop('SIGTERM')
    }
    const before = authorityIn(folder.path)
    await using app = await startApp(folder.path)
    const { did } = before!
    expect(await published(app.pdsUrl, did)).toMatchObject({ cid: first.cid })
    expect(authorityIn(folder.path)).toEqual(before)
  })

  it('finds the account again that it made before a crash, and stops cleanly meanwhile', async () => {
    await using folder = await temporaryFolder()
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    {
      await using app = await startApp(folder.path, { role: 'serve', overrides: { log } })
      expect(app.address).not.toBeNull()
    }
    const made = authorityIn(folder.path)!
    new DataFolder(folder.path).writeJson('lexicon-authority.json', { ...made, did: null })
    {
      await using app = await startApp(folder.path, { role: 'serve', overrides: { log } })
      expect(app.address).not.toBeNull()
    }
    expect(authorityIn(folder.path)).toEqual(made)
    expect(lines).toEqual([])
  })

  it('starts even if the lexicon cannot be published, and reports why', async () => {
    await using folder = await temporaryFolder()
    {
      await using _ = await startApp(folder.path, { role: 'serve' })
    }
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    writeFileSync(join(folder.path, 'lexicon-authority.json'), 'damaged')
    await using app = await startApp(folder.path, { role: 'serve', overrides: { log } })
    expect((await fetch(`${app.address}/readyz`)).status).toBe(200)
    await eventually('reported', async () => lines.length > 0)
    expect(JSON.parse(lines[0]!)).toMatchObject({
      where: 'lexicon',
      err: { message: expect.stringContaining('cannot be read') },
    })
  })
})

describe('moods lexicon publish', () => {
  it('makes an account on the embedded PDS, under another handle when the first one is taken', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path, { role: 'serve' })
    await eventually('an account', async () => (authorityIn(folder.path)?.did ?? null) !== null)
    const lost = authorityIn(folder.path)!
    rmSync(join(folder.path, 'lexicon-authority.json'))
    const check = await runMoods(['lexicon', 'check'], environment(folder.path))
    expect(check).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was published') })
    const dry = await runMoods(['lexicon', 'publish'], environment(folder.path))
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('an account that is still to be made') })
    expect(authorityIn(folder.path)).toBeNull()
    const { code } = await runMoods(['lexicon', 'publish', '--execute'], environment(folder.path))
    expect(code).toBe(0)
    const made = authorityIn(folder.path)!
    expect(lost.handle).toBe('lexicon-authority.test')
    expect(made.handle).toMatch(/^lexicon-autho-[0-9a-f]{4}\.test$/)
    expect((await published(app.pdsUrl, made.did))?.value).toEqual({ $type: 'com.atproto.lexicon.schema', ...OURS })
  })

  it('creates, keeps and replaces the record in the repo of a DID, and refuses a breaking change', async () => {
    await using authority = await createAuthority()
    const { run, did, pdsUrl } = authority
    const mine = ['--did', did, '--password-env', 'PASSWORD_OF_IT']

    const dry = await run('publish', ...mine)
    expect(dry).toMatchObject({ code: 0, stderr: '' })
    expect(dry.stdout).toContain('create the record')
    expect(dry.stdout).toContain('Nothing was done (--execute does it).')
    expect(await published(pdsUrl, did)).toBeNull()

    expect(await run('publish', ...mine, '--execute')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`DNS       ${TXT} TXT "did=${did}"`),
    })
    expect((await published(pdsUrl, did))?.value).toEqual({ $type: 'com.atproto.lexicon.schema', ...OURS })

    // With one more field it can be replaced, and not be replaced back.
    const wider = structuredClone(OURS) as { defs: { main: { record: { properties: Json } } } }
    wider.defs.main.record.properties['weather'] = { type: 'string' }
    const file = join(authority.site.dataFolder, 'wider.json')
    writeFileSync(file, JSON.stringify(wider))
    const change = await run('publish', ...mine, '--file', file, '--execute', '--json')
    expect(JSON.parse(change.stdout)).toMatchObject({
      action: 'change',
      executed: true,
      changes: [{ path: 'weather', what: 'new', breaks: null }],
    })
    const refused = await run('publish', ...mine, '--execute')
    expect(refused.code).toBe(1)
    expect(refused.stdout).toContain('BREAKING')
    expect(refused.stdout).toContain('weather: removed (breaks both sides)')
    expect((await published(pdsUrl, did))?.value).toMatchObject(wider)
    expect((await run('publish', ...mine)).code).toBe(1)
    expect((await run('publish', ...mine, '--execute', '--force')).code).toBe(0)
    expect((await published(pdsUrl, did))?.value).toEqual({ $type: 'com.atproto.lexicon.schema', ...OURS })
  })

  it('publishes nothing that is not a lexicon for moods, not even with --force', async () => {
    await using authority = await createAuthority()
    const { run, did, pdsUrl, site } = authority
    const file = join(site.dataFolder, 'legacy.json')
    writeFileSync(file, JSON.stringify(LEGACY))
    const { code, stderr } = await run('publish', '--did', did, '--file', file, '--execute', '--force')
    expect(code).toBe(1)
    expect(stderr).toContain('moods: no more than what is required: is not accepted')
    expect(await published(pdsUrl, did)).toBeNull()
  })

  it('reports a missing or wrong password, repo or PDS', async () => {
    await using authority = await createAuthority()
    const { run, did, env, site, pdsUrl } = authority
    expect(await run('publish')).toMatchObject({ code: 2, stderr: 'moods: --did must name the repo to publish in\n' })
    expect(await run('publish', '--did', did, '--execute')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LEXICON_PASSWORD must hold the password'),
    })
    const wrong = await runMoods(['lexicon', 'publish', '--did', did, '--execute'], {
      ...env,
      LEXICON_PASSWORD: 'guessed',
    })
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('refuses') })
    expect(wrong.stderr).not.toContain('guessed')
    expect((await run('publish', '--did', 'did:plc:short')).code).toBe(2)
    expect(await run('publish', '--did', `did:plc:${'a'.repeat(24)}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not lead to a PDS'),
    })
    expect(await published(pdsUrl, did)).toBeNull()
    await site.pds.down()
    expect((await run('publish', '--did', did)).code).toBe(3)
    await using empty = await temporaryFolder()
    expect(await runMoods(['lexicon', 'publish'], environment(empty.path))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no embedded PDS'),
    })
  })
})

describe('moods lexicon check', () => {
  it('follows DNS to the record, and finds it equal', async () => {
    await using authority = await createAuthority()
    const { run, did, pdsUrl } = authority
    await putForeign(pdsUrl, did, 'the password', OURS)
    await using dns = await startDns({ [TXT]: ['v=spf1 -all', `did=${did}`] })
    const { code, stdout, stderr } = await run('check', '--name-server', dns.address, '--json')
    expect([code, stderr]).toEqual([0, ''])
    const cid = (await published(pdsUrl, did))!.cid
    expect(JSON.parse(stdout)).toEqual({
      command: 'lexicon check',
      version: VERSION,
      ok: true,
      complete: true,
      nsid: NSID,
      txt: { name: TXT, asked: true },
      did,
      pds: pdsUrl,
      uri: `at://${did}/com.atproto.lexicon.schema/${NSID}`,
      cid: { published: cid, expected: cid },
      findings: [],
    })
    const skipping = await run('check', '--did', did)
    expect(skipping).toMatchObject({ code: 0, stdout: expect.stringContaining('not asked: the DID was given') })
  })

  it('lists how the lexicon of the legacy system differs, and that ours would break it', async () => {
    await using authority = await createAuthority()
    const { run, did, pdsUrl } = authority
    await putForeign(pdsUrl, did, 'the password', LEGACY)
    const { code, stdout } = await run('check', '--did', did)
    expect(code).toBe(1)
    const lines = stdout.split('\n').filter((line) => line.startsWith('  ') || line.startsWith('FINDING'))
    expect(lines).toEqual([
      'FINDING   document: what is published differs, and ours would BREAK it',
      // In the order of DAG-CBOR: the shorter names first.
      '  ref: removed (it was required) (breaks both sides)',
      '  mood: removed (it was required) (breaks both sides)',
      '  when: renamed to createdAt, or replaced by it (it was required) (breaks both sides)',
      '  text: new and required (breaks existing records)',
      '  createdAt: new and required (breaks existing records)',
      '  intensity: new',
      '  context: new',
      '  isPrivate: new',
      '  mongoId: new and required (breaks existing records)',
      '  main: description changed',
      expect.stringMatching(/^ {2}remedy: write under a new NSID; or, .* --execute --force$/),
    ])
  })

  it('reports the step at which resolution fails', async () => {
    await using authority = await createAuthority()
    const { run, did } = authority
    const nobody = `did:plc:${'a'.repeat(24)}`
    const cases: [Readonly<Record<string, readonly string[]>>, string, string][] = [
      [{}, 'dns', 'has no TXT record'],
      [{ [TXT]: ['v=spf1 -all'] }, 'dns', 'has no TXT record'],
      [{ [TXT]: [`did=${did}`, `did=${nobody}`] }, 'dns', 'has 2 TXT records'],
      [{ [TXT]: ['did=authority.test'] }, 'dns', 'without a DID'],
      [{ [TXT]: [`did=${nobody}`] }, 'did', 'does not lead to a PDS'],
      [{ [TXT]: [`did=${did}`] }, 'record', 'has published nothing'],
    ]
    for (const [zone, step, problem] of cases) {
      await using dns = await startDns(zone)
      const { code, stdout } = await run('check', '--name-server', dns.address, '--json')
      const { findings } = JSON.parse(stdout) as { findings: Json[] }
      expect([code, findings]).toEqual([
        1,
        [{ step, problem: expect.stringContaining(problem), remedy: expect.stringMatching(/./), changes: [] }],
      ])
    }
  })

  it('tells a server that does not answer from a record that does not exist', async () => {
    await using authority = await createAuthority()
    const { run, did, site } = authority
    expect((await run('check', '--name-server', 'ns.example')).code).toBe(2)
    expect((await run('check', '--did', 'nobody')).code).toBe(2)
    const silent = await startDns({})
    await silent[Symbol.asyncDispose]()
    expect(await run('check', '--name-server', silent.address)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('DNS does not answer'),
    })
    await site.pds.down()
    expect(await run('check', '--did', did)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('the PLC directory at'),
    })
  })
})
