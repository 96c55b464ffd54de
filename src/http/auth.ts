/** Who sends a request: the bearer token, checked. */

import type { FastifyRequest } from 'fastify'
import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { DomainError } from '../domain/errors.ts'
import { isUserName } from '../domain/odd.ts'

export interface Authenticator {
  /**
   * @returns the `sub` of the token
   * @throws DomainError `unauthorized` for a token that is malformed, expired or not for us; `unavailable` when the
   *   provider's keys cannot be loaded
   */
  verify(token: string): Promise<string>
}

const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i

/**
 * @returns `sub` of the user who sends the request; null when it carries no credentials
 * @throws DomainError `unauthorized` for credentials that are not valid; `unavailable`
 */
export async function viewerOf(request: FastifyRequest, auth: Authenticator): Promise<string | null> {
  const header = request.headers.authorization
  if (header === undefined) return null
  const token = BEARER.exec(header)?.[1]
  if (token === undefined) throw new DomainError('unauthorized', 'send "Authorization: Bearer" and a token')
  return auth.verify(token)
}

/**
 * @returns `sub` of the user who sends the request
 * @throws DomainError `unauthorized`, also without credentials; `unavailable`
 */
export async function userOf(request: FastifyRequest, auth: Authenticator): Promise<string> {
  const viewer = await viewerOf(request, auth)
  if (viewer === null) throw new DomainError('unauthorized', 'sign in first')
  return viewer
}

/** What every token must claim. */
export interface ExpectedClaims {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: string[]
}

/** Checking a signature costs more than saving a mood, so verified tokens are remembered for a while. */
const MAX_VERIFIED = 10_000
/** No longer, since a provider may revoke the key that signed them. */
const TRUST_MS = 5 * 60_000

interface Verified {
  readonly user: string
  /** End of the token's own life, in milliseconds since 1970. */
  readonly expiresAt: number
}

/** Verifies signed tokens (JWT, https://www.rfc-editor.org/rfc/rfc7519), whoever issues them. */
export class TokenVerifier implements Authenticator {
  readonly #getKey: JWTVerifyGetKey
  readonly #expected: ExpectedClaims
  readonly #now: () => number
  /** By token. Ages by the time of day, as tokens do. */
  readonly #verified: LRUCache<string, Verified>

  /**
   * @param getKey finds the key that a token names; may throw DomainError
   * @param now the time by which tokens are valid, in ms since 1970
   */
  constructor(getKey: JWTVerifyGetKey, expected: ExpectedClaims, now: () => number) {
    this.#getKey = getKey
    this.#expected = expected
    this.#now = now
    this.#verified = new LRUCache({ max: MAX_VERIFIED, ttl: TRUST_MS, perf: { now } })
  }

  async verify(token: string): Promise<string> {
    // Where the clock was put back, a token would be trusted until it has caught up.
    if (this.#verified.getRemainingTTL(token) > TRUST_MS) this.#verified.delete(token)
    const known = this.#verified.get(token)
    if (known && known.expiresAt > this.#now()) return known.user
    const { sub, exp } = await this.#check(token)
    // A name that could not be read again would lose whatever is stored under it.
    if (!isUserName(sub)) throw new DomainError('unauthorized', 'the token names no user')
    this.#verified.set(token, { user: sub, expiresAt: exp! * 1000 })
    return sub
  }

  async #check(token: string) {
    try {
      const currentDate = new Date(this.#now())
      const wanted = { ...this.#expected, requiredClaims: ['sub', 'exp'], currentDate }
      const { payload } = await jwtVerify(token, this.#getKey, wanted)
      return payload
    } catch (error) {
      if (error instanceof DomainError) throw error
      if (error instanceof errors.JWTExpired) throw new DomainError('unauthorized', 'the token has expired')
      if (isAboutToken(error)) throw new DomainError('unauthorized', 'the token is not valid', { cause: error })
      throw new DomainError('unavailable', 'the sign-in provider does not answer', { cause: error })
    }
  }
}

/** Whether the token is to blame. Two of jose's errors, and its generic one, are about loading the keys instead. */
export function isAboutToken(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false
  return error instanceof errors.JOSEError && error.code !== errors.JOSEError.code
}
