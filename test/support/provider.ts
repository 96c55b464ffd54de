/** An OpenID Connect provider for tests: a real HTTP server that issues real, signed tokens. */

import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Provider extends AsyncDisposable {
  readonly issuer: string
  /** The discovery document, as served; a test may change it. */
  readonly document: { issuer: string; jwks_uri: string }
  /** Paths that were asked for, in order. */
  readonly requests: string[]
  /** A token for the user, signed with the current key, or with something wrong about it. */
  token(user: string, wrong?: { iss?: string; aud?: string; exp?: string; byStranger?: boolean }): Promise<string>
  /** Signs with a new key from now on. The path publishes that key alone; other paths keep what they published. */
  rotate(path?: '/keys' | '/new-keys'): Promise<void>
  /** Accepts requests and leaves them unanswered, until {@link up}. */
  hang(): void
  /** Closes the port, until {@link up} opens the same one. */
  down(): Promise<void>
  up(): Promise<void>
}

export const AUDIENCE = 'moods-api'
export const DISCOVERY_PATH = '/.well-known/openid-configuration'

async function newKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }
  return { kid, privateKey, jwk }
}

export async function startProvider(): Promise<Provider> {
  let key = await newKey('k1')
  const published = new Map([['/keys', key.jwk]])
  let hangs = false
  const stranger = await generateKeyPair('RS256')
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url!)
    if (hangs) return
    const jwk = published.get(request.url!)
    const answer = request.url === DISCOVERY_PATH ? document : jwk && { keys: [jwk] }
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}/`
  const document = { issuer, jwks_uri: `${issuer}keys` }
  const down = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    issuer,
    document,
    requests,
    token: (user, wrong = {}) =>
      new SignJWT({ scope: 'openid' })
        .setProtectedHeader({ alg: 'RS256', kid: key.kid })
        .setSubject(user)
        .setIssuer(wrong.iss ?? issuer)
        .setAudience(wrong.aud ?? AUDIENCE)
        .setExpirationTime(wrong.exp ?? '1h')
        .sign(wrong.byStranger ? stranger.privateKey : key.privateKey),
    async rotate(path = '/keys') {
      key = await newKey(`k${Number(key.kid.slice(1)) + 1}`)
      published.set(path, key.jwk)
      document.jwks_uri = new URL(path, issuer).href
    },
    hang() {
      hangs = true
    },
    down,
    async up() {
      hangs = false
      if (!server.listening) await listen(port)
    },
    [Symbol.asyncDispose]: down,
  }
}
