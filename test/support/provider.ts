/** A sign-in provider (OpenID Connect) of the tests' own, that gives out real, signed tokens. */

import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Provider extends AsyncDisposable {
  readonly issuer: string
  /** A token for the user, as our provider signs it, or with something wrong about it. */
  token(user: string, wrong?: { iss?: string; aud?: string; exp?: string; byStranger?: boolean }): Promise<string>
}

export const AUDIENCE = 'moods-api'

export async function startProvider(): Promise<Provider> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const stranger = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
  const server = createServer((request, response) => {
    const answers: Record<string, unknown> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}keys` },
      '/keys': { keys: [jwk] },
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[request.url ?? '']))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    issuer,
    token: (user, wrong = {}) =>
      new SignJWT({ scope: 'openid' })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .setSubject(user)
        .setIssuer(wrong.iss ?? issuer)
        .setAudience(wrong.aud ?? AUDIENCE)
        .setExpirationTime(wrong.exp ?? '1h')
        .sign(wrong.byStranger ? stranger.privateKey : privateKey),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
