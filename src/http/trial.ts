/** Trial sign-in: tokens of our own, for any handle and without a password. For trying out on one's own machine. */

import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import type { DataFolder } from '../data-folder.ts'
import { type Authenticator, TokenVerifier } from './auth.ts'

export interface TrialSignIn extends Authenticator {
  /** @returns a token for this `sub`, valid for 30 days */
  issue(user: string): Promise<string>
}

const CLAIMS = { issuer: 'moods', audience: 'moods' }
const VALID_MS = 30 * 24 * 60 * 60_000
const KEY_FILE = 'sign-in-key.json'

/**
 * @param folder keeps the signing key (ES256), so that tokens outlive a restart
 * @param now the time by which tokens are issued and valid, in ms since 1970
 */
export async function createTrialSignIn(folder: DataFolder, now: () => number): Promise<TrialSignIn> {
  let jwk = folder.readJson(KEY_FILE) as JWK | null
  if (!jwk) {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    jwk = await exportJWK(privateKey)
    folder.writeJson(KEY_FILE, jwk)
  }
  const { d: _private, ...publicJwk } = jwk
  const signingKey = await importJWK(jwk, 'ES256')
  const verifyingKey = await importJWK(publicJwk, 'ES256')
  const verifier = new TokenVerifier(() => Promise.resolve(verifyingKey), { ...CLAIMS, algorithms: ['ES256'] }, now)
  return {
    verify: (token) => verifier.verify(token),
    issue: (user) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'ES256' })
        .setSubject(user)
        .setIssuer(CLAIMS.issuer)
        .setAudience(CLAIMS.audience)
        .setIssuedAt(new Date(now()))
        .setExpirationTime(new Date(now() + VALID_MS))
        .sign(signingKey),
  }
}
