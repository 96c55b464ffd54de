/** What the HTTP API accepts, refuses and shows. */

import { SignJWT, generateKeyPair } from 'jose'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../../src/app.ts'
import { rejected } from '../../src/domain/sync.ts'
import { saveRow } from '../support/damage.ts'
import { federate } from '../support/policy.ts'
import { AUDIENCE, startProvider } from '../support/provider.ts'
import { type PostedMood, startApp, type TemporaryFolder, temporaryFolder, Visitor } from '../support/installation.ts'

interface List {
  readonly moods: readonly PostedMood[]
  readonly cursor?: string
}

describe('the API', () => {
  let folder: TemporaryFolder
  let app: App
  let stranger: Visitor
  let alice: Visitor
  let bob: Visitor

  beforeAll(async () => {
    folder = await temporaryFolder()
    app = await startApp(folder.path, { role: 'serve' })
    stranger = new Visitor(app.address)
    alice = await stranger.as('alice')
    bob = await stranger.as('bob')
  })
  afterAll(async () => {
    await app[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  describe('refusals', () => {
    it.each<[string, number, string, unknown]>([
      ['an empty mood', 400, 'invalid_mood', { mood: '' }],
      ['white space', 400, 'invalid_mood', { mood: '  \n ' }],
      ['281 characters', 400, 'invalid_mood', { mood: 'a'.repeat(281) }],
      ['over 2800 bytes', 400, 'invalid_mood', { mood: '👩‍👩‍👧‍👧'.repeat(113) }],
      ['half a surrogate pair', 400, 'invalid_mood', '{"mood":"a\\ud83d"}'],
      ['a control character', 400, 'invalid_mood', '{"mood":"a\\u0000"}'],
      ['a number for a mood', 400, 'bad_request', { mood: 5 }],
      ['null for a mood', 400, 'bad_request', { mood: null }],
      ['no mood', 400, 'bad_request', {}],
      ['a list', 400, 'bad_request', ['mood']],
      ['an unknown field', 400, 'bad_request', { mood: 'x', extra: 1 }],
      ['intensity 0', 400, 'bad_request', { mood: 'x', intensity: 0 }],
      ['intensity in quotes', 400, 'bad_request', { mood: 'x', intensity: '5' }],
      ['intensity 1.5', 400, 'bad_request', { mood: 'x', intensity: 1.5 }],
      ['privacy in quotes', 400, 'bad_request', { mood: 'x', isPrivate: 'true' }],
      ['a context of 1001 characters', 400, 'invalid_mood', { mood: 'x', context: 'a'.repeat(1001) }],
      ['something that is not JSON', 400, 'bad_request', '{"mood":'],
      ['a poisoned prototype', 400, 'bad_request', '{"mood":"x","__proto__":{"a":1}}'],
      ['over 16 KiB', 413, 'too_large', { mood: 'x', context: 'a'.repeat(17_000) }],
    ])('refuses to post %s, and changes nothing', async (_what, status, error, body) => {
      const before = await app.store.work.count()
      const answer = await alice.send('/api/mood', body)
      expect(answer).toMatchObject({ status, body: { error, message: expect.any(String) } })
      expect(await app.store.work.count()).toEqual(before)
    })

    it('refuses a body that is not UTF-8', async () => {
      const before = await app.store.work.count()
      const post = (body: Uint8Array, type = 'application/json') =>
        fetch(`${app.address}/api/mood`, {
          method: 'POST',
          headers: { authorization: `Bearer ${alice.token}`, 'content-type': type },
          body: Buffer.from(body),
        })
      const bytes = (...middle: number[]) =>
        Buffer.concat([Buffer.from('{"mood":"a'), Buffer.from(middle), Buffer.from('"}')])
      for (const body of [bytes(0xff), bytes(0xc3), bytes(0xed, 0xa0, 0x80)])
        expect((await post(body)).status).toBe(400)
      expect((await post(bytes(0xe9), 'application/json; charset=iso-8859-1')).status).toBe(415)
      expect(await app.store.work.count()).toEqual(before)
    })

    it.each(['/api/mood/%zz', '/api/mood/@%E0%A4%A', `/api/mood/${'a'.repeat(5000)}`, '/api/mood//all', '/index.html'])(
      'answers the address %s with an error in JSON',
      async (path) => {
        const { status, body } = await stranger.send(path)
        expect([400, 404]).toContain(status)
        expect(Object.keys(body)).toEqual(['error', 'message'])
      },
    )

    it('refuses a foreign Host header while trial sign-in runs on loopback', async () => {
      const { hostname, port } = new URL(app.address!)
      const socket = connect(Number(port), hostname)
      socket.write('GET /api/about HTTP/1.1\r\nHost: moods.example\r\nConnection: close\r\n\r\n')
      let answer = ''
      for await (const chunk of socket) answer += String(chunk)
      expect(answer).toMatch(/^HTTP\/1\.1 400 .*localhost alone/s)
    })

    it('refuses a body of another content type than JSON', async () => {
      for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
        const answer = await alice.send('/api/mood', '{"mood":"x"}', { 'content-type': type })
        expect(answer).toMatchObject({ status: 415, body: { error: 'unsupported_media_type' } })
      }
    })

    it.each([
      ['no token', undefined],
      ['another scheme', 'Basic YTpi'],
      ['a malformed token', 'Bearer nonsense'],
      ['a token of three wrong parts', 'Bearer a.b.c'],
      ['an unsigned token', 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0cmlhbHxhbGljZSJ9.'],
    ])('refuses to post with %s', async (_what, authorization) => {
      const answer = await stranger.send('/api/mood', { mood: 'x' }, authorization ? { authorization } : {})
      expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized' } })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    })

    it('refuses a bad token even where none is needed', async () => {
      const answer = await stranger.send('/api/mood/all', undefined, { authorization: 'Bearer a.b.c' })
      expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized' } })
    })

    it.each([
      'limit=0',
      'limit=101',
      'limit=x',
      'limit=-1',
      'limit=5.5',
      'cursor=nonsense',
      'cursor=',
      'for=',
      'for=@a.b',
      'what=1',
    ])('refuses a list with %s', async (query) => {
      const { status, body } = await stranger.send(`/api/mood/all?${query}`)
      expect([status, typeof body['error'], typeof body['message']]).toEqual([400, 'string', 'string'])
    })

    it.each(['ab', 'a.b.c', 'under_score', 'x'.repeat(19), '-abc', ''])('refuses the handle %j', async (handle) => {
      const answer = await stranger.send('/api/sign-in', { handle })
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_handle' } })
      expect(await alice.send('/api/signup', { handle })).toMatchObject({ status: 400 })
    })

    it('refuses a handle that another user has, and a second handle for one user', async () => {
      const carol = await stranger.as('carol', { signUp: false })
      expect(await carol.send('/api/signup', { handle: 'Alice' })).toMatchObject({
        status: 409,
        body: { error: 'handle_taken' },
      })
      expect(await alice.send('/api/signup', { handle: 'alice-two' })).toMatchObject({
        status: 409,
        body: { error: 'already_signed_up' },
      })
    })
  })

  describe('answers', () => {
    it('lists newest first, in pages, without gap or overlap', async () => {
      const dave = await stranger.as('dave')
      const ids: string[] = []
      for (let i = 0; i < 5; i++) ids.unshift((await dave.post(`page ${i}`)).id)
      const seen: string[] = []
      for (let cursor: string | undefined; ;) {
        const query = `limit=2&for=@dave${cursor ? `&cursor=${cursor}` : ''}`
        const { body } = await stranger.send<List>(`/api/mood/all?${query}`)
        seen.push(...body.moods.map((mood) => mood.id))
        cursor = body.cursor
        if (!cursor) break
      }
      expect(seen).toEqual(ids)
    })

    it('lists the moods of the given users alone', async () => {
      const mine = await alice.post('mine')
      const theirs = await bob.post('theirs')
      const { body } = await stranger.send<List>('/api/mood/all?for=@alice,@bob&limit=100')
      expect(body.moods.map((mood) => mood.id)).toEqual(expect.arrayContaining([mine.id, theirs.id]))
      const alone = await stranger.send<List>('/api/mood/all?for=@alice')
      expect(new Set(alone.body.moods.map((mood) => mood.handle))).toEqual(new Set(['alice']))
      expect((await stranger.send<List>('/api/mood/all?for=@nobody-here')).body).toEqual({ moods: [] })
    })

    it('shows the latest mood of a user by handle', async () => {
      await alice.post('older')
      const latest = await alice.post('newer')
      expect((await stranger.send('/api/mood/@alice')).body).toEqual(await stranger.mood(latest.id))
      expect((await stranger.send('/api/mood/%40alice')).body).toEqual(await stranger.mood(latest.id))
      expect(await stranger.send('/api/mood/@nobody-here')).toMatchObject({ status: 404, body: { error: 'not_found' } })
      expect(await stranger.send('/api/mood/@x')).toMatchObject({ status: 400, body: { error: 'invalid_handle' } })
    })

    it('shows private moods to their author alone', async () => {
      const open = await alice.post('in the open')
      const secret = await alice.post('in secret', { isPrivate: true })
      for (const other of [stranger, bob]) {
        expect(await other.send(`/api/mood/${secret.id}`)).toMatchObject({ status: 404, body: { error: 'not_found' } })
        expect(await other.send(`/api/mood/${secret.id}/record`)).toMatchObject({ status: 404 })
        expect((await other.send('/api/mood/@alice')).body).toMatchObject({ id: open.id })
      }
      expect(await alice.mood(secret.id)).toMatchObject({ mood: 'in secret', isPrivate: true })
      expect((await alice.send('/api/mood/@alice')).body).toMatchObject({ id: secret.id })
      const lists: [Visitor, string, boolean][] = [
        [stranger, 'all', false],
        [bob, 'all?for=@alice', false],
        [alice, 'all', false],
        [alice, 'all?for=@alice', true],
      ]
      for (const [who, list, isThere] of lists) {
        const { body } = await who.send<List>(`/api/mood/${list}`)
        expect(body.moods.some((mood) => mood.id === secret.id)).toBe(isThere)
      }
    })

    it('says of a new mood that federation leaves its author out, and nothing of that where a mood is to be deleted', async () => {
      const { mode, allow } = (await app.store.policy.get())!.policy
      await federate(app.store, { mode: 'off' })
      const { id, atproto } = await alice.post('while federation is off')
      const left = { state: 'pending', reason: 'federation leaves the author out' }
      expect(atproto).toMatchObject(left)
      expect((await stranger.send(`/api/mood/${id}`)).body).toMatchObject({ atproto: left })
      const { body } = await alice.send<List>('/api/mood/all')
      expect(body.moods.find((mood) => mood.id === id)).toMatchObject({ atproto: left })
      const { user } = (await app.store.moods.byId(id))!
      await app.moods.edit(user, id, { isPrivate: true })
      const { atproto: hidden } = await alice.mood(id)
      expect(hidden).toMatchObject({ state: 'pending', reason: expect.stringContaining('brought up to date') })
      await federate(app.store, { mode, allow })
    })

    it('shows why a mood is in its state, in words', async () => {
      const { id, atproto } = await alice.post('to be refused')
      expect(atproto).toMatchObject({ state: 'pending', reason: 'its repository is about to be brought up to date' })
      const hidden = await alice.post('for my eyes only', { isPrivate: true })
      expect(hidden.atproto).toMatchObject({ state: 'local', reason: 'private moods never leave the database' })
      const mood = (await app.store.moods.byId(id))!
      const error = { code: 'InvalidRequest', message: 'to be refused: never said to strangers', at: 0 }
      await saveRow(app, { ...mood, sync: rejected(mood.sync, error) })
      const { body } = await stranger.send(`/api/mood/${id}`)
      expect(body).toMatchObject({ atproto: { reason: 'the PDS refused it for good (InvalidRequest)' } })
      expect(JSON.stringify(body)).not.toContain('never said')
    })

    it('never shows a user’s sub', async () => {
      const answers = await Promise.all(
        ['/api/mood/all?limit=100', '/api/mood/@alice', '/api/me', '/api/me/proof'].map((path) => alice.send(path)),
      )
      answers.push(
        await alice.send('/api/mood', { mood: 'no sub' }),
        await alice.send('/api/signup', { handle: 'alice' }),
      )
      expect(JSON.stringify(answers.map((answer) => answer.body))).not.toContain('trial|')
    })

    it('shows health, readiness and its OpenAPI description', async () => {
      expect(await stranger.send('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
      expect(await stranger.send('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } })
      const { body } = await stranger.send<{ paths: object }>('/api/openapi.json')
      expect(Object.keys(body.paths)).toEqual(
        expect.arrayContaining(['/api/mood', '/api/mood/all', '/api/sign-in', '/readyz']),
      )
      expect(await stranger.send('/api/nothing')).toMatchObject({ status: 404, body: { error: 'not_found' } })
      expect(await stranger.send('/api/mood/not-an-id')).toMatchObject({ status: 404, body: { error: 'not_found' } })
    })
  })

  it('signs the same handle in as the same user', async () => {
    const first = await stranger.send('/api/sign-in', { handle: '@Alice' })
    expect(first).toMatchObject({
      status: 200,
      body: { handle: 'alice', sub: expect.any(String), token: expect.any(String) },
    })
    const again = await stranger.send('/api/sign-in', { handle: 'alice' })
    expect(again.body['sub']).toBe(first.body['sub'])
  })

  it('signs in a handle whose first user has signed up with another', async () => {
    await (await stranger.as('first-name', { signUp: false })).send('/api/signup', { handle: 'second-name' })
    const other = await stranger.as('first-name')
    expect((await other.send('/api/me')).body).toMatchObject({ handle: 'first-name' })
  })

  it('refuses a token that has expired', async () => {
    const { d, ...key } = JSON.parse((await import('node:fs')).readFileSync(`${folder.path}/sign-in-key.json`, 'utf8'))
    const expired = await new SignJWT()
      .setProtectedHeader({ alg: 'ES256' })
      .setSubject('trial|alice')
      .setIssuer('moods')
      .setAudience('moods')
      .setExpirationTime(1)
      .sign({ ...key, d })
    const answer = await new Visitor(app.address, expired).send('/api/me')
    expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized', message: 'the token has expired' } })
  })
})

describe('the live feed', () => {
  it('shows a mood when it is saved and when it is published, and private moods only to their author', async () => {
    await using folder = await temporaryFolder()
    await using app = await startApp(folder.path)
    const alice = await new Visitor(app.address).as('alice')
    const watch = async (who: Visitor) => {
      const headers: Record<string, string> = who.token === null ? {} : { authorization: `Bearer ${who.token}` }
      const response = await fetch(`${who.address}/api/mood/stream`, { headers })
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      return response.body!.pipeThrough(new TextDecoderStream()).getReader()
    }
    const until = async (reader: ReadableStreamDefaultReader<string>, text: string): Promise<string> => {
      let seen = ''
      while (!seen.includes(text)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the stream ended before ${text}`)
        seen += value
      }
      return seen
    }
    const strangers = await watch(new Visitor(app.address))
    const own = await watch(alice)
    await alice.post('secret thing', { isPrivate: true })
    const mood = await alice.post('public thing')
    const publicly = await until(strangers, '"state":"published"')
    expect(publicly).toContain(`event: mood\ndata: {"id":"${mood.id}"`)
    expect(publicly).toContain('"state":"pending"')
    expect(publicly).not.toContain('secret thing')
    expect(await until(own, '"state":"published"')).toContain('secret thing')
    await strangers.cancel()
    await own.cancel()
  })

  it('shows what another process has published', async () => {
    await using folder = await temporaryFolder()
    await using server = await startApp(folder.path, { role: 'serve' })
    await using worker = await startApp(folder.path, { role: 'worker' })
    expect(worker.address).toBeNull()
    const alice = await new Visitor(server.address).as('alice')
    const response = await fetch(`${server.address}/api/mood/stream`)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    await alice.post('seen from afar')
    for (let seen = ''; !seen.includes('"state":"published"');) {
      const { value, done } = await reader.read()
      expect(done).toBe(false)
      seen += value
    }
    await reader.cancel()
  })
})

describe('the API with an OpenID Connect provider', () => {
  it('accepts the tokens of the provider, and no others', async () => {
    await using provider = await startProvider()
    const { issuer } = provider
    const token = (wrong = {}): Promise<string> => provider.token('auth0|123', wrong)
    await using folder = await temporaryFolder()
    const env = { AUTH_ISSUER: issuer, AUTH_AUDIENCE: AUDIENCE }
    await using app = await startApp(folder.path, { role: 'serve', env })
    const status = async (bearer: string): Promise<number> =>
      (await new Visitor(app.address, bearer).send('/api/me')).status

    expect(await status(await token())).toBe(200)
    expect(await status(await token({ byStranger: true }))).toBe(401)
    expect(await status(await token({ iss: 'https://elsewhere.example/' }))).toBe(401)
    expect(await status(await token({ aud: 'another-api' }))).toBe(401)
    expect(await status(await token({ exp: '-1h' }))).toBe(401)

    const user = new Visitor(app.address, await token())
    expect(await user.send('/api/signup', { handle: 'alice' })).toMatchObject({ status: 200 })
    expect(await app.accounts.userOf('alice')).toBe('auth0|123')
    expect(await user.post('from elsewhere')).toMatchObject({ handle: 'alice' })
    expect(await user.send('/api/sign-in', { handle: 'alice' })).toMatchObject({ status: 404 })
  })

  it('answers 503, not 401, while the provider does not answer', async () => {
    await using folder = await temporaryFolder()
    const env = { AUTH_ISSUER: 'http://127.0.0.1:9/', AUTH_AUDIENCE: AUDIENCE }
    await using app = await startApp(folder.path, { role: 'serve', env })
    const { privateKey } = await generateKeyPair('RS256')
    const token = await new SignJWT().setProtectedHeader({ alg: 'RS256', kid: 'k' }).setSubject('u').sign(privateKey)
    const answer = await new Visitor(app.address, token).send('/api/me')
    expect(answer).toMatchObject({ status: 503, body: { error: 'unavailable' } })
    expect(answer.headers.get('retry-after')).toBe('5')
  })
})
