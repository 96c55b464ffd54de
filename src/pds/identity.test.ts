/** Resolving DIDs. The server here only answers as directories should not; what works is tested against the real one. */

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Identities } from './identities.ts'
import { askIdentity, isDid, resolveDid, type SignedIdentity } from './identity.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const PDS = { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.example' }

/** Resolves {@link DID} at a directory that answers like this. */
async function resolveAt<T = SignedIdentity>(
  listener: RequestListener,
  resolve = resolveDid as (...args: Parameters<typeof resolveDid>) => Promise<T>,
  timeoutMs = 2_000,
): Promise<T> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await resolve(DID, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const json =
  (body: unknown, status = 200): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/did+ld+json' }).end(JSON.stringify(body))

describe('resolveDid', () => {
  it('reads PDS and handle of a document', async () => {
    const document = { id: DID, alsoKnownAs: ['https://elsewhere.example', 'at://alice.example'], service: [PDS] }
    expect(await resolveAt(json(document))).toEqual({
      kind: 'known',
      handle: 'alice.example',
      pds: 'https://pds.example',
      signingKey: null,
    })
  })

  it('knows a missing DID from a tombstone', async () => {
    expect(await resolveAt(json({ message: `DID not registered: ${DID}` }, 404))).toEqual({ kind: 'unknown' })
    expect(await resolveAt(json({ message: `DID not available: ${DID}` }, 410))).toEqual({ kind: 'deactivated' })
  })

  it('takes an endpoint with slashes at its end', async () => {
    const service = [{ ...PDS, serviceEndpoint: 'https://pds.example/' }]
    expect(await resolveAt(json({ id: DID, service }))).toMatchObject({ pds: 'https://pds.example' })
  })

  it('takes no endpoint that is not the root of a web server, and no service of another type', async () => {
    const endpoints = ['https://pds.example/path', 'ftp://pds.example', 'at://pds.example']
    for (const part of [...endpoints.map((url) => ({ serviceEndpoint: url })), { type: 'Other' }]) {
      expect(await resolveAt(json({ id: DID, service: [{ ...PDS, ...part }] }))).toMatchObject({ pds: null })
    }
  })

  it.each<[string, RequestListener]>([
    ['a redirect', (_, response) => response.writeHead(302, { location: 'https://elsewhere.example/' }).end()],
    ['a page of HTML', (_, response) => response.setHeader('content-type', 'text/html').end('<p>hello</p>')],
    ['half a document', (_, response) => response.setHeader('content-type', 'application/json').end('{"id": "did')],
    ['a document that names two PDSes', json({ id: DID, service: [PDS, { ...PDS, id: `${DID}#atproto_pds` }] })],
    ['a document of another DID', json({ id: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' })],
    ['a document whose services are a text', json({ id: DID, service: 'https://pds.example' })],
    ['a document of 30 kB', json({ id: DID, alsoKnownAs: ['https://example.com/', 'x'.repeat(30_000)] })],
    ['an error', json({ error: 'InternalServerError' }, 500)],
    ['a page of HTML that is not found', (_, response) => response.writeHead(404).end('<p>nothing here</p>')],
    ['a gateway that has nothing any more', json({ error: 'gone' }, 410)],
    ['a gateway that finds nothing', json({ message: 'no route matched' }, 404)],
    [
      'a directory that has nothing of another DID',
      json({ message: `DID not registered: ${DID.replace('a', 'b')}` }, 404),
    ],
  ])('takes %s for no answer', async (_, listener) => {
    await expect(resolveAt(listener)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('askIdentity', () => {
  it('knows a directory that does not answer from one that answers with no document', async () => {
    const silent = { kind: 'host_down', code: 'PlcUnreachable' }
    expect(await askIdentity(DID, 'http://localhost:1', 2_000)).toEqual({ ...silent, directory: 'http://localhost:1' })
    const answers: readonly (readonly [RequestListener, object])[] = [
      [() => {}, silent],
      [json({ error: 'InternalServerError' }, 500), silent],
      [(request) => request.socket.destroy(), silent],
      [json({ error: 'RateLimitExceeded' }, 429), { kind: 'uncertain', code: 'NoDocument' }],
      [(_, response) => response.writeHead(302).end(), { kind: 'uncertain', code: 'NoDocument' }],
      [json({ id: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' }), { kind: 'uncertain', code: 'NoDocument' }],
      [json({ message: `DID not registered: ${DID}` }, 404), { kind: 'ok', value: { kind: 'unknown' } }],
    ]
    for (const [listener, expected] of answers)
      expect(await resolveAt(listener, askIdentity, 300)).toMatchObject(expected)
  })
})

describe('isDid', () => {
  it('accepts the two methods of ATProto, without paths', () => {
    expect([DID, 'did:web:example.com', 'did:web:localhost%3A2583'].map(isDid)).toEqual([true, true, true])
    const others = ['did:plc:short', 'did:key:zQ3sh', 'did:web:example.com:alice', 'did:web:', 'alice.example', '']
    expect(others.filter(isDid)).toEqual([])
  })
})

describe('Identities', () => {
  it('have no document of what is no DID, and ask nobody for it', async () => {
    const identities = new Identities({ now: () => 0 }, { plcUrl: 'http://127.0.0.1:1', timeoutMs: 100 })
    for (const odd of ['did:plc:u000001', 'did:web:a/b', '', 'alice']) {
      expect(await identities.of(odd, 0)).toEqual({ kind: 'ok', value: { kind: 'unknown' } })
    }
  })
})
