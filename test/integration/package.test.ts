/** What `npm pack` makes, installed into an empty project; and the library that it is. */

import { execFile } from 'node:child_process'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data-folder.ts'
import { DomainError } from '../../src/domain/errors.ts'
import { startNetwork } from '../../src/embedded/network.ts'
import { choosePorts } from '../../src/embedded/tcp-ports.ts'
import { answerFetch } from '../../src/http/fetch.ts'
import {
  createAtprotoMood,
  createMoods,
  deleteAtprotoMood,
  feed,
  fetchHandler,
  type Installation,
  type MoodView,
  post,
  signUp,
} from '../../src/index.ts'
import { environment, type TemporaryFolder, temporaryFolder } from '../support/installation.ts'
import { type Finished, ServerProcess } from '../support/process.ts'
import { AUDIENCE, type Provider, startProvider } from '../support/provider.ts'
import { listRecords } from '../support/repo.ts'

const MAX_BYTES = 80e6

function run(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Finished> {
  return new Promise((done) => {
    execFile(program, args, { cwd, env, maxBuffer: 1e7 }, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr })
    })
  })
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('npm', args, cwd, process.env)
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
  return stdout
}

function bytesBelow(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.reduce((sum, name) => sum + lstatSync(join(folder, name)).size, 0)
}

/** The programs of the guide, which are to be true. */
function programsOfTheGuide(): string[] {
  const guide = readFileSync('docs/guides/use-as-a-library.md', 'utf8')
  return [...guide.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, program]) => program!)
}

describe('the package, in an empty project', { timeout: 60_000 }, () => {
  const stack = new AsyncDisposableStack()
  let folder: TemporaryFolder
  let project: string
  let provider: Provider
  let pdsUrl: string
  let settings: Record<string, string>

  const node = (args: readonly string[], env: Record<string, string> = settings): Promise<Finished> =>
    run(process.execPath, args, project, { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env })
  const moods = (args: readonly string[], env?: Record<string, string>): Promise<Finished> =>
    node(['node_modules/.bin/moods', ...args], env)

  beforeAll(async () => {
    folder = stack.use(await temporaryFolder())
    project = join(folder.path, 'project')
    await mkdir(project)
    const packed = await npm('.', 'pack', '--silent', '--pack-destination', folder.path)
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
    await npm(project, 'install', '--no-audit', '--no-fund', join(folder.path, packed.trim().split('\n').at(-1)!))

    const network = new DataFolder(join(folder.path, 'network'))
    network.checkWritable()
    const secrets = network.secrets()
    const ports = await choosePorts(network, { pds: 0, plc: 0 })
    const running = stack.use(await startNetwork({ folder: network, ports, secrets, rateLimits: false }))
    provider = stack.use(await startProvider())
    pdsUrl = running.pdsUrl
    settings = {
      MOODS_DATA: join(folder.path, 'data'),
      PDS_URL: pdsUrl,
      PLC_URL: running.plcUrl,
      PDS_ADMIN_PASSWORD: secrets.pdsAdminPassword,
      MOODS_SEAL_KEY: randomBytes(32).toString('base64'),
      AUTH_ISSUER: provider.issuer,
      AUTH_AUDIENCE: AUDIENCE,
      LOG_LEVEL: 'warn',
    }
    const worker = [join(project, 'node_modules/.bin/moods'), 'worker']
    stack.use(await ServerProcess.run(process.execPath, worker, settings))
  }, 180_000)
  afterAll(() => stack.disposeAsync())

  it('is small, and brings neither the embedded PDS nor Node nor a compiler', () => {
    for (const name of ['@atproto/pds', '@did-plc/server', 'node', 'typescript', 'vite', 'vitest']) {
      expect(existsSync(join(project, 'node_modules', name)), name).toBe(false)
    }
    expect(bytesBelow(join(project, 'node_modules'))).toBeLessThan(MAX_BYTES)
    const kept = readdirSync(join(project, 'node_modules/moods')).toSorted()
    expect(kept).toEqual(['LICENSE', 'README.md', 'bin', 'dist', 'lexicons', 'package.json'])
  })

  it('posts as the guide says, and the worker publishes', async () => {
    writeFileSync(join(project, 'post.js'), programsOfTheGuide()[0]!)
    const { code, stdout, stderr } = await node(['post.js'])
    expect([code, stderr]).toEqual([0, ''])
    const mood = JSON.parse(stdout) as MoodView
    expect(mood).toMatchObject({ mood: 'hello from a library', handle: 'alice', atproto: { state: 'published' } })
    const records = await listRecords(pdsUrl, mood.atproto.uri!.split('/')[2]!)
    expect(records).toEqual([
      {
        uri: mood.atproto.uri,
        cid: mood.atproto.cid,
        value: expect.objectContaining({ text: 'hello from a library', mongoId: mood.id }),
      },
    ])
  })

  it('takes moods back, one and all, and their records with them', async () => {
    const program = `
      import { createAtprotoMood, createMoods, deleteAllAtprotoMoods, deleteAtprotoMood, feed, signUp } from 'moods'
      await using moods = await createMoods()
      const user = 'auth0|bob'
      const wait = { wait: true }
      await signUp(moods, { user, handle: 'bob' })
      const made = []
      for (const mood of ['one', 'two', 'three']) made.push(await createAtprotoMood(moods, { user, mood }, wait))
      const again = await createAtprotoMood(moods, { user, moodId: made[0].id }, wait)
      const gone = await deleteAtprotoMood(moods, { user, id: made[0].id }, wait)
      const all = await deleteAllAtprotoMoods(moods, { user }, wait)
      const left = await feed(moods, { handles: ['bob'] })
      console.log(JSON.stringify({ made, again, gone, all, left: left.moods }))`
    writeFileSync(join(project, 'delete.js'), program)
    const { code, stdout, stderr } = await node(['delete.js'])
    expect([code, stderr]).toEqual([0, ''])
    const { made, ...rest } = JSON.parse(stdout) as { made: MoodView[] }
    expect(made.map((mood) => mood.atproto.state)).toEqual(['published', 'published', 'published'])
    expect(rest).toMatchObject({
      again: made[0],
      gone: { id: made[0]!.id, atproto: { state: 'withdrawn' } },
      all: { nuked: 2, pending: false },
      left: [],
    })
    expect(await listRecords(pdsUrl, made[0]!.atproto.uri!.split('/')[2]!)).toEqual([])
  })

  it('audits, repairs and backfills', async () => {
    const program = `
      import { audit, backfill, createAtprotoMood, createMoods, repair, signUp } from 'moods'
      await using moods = await createMoods()
      const user = 'auth0|dora'
      await signUp(moods, { user, handle: 'dora' })
      for (const mood of ['one', 'two']) await createAtprotoMood(moods, { user, mood }, { wait: true })
      const found = await audit(moods, { user, verify: true })
      const mended = await repair(moods, { user })
      const report = await backfill(moods, { user })
      const nobody = await audit(moods, { user: 'auth0|nobody' })
      console.log(JSON.stringify({ found, mended, report, nobody }))`
    writeFileSync(join(project, 'operate.js'), program)
    const { code, stdout, stderr } = await node(['operate.js'])
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      found: { kind: 'audited', findings: [], counts: { synced: 2, records: 2 } },
      mended: {},
      report: { total: 2, already: 2, migrated: 0, failed: 0 },
      nobody: { kind: 'no_account' },
    })
  })

  it('serves the API and the page as a Fetch handler', async () => {
    writeFileSync(join(project, 'handler.js'), programsOfTheGuide()[1]!)
    const program = `
      import handler from './handler.js'
      const token = process.env.TOKEN
      const answers = []
      for (const [method, path, body] of [
        ['POST', '/api/signup', { handle: 'carol' }],
        ['POST', '/api/mood', { mood: 'fetched ☂' }],
        ['GET', '/api/mood/@carol'],
        ['GET', '/'],
      ]) {
        const headers = { authorization: 'Bearer ' + token, ...(body ? { 'content-type': 'application/json' } : {}) }
        const request = new Request('https://moods.example' + path, { method, headers, body: JSON.stringify(body) })
        const response = await handler(request)
        answers.push([response.status, response.headers.get('content-type'), await response.text()])
      }
      console.log(JSON.stringify(answers))`
    writeFileSync(join(project, 'mount.js'), program)
    const { code, stdout, stderr } = await node(['mount.js'], { ...settings, TOKEN: await provider.token('carol|1') })
    expect([code, stderr]).toEqual([0, ''])
    const answers = JSON.parse(stdout) as [number, string, string][]
    expect(answers.map(([status]) => status)).toEqual([200, 200, 200, 200])
    expect(JSON.parse(answers[2]![2])).toMatchObject({ mood: 'fetched ☂', handle: 'carol' })
    expect(JSON.parse(answers[2]![2])).toHaveProperty('id', (JSON.parse(answers[1]![2]) as MoodView).id)
    expect(answers[3]![1]).toMatch(/^text\/html/)
  })

  it('has types that a strict project takes, without skipping any', async () => {
    const program = `
      import { createAtprotoMood, createMoods, DomainError, fetchHandler, post, type MoodView } from 'moods'
      await using moods = await createMoods({ env: { MOODS_DATA: 'data' } })
      const mood: MoodView = await createAtprotoMood(moods, { user: 'u', mood: 'x' }, { wait: true, timeoutMs: 5 })
      const id: string = mood.id
      const handler: (request: Request) => Promise<Response> = fetchHandler(moods)
      // @ts-expect-error: a mood has a text
      await post(moods, { user: 'u' })
      // @ts-expect-error: there is no such code
      if (new DomainError('config', '').code === 'nonsense') await handler(new Request(id))
      export {}`
    writeFileSync(join(project, 'check.ts'), program)
    const compilerOptions = { strict: true, noEmit: true, target: 'es2022', module: 'nodenext', types: [] }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['check.ts'] }))
    const { code, stdout } = await run(process.execPath, [resolve('node_modules/.bin/tsc'), '-p', '.'], project, {})
    expect([code, stdout]).toEqual([0, ''])
  })

  it('has the command', async () => {
    const help = await moods(['--help'])
    expect([help.code, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('worker')
    const { code, stdout } = await moods(['status', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ pds: pdsUrl, moods: { rejected: 0 } })
  })

  it('says that the embedded PDS is not in it, and leaves no trace', async () => {
    const data = join(folder.path, 'none')
    const { code, stdout, stderr } = await moods(['all'], { MOODS_DATA: data, PORT: '0' })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^moods: the embedded PDS is only in a clone .*: set PDS_URL .*\n$/)
    expect(existsSync(data)).toBe(false)
  })
})

describe('the library, while no worker runs', () => {
  const stack = new AsyncDisposableStack()
  let provider: Provider
  let env: Record<string, string>
  let moods: Installation
  let handler: (request: Request) => Promise<Response>
  const at = 'https://moods.example'

  beforeAll(async () => {
    provider = stack.use(await startProvider())
    const seal = randomBytes(32).toString('base64')
    const pds = { PDS_URL: 'http://127.0.0.1:1', PDS_ADMIN_PASSWORD: 'x', MOODS_SEAL_KEY: seal }
    const { path } = stack.use(await temporaryFolder())
    env = { ...environment(path, { PDS_PORT: '', PLC_PORT: '' }), ...pds }
    moods = stack.use(await createMoods({ env: { ...env, AUTH_ISSUER: provider.issuer, AUTH_AUDIENCE: AUDIENCE } }))
    handler = fetchHandler(moods)
    await signUp(moods, { user: 'alice|1', handle: 'alice' })
  })
  afterAll(() => stack.disposeAsync())

  const send = async (body: Buffer<ArrayBuffer> | ReadableStream, more: RequestInit = {}): Promise<Response> => {
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${await provider.token('alice|1')}`,
    }
    return handler(new Request(`${at}/api/mood`, { method: 'POST', headers, body, ...more }))
  }

  it('waits no longer than it was told to', async () => {
    const options = { wait: true, timeoutMs: 120 }
    const mood = await createAtprotoMood(moods, { user: 'alice|1', mood: 'patience' }, options)
    expect(mood.atproto).toMatchObject({ synced: false, state: 'pending' })
    const reason = new Error('enough')
    const stopping = new AbortController()
    const waiting = createAtprotoMood(
      moods,
      { user: 'alice|1', moodId: mood.id },
      { wait: true, signal: stopping.signal },
    )
    stopping.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    // A private mood is nothing to wait for.
    const wanted = { user: 'alice|1', mood: 'mine', isPrivate: true }
    expect((await createAtprotoMood(moods, wanted, { wait: true })).atproto.state).toBe('local')
  })

  it.each<[string, string, () => Promise<unknown>]>([
    ['a user that is none', 'bad_request', () => post(moods, { user: '', mood: 'x' })],
    ['a mood that is no text', 'bad_request', () => post(moods, { user: 'u', mood: 5 as unknown as string })],
    ['an empty mood', 'invalid_mood', () => post(moods, { user: 'u', mood: ' ' })],
    ['101 moods at once', 'bad_request', () => feed(moods, { limit: 101 })],
    ['a cursor of its own making', 'invalid_cursor', () => feed(moods, { cursor: 'x' })],
    ['a mood that is not there', 'not_found', () => createAtprotoMood(moods, { user: 'u', moodId: 'x' })],
    ['deleting it', 'not_found', () => deleteAtprotoMood(moods, { user: 'u', id: 'x' })],
    [
      'a time that is none',
      'bad_request',
      () => createAtprotoMood(moods, { user: 'u', mood: 'x' }, { timeoutMs: NaN }),
    ],
    ['settings that are wrong', 'config', () => createMoods({ env: { ...env, PDS_ADMIN_PASSWORD: '' } })],
  ])('refuses %s', async (_what, code, call) => {
    const error: unknown = await call().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DomainError)
    expect(error).toHaveProperty('code', code)
  })

  it('offers no Fetch handler without a sign-in provider', async () => {
    await using other = await createMoods({ env })
    expect(() => fetchHandler(other)).toThrow('AUTH_ISSUER and AUTH_AUDIENCE must be set')
  })

  it('answers a Request as the server answers over HTTP', async () => {
    const posted = await send(Buffer.from('{"mood":"bytes ☂"}'))
    expect(posted.status).toBe(200)
    expect(posted.headers.get('content-security-policy')).toContain("default-src 'self'")
    const { id, mood } = (await posted.json()) as MoodView
    expect(mood).toBe('bytes ☂')
    const listed = await handler(new Request(`${at}/api/mood/all?for=%40alice&limit=1`))
    expect(await listed.json()).toMatchObject({ moods: [{ id }], cursor: expect.any(String) })
    const head = await handler(new Request(`${at}/api/mood/all`, { method: 'HEAD' }))
    expect([head.status, await head.text()]).toEqual([200, ''])
    const stranger = await handler(new Request(`${at}/api/me`))
    expect([stranger.status, stranger.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect((await handler(new Request(`${at}/nowhere`))).status).toBe(404)
    expect((await handler(new Request(`${at}/api/mood/all`, { method: 'NONSENSE' }))).status).toBe(404)
    expect((await send(Buffer.from([0x22, 0xff, 0x22]))).status).toBe(400)
  })

  it('reads no more of a body than it takes', async () => {
    let chunks = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        chunks++
        controller.enqueue(new Uint8Array(4096))
      },
    })
    const answer = await send(endless, { duplex: 'half' })
    expect([answer.status, await answer.json()]).toMatchObject([413, { error: 'too_large' }])
    expect(chunks).toBeLessThan(20)
  })

  it('streams changes until the reader leaves', async () => {
    const leaving = new AbortController()
    const stream = await handler(new Request(`${at}/api/mood/stream`, { signal: leaving.signal }))
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    await post(moods, { user: 'alice|1', mood: 'streamed' })
    let seen = ''
    while (!seen.includes('streamed')) seen += (await reader.read()).value
    expect(seen).toContain('event: mood\ndata: {"id":')
    leaving.abort()
    await expect(reader.closed).rejects.toThrow()
  })

  it('ends streams, and refuses more, when it is closed', async () => {
    const closing = await createMoods({ env: { ...env, AUTH_ISSUER: provider.issuer, AUTH_AUDIENCE: AUDIENCE } })
    const answer = fetchHandler(closing)
    const stream = await answer(new Request(`${at}/api/mood/stream`))
    await closing[Symbol.asyncDispose]()
    expect(await stream.text()).toMatch(/^:\n\n/)
    await expect(answer(new Request(`${at}/healthz`))).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('the way from Fetch to Fastify', () => {
  it('passes on every cookie, and cuts off who does not read a stream', async () => {
    const http = Fastify().withTypeProvider<TypeBoxTypeProvider>()
    http.get('/cookies', (request, reply) =>
      reply.header('set-cookie', ['a=1; Path=/', 'b=2']).send({ got: request.headers.cookie, host: request.host }),
    )
    const closed = new Promise<void>((resolve_) => {
      http.get('/flood', (_request, reply) => {
        reply.hijack()
        reply.raw.on('close', resolve_)
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
        for (let i = 0; i < 20; i++) reply.raw.write('x'.repeat(100_000))
      })
    })
    const cookies = await answerFetch(
      http,
      new Request('https://a.example/cookies', { headers: { cookie: 'c=3; d=4' } }),
    )
    expect(cookies.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2'])
    expect(await cookies.json()).toEqual({ got: 'c=3; d=4', host: 'a.example' })
    const flood = await answerFetch(http, new Request('https://a.example/flood'))
    await expect(flood.text()).rejects.toThrow()
    await closed
    await http.close()
  })
})
