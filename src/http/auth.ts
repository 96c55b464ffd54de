/** Who is asking: bearer tokens of an OpenID Connect provider, or our own for trying out. */

import {
  createRemoteJWKSet,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT,
} from 'jose'
import type { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'

export interface Authenticator {
  /**
   * @returns the `sub` of the token
   * @throws DomainError `unauthorized` for a token that is malformed, expired or not for us; `unavailable` when the
   *   provider's keys cannot be had
   */
  verify(token: string): Promise<string>
}

/** Issues tokens to anybody, for any handle. For trying out on one's own machine. */
export interface TrialSignIn extends Authenticator {
  issue(user: string): Promise<string>
}

const TRIAL = { issuer: 'moods', audience: 'moods' }
const KEY_FILE = 'sign-in-key.json'

/** Our own tokens: ES256, with a key that is kept in the data folder so that they outlive a restart. */
export async function createTrialSignIn(folder: DataFolder): Promise<TrialSignIn> {
  let jwk = folder.readJson(KEY_FILE) as JWK | null
  if (!jwk) {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    jwk = await exportJWK(privateKey)
    folder.writeJson(KEY_FILE, jwk)
  }
  const { d: _private, ...publicJwk } = jwk
  const signingKey = await importJWK(jwk, 'ES256')
  const verifyingKey = await importJWK(publicJwk, 'ES256')
  const verifier = new TokenVerifier(() => Promise.resolve(verifyingKey), { ...TRIAL, algorithms: ['ES256'] })
  return {
    verify: (token) => verifier.verify(token),
    issue: (user) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'ES256' })
        .setSubject(user)
        .setIssuer(TRIAL.issuer)
        .setAudience(TRIAL.audience)
        .setIssuedAt()
        .setExpirationTime('30d')
        .sign(signingKey),
  }
}

/** Algorithms of OpenID Connect providers that sign with a key pair; never a shared secret, never none. */
const OIDC_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/**
 * Tokens of an OpenID Connect provider (https://openid.net/specs/openid-connect-discovery-1_0.html). Its keys are found
 * by discovery on the first token, and fetched again when it has new ones.
 */
export function createOidc(issuer: string, audience: string): Authenticator {
  let keys: Promise<JWTVerifyGetKey> | null = null
  const getKey: JWTVerifyGetKey = async (header, token) => {
    keys ??= discoverKeys(issuer).then((uri) => createRemoteJWKSet(uri))
    try {
      return (await keys)(header, token)
    } catch (error) {
      keys = null
      throw error
    }
  }
  return new TokenVerifier(getKey, { issuer, audience, algorithms: OIDC_ALGORITHMS })
}

async function discoverKeys(issuer: string): Promise<URL> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(5000),
  })
  if (!response.ok) throw new errors.JWKSTimeout(`discovery answered ${response.status}`)
  const { jwks_uri: uri } = (await response.json()) as { jwks_uri: string }
  return new URL(uri)
}

interface Claims {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: string[]
}

/** What a verified token said, until it expires; checking a signature costs more than saving a mood. */
const MAX_VERIFIED = 10_000
const TRUST_MS = 5 * 60_000

class TokenVerifier implements Authenticator {
  readonly #getKey: JWTVerifyGetKey
  readonly #claims: Claims
  readonly #verified = new Map<string, { user: string; expiresAt: number }>()

  constructor(getKey: JWTVerifyGetKey, claims: Claims) {
    this.#getKey = getKey
    this.#claims = claims
  }

  async verify(token: string): Promise<string> {
    const known = this.#verified.get(token)
    if (known && known.expiresAt > Date.now()) return known.user
    this.#verified.delete(token)
    const { payload } = await this.#check(token)
    if (!payload.sub) throw new DomainError('unauthorized', 'the token names no user')
    // Not until the token ends: its key may be withdrawn before.
    const expiresAt = Math.min(payload.exp! * 1000, Date.now() + TRUST_MS)
    this.#verified.set(token, { user: payload.sub, expiresAt })
    if (this.#verified.size > MAX_VERIFIED) this.#verified.delete(this.#verified.keys().next().value!)
    return payload.sub
  }

  async #check(token: string) {
    try {
      return await jwtVerify(token, this.#getKey, { ...this.#claims, requiredClaims: ['sub', 'exp'] })
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new DomainError('unauthorized', 'the token has expired')
      // A JOSEError is about the token, but for the two that are about fetching the keys.
      const aboutKeys = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid
      const aboutToken = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC'
      if (aboutToken && !aboutKeys) {
        throw new DomainError('unauthorized', 'the token is not valid', { cause: error })
      }
      throw new DomainError('unavailable', 'the sign-in provider does not answer', { cause: error })
    }
  }
}
