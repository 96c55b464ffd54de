/** What every kind of answer becomes. The server here only produces faults; what works is tested against the real PDS. */

import { createServer as createTlsServer } from 'node:https'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { opened, newAccount, type ReadyAccount } from '../../src/domain/account.ts'
import { PdsClient } from '../../src/pds/client.ts'
import { Sealer } from '../../src/pds/sealer.ts'
import { Sessions } from '../../src/pds/sessions.ts'
import { Identities } from '../../src/pds/identities.ts'
import { Xrpc } from '../../src/pds/xrpc.ts'
import { SELF_SIGNED } from '../support/certificate.ts'
import { createSite, type Site } from '../support/site.ts'

const NOW = 1_800_000_000_000

let site: Site
beforeAll(async () => {
  site = await createSite()
})
afterAll(() => site[Symbol.asyncDispose]())

/** What a single read comes to when the host answers like this. */
async function outcomeOf(
  listener: RequestListener,
  timeoutMs = 10_000,
  server = createServer(listener),
  scheme = 'http',
): Promise<unknown> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const clock = { now: () => NOW }
  const xrpc = new Xrpc(clock, { timeoutMs, bypassKey: null }, null)
  const sessions = new Sessions(site.app.store.accounts, new Sealer(new Uint8Array(32)), clock, xrpc)
  const account = opened(
    newAccount('u1', 'alice'),
    'did:plc:abcdefghijklmnopqrstuvwx',
    `${scheme}://127.0.0.1:${port}`,
    's',
  )
  try {
    return await new PdsClient(sessions, xrpc, new Identities(clock, { plcUrl: '', timeoutMs: 5_000 })).get(
      account as ReadyAccount,
      'a.b.c',
      '2222222222222',
    )
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const json =
  (status: number, body: object, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
const html =
  (status: number): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'text/html' }).end('<p>not a PDS</p>')

describe('a connection over TLS', () => {
  it('that is not trusted, or is none, has carried nothing', async () => {
    const asked: unknown[] = []
    const listener: RequestListener = (request, response) => {
      asked.push(request.url)
      response.end('{}')
    }
    const selfSigned = await outcomeOf(listener, 10_000, createTlsServer(SELF_SIGNED, listener), 'https')
    expect(selfSigned).toEqual({ kind: 'host_down', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    const plain = await outcomeOf(listener, 10_000, createServer(listener), 'https')
    expect(plain).toEqual({ kind: 'host_down', code: expect.stringMatching(/^ERR_SSL_/) })
    expect(asked).toEqual([])
  })
})

describe('an answer', () => {
  it.each<[string, RequestListener, object]>([
    [
      '400 of a PDS',
      json(400, { error: 'InvalidRequest', message: 'no' }),
      { kind: 'rejected', code: 'InvalidRequest' },
    ],
    ['404 of a PDS', json(404, { error: 'XRPCNotSupported' }), { kind: 'uncertain', answered: true }],
    ['413 of a PDS', json(413, { error: 'PayloadTooLarge' }), { kind: 'rejected', code: 'PayloadTooLarge' }],
    ['a record that is not there', json(400, { error: 'RecordNotFound' }), { kind: 'ok', value: null }],
    ['a repo that is not there', json(400, { error: 'RepoNotFound' }), { kind: 'unauthorized', code: 'RepoNotFound' }],
    ['a repo taken down', json(400, { error: 'RepoTakendown' }), { kind: 'unauthorized' }],
    ['401', json(401, { error: 'AuthMissing' }), { kind: 'unauthorized', code: 'AuthMissing' }],
    ['a token that has run out', json(400, { error: 'ExpiredToken' }), { kind: 'unauthorized', code: 'ExpiredToken' }],
    [
      'a swap that failed',
      json(400, { error: 'InvalidSwap' }),
      { kind: 'uncertain', code: 'InvalidSwap', answered: true },
    ],
    ['500', json(500, { error: 'InternalServerError' }), { kind: 'uncertain', answered: true }],
    ['502 of a PDS', json(502, { error: 'UpstreamFailure' }), { kind: 'uncertain', answered: false }],
    ['503 of a proxy', html(503), { kind: 'uncertain', code: 'Status503', answered: false }],
    ['404 of a proxy', html(404), { kind: 'uncertain', code: 'Status404', answered: false }],
    ['403 of a proxy', html(403), { kind: 'uncertain', code: 'Status403', answered: false }],
    ['200 that is no answer', html(200), { kind: 'uncertain', answered: false, said: '200 text/html' }],
    [
      'a redirect',
      (_request, response) => response.writeHead(301, { location: 'https://other.example/sign-in' }).end(),
      { kind: 'uncertain', code: 'Status301', answered: false, said: '301 to https://other.example' },
    ],
    [
      'an endless one',
      (_request, response) => {
        const pump = (): boolean => response.destroyed || response.write(' '.repeat(65_536), pump)
        response.writeHead(200, { 'content-type': 'application/json' })
        pump()
      },
      { kind: 'uncertain', code: 'AnswerTooLong', answered: false, said: 'more than 1048576 bytes' },
    ],
    [
      '429 with seconds',
      json(429, { error: 'RateLimitExceeded' }, { 'retry-after': '7' }),
      { kind: 'later', afterMs: 7000, scope: 'account' },
    ],
    [
      '429 with no time at all',
      json(429, { error: 'RateLimitExceeded' }, { 'retry-after': '0' }),
      { kind: 'later', afterMs: 1000 },
    ],
    [
      '429 with a time of day, of the host',
      json(
        429,
        { error: 'RateLimitExceeded' },
        { 'ratelimit-reset': String(NOW / 1000 + 30), 'ratelimit-policy': '3000;w=300' },
      ),
      { kind: 'later', afterMs: 30_000, scope: 'host' },
    ],
    ['none, the connection is cut', (request) => request.socket.destroy(), { kind: 'uncertain', answered: false }],
    [
      'cut in the middle',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
        response.write('{"uri":', () => response.destroy())
      },
      { kind: 'uncertain' },
    ],
  ])('%s', async (_what, listener, expected) => {
    expect(await outcomeOf(listener)).toMatchObject(expected)
  })

  it('none in time', async () => {
    const expected = { kind: 'uncertain', code: 'TimeoutError', answered: false }
    expect(await outcomeOf(() => {}, 100)).toMatchObject(expected)
  })
})

describe('a request', () => {
  /** The header of the bypass key with which a PDS is asked, when the key is that of the PDS at this address. */
  async function bypassSeenBy(pdsOf: (own: string) => string): Promise<string | undefined> {
    let seen: string | undefined
    const server = createServer((request, response) => {
      seen = request.headers['x-ratelimit-bypass'] as string | undefined
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const bypassKey = { key: 'secret', pds: pdsOf(own) }
    const xrpc = new Xrpc({ now: () => NOW }, { timeoutMs: 5_000, bypassKey }, null)
    await xrpc.ask(own, (agent, signal) => agent.fetchHandler('/xrpc/a.b.c', { method: 'GET', signal }))
    server.close()
    return seen
  }

  it('takes the bypass key along to the PDS that it is of, and to no other host', async () => {
    expect(await bypassSeenBy((own) => own)).toBe('secret')
    expect(await bypassSeenBy((own) => `${own}/`)).toBe('secret')
    expect(await bypassSeenBy(() => 'https://pds.example')).toBeUndefined()
    expect(await bypassSeenBy((own) => own.replace('127.0.0.1', 'localhost'))).toBeUndefined()
  })
})
