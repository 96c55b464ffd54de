/** Tokens of an OpenID Connect provider (https://openid.net/specs/openid-connect-discovery-1_0.html). */

import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import {
  allowInsecureRequests,
  discoveryRequest,
  JSON_ATTRIBUTE_COMPARISON,
  OperationProcessingError,
  processDiscoveryResponse,
} from 'oauth4webapi'
import { DomainError } from '../domain/errors.ts'
import { type Authenticator, isAboutToken, TokenVerifier } from './auth.ts'

/** Algorithms of providers that sign with a key pair; never a shared secret, never none. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** How often a token with an unknown key may make us ask the provider: anyone can make up such tokens. */
const COOLDOWN_MS = 30_000

/**
 * Accepts the tokens of a provider. Its keys are found by discovery on the first token, and again when they cannot be
 * loaded or may have moved.
 *
 * jose checks the tokens, not oauth4webapi: that takes only access tokens of RFC 9068 (`typ: at+jwt`, `client_id`, `jti`),
 * which many providers do not issue unless told to.
 *
 * @param issuer URL, as the provider's discovery document and tokens name it
 * @param options.timeoutMs of each request to the provider
 * @param options.now the time by which tokens are valid, in ms since 1970
 */
export function createOidc(
  issuer: string,
  audience: string,
  { timeoutMs = 5_000, now = () => Date.now() } = {},
): Authenticator {
  const keys = new ProviderKeys(issuer, timeoutMs, now)
  return new TokenVerifier(keys.get, { issuer, audience, algorithms: ALGORITHMS }, now)
}

class ProviderKeys {
  readonly #issuer: string
  readonly #timeoutMs: number
  readonly #now: () => number
  #discovered: { readonly keys: Promise<JWTVerifyGetKey>; readonly at: number } | null = null

  constructor(issuer: string, timeoutMs: number, now: () => number) {
    this.#issuer = issuer
    this.#timeoutMs = timeoutMs
    this.#now = now
  }

  /** @throws DomainError `unavailable` for a provider that is not the configured one; errors of jose, fetch and oauth4webapi */
  readonly get: JWTVerifyGetKey = async (header, token) => {
    const discovered = (this.#discovered ??= { keys: this.#discover(), at: this.#now() })
    try {
      return await (
        await discovered.keys
      )(header, token)
    } catch (error) {
      const failed = !isAboutToken(error)
      const mayHaveMoved =
        error instanceof errors.JWKSNoMatchingKey && Math.abs(this.#now() - discovered.at) > COOLDOWN_MS
      if ((failed || mayHaveMoved) && this.#discovered === discovered) this.#discovered = null
      throw error
    }
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const issuer = new URL(this.#issuer)
    const response = await discoveryRequest(issuer, {
      // A provider on plain HTTP is the operator's choice, made with AUTH_ISSUER.
      [allowInsecureRequests]: issuer.protocol === 'http:',
      signal: AbortSignal.timeout(this.#timeoutMs),
    })
    const { jwks_uri: uri } = await processDiscoveryResponse(issuer, response).catch(explainIssuer)
    return createRemoteJWKSet(new URL(uri!), { timeoutDuration: this.#timeoutMs, cooldownDuration: COOLDOWN_MS })
  }
}

/** An operator who mistyped AUTH_ISSUER learns more than that the provider is not there. */
function explainIssuer(error: unknown): never {
  if (!(error instanceof OperationProcessingError) || error.code !== JSON_ATTRIBUTE_COMPARISON) throw error
  throw new DomainError('unavailable', 'the sign-in provider names another issuer than AUTH_ISSUER', { cause: error })
}
