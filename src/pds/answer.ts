/** From what the PDS answered, or did not, to an outcome: the only place that reads statuses and error names. */

import {
  isXrpcErrorPayload,
  XrpcError,
  XrpcInternalError,
  XrpcInvalidResponseError,
  XrpcResponseError,
} from '@atproto/lex-client'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import { kindOf, OddAnswer } from './transport.ts'

/** The connection was never made, so the request cannot have been carried out. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Errors of the reference PDS that speak of the token or the account, whatever the status they come with. */
const OF_THE_ACCOUNT = new Set([
  'ExpiredToken',
  'InvalidToken',
  'AuthMissing',
  'AuthenticationRequired',
  'AccountTakedown',
  'AccountDeactivated',
  'RepoNotFound',
  'RepoDeactivated',
  'RepoTakendown',
])

/** Statuses by which a proxy reports that the PDS does not answer. */
const OF_A_GATEWAY = new Set([408, 502, 503, 504])

/** Something else has answered in the place of the PDS, or the PDS not as one does. */
function odd(code: string, said: string): Failure {
  return { kind: 'uncertain', code, answered: false, said }
}

const DEFAULT_WAIT_MS = 5_000
const MIN_WAIT_MS = 1_000

/** How long a 429 asks to wait: `Retry-After` in seconds, else `RateLimit-Reset` in seconds since 1970. */
function waitMs(headers: Headers, now: number): number {
  const after = Number(headers.get('retry-after') ?? Number.NaN)
  if (after >= 0) return Math.max(after * 1000, MIN_WAIT_MS)
  const reset = Number(headers.get('ratelimit-reset') ?? Number.NaN)
  return reset * 1000 > now ? reset * 1000 - now : DEFAULT_WAIT_MS
}

/** The PDS counts all requests of a host in windows of 300 s, thousands at a time; every other limit is an account's. */
function scopeOf(headers: Headers): 'account' | 'host' {
  const [, max, seconds] = /(\d+);w=(\d+)/.exec(headers.get('ratelimit-policy') ?? '') ?? []
  return Number(max) >= 1000 && seconds === '300' ? 'host' : 'account'
}

function ofStatus(status: number, headers: Headers, code: string, message: string, now: number): Failure {
  if (status === 429) return { kind: 'later', afterMs: waitMs(headers, now), scope: scopeOf(headers) }
  if (status === 401 || status === 403 || OF_THE_ACCOUNT.has(code)) return { kind: 'unauthorized', code, message }
  // The repo differs from what we know of it: a reason to read it.
  if (code === 'InvalidSwap') return { kind: 'uncertain', code, answered: true }
  if (status === 408 || status >= 500 || status < 400) {
    return { kind: 'uncertain', code, answered: !OF_A_GATEWAY.has(status) }
  }
  return { kind: 'rejected', code, message }
}

/** `ECONNRESET` and the like; for time-outs and aborts, whose code is a number, their name. */
function nameOf(cause: Error): string {
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
}

/**
 * Maps what a call threw.
 *
 * @param now ms since 1970, to count from where the PDS names a time of day
 * @throws the error itself when it is not one of an XRPC call: that is a defect, not an answer
 */
function failureOf(error: unknown, now: number): Failure {
  if (error instanceof XrpcResponseError && isXrpcErrorPayload(error.payload)) {
    return ofStatus(error.status, error.headers, error.error, error.message, now)
  }
  if (error instanceof OddAnswer) return odd(error.code, error.said)
  if (error instanceof XrpcError && error.cause instanceof OddAnswer) return odd(error.cause.code, error.cause.said)
  if (error instanceof XrpcResponseError || error instanceof XrpcInvalidResponseError) {
    // No PDS speaks so: something that stands in front of it has answered, and knows nothing of moods and accounts.
    const { status, headers } = error.response
    if (status === 429) return ofStatus(status, headers, error.error, '', now)
    return odd(`Status${status}`, kindOf(error.response))
  }
  if (error instanceof XrpcInternalError) {
    const cause: unknown = error.cause
    const code = cause instanceof Error ? nameOf(cause) : error.error
    if (NEVER_SENT.has(code)) return { kind: 'host_down', code }
    // Aborted by us: that tells nothing about the host.
    return { kind: 'uncertain', code, answered: code === 'AbortError' }
  }
  throw error
}

/** Runs one XRPC call and gives its answer as an outcome. */
export async function outcomeOf<T>(call: () => Promise<T>, now: () => number): Promise<Outcome<T>> {
  try {
    return ok(await call())
  } catch (error) {
    if (!(error instanceof XrpcError || error instanceof OddAnswer)) throw error
    return failureOf(error, now())
  }
}
