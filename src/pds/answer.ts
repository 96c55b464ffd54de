/**
 * From what the PDS answered, or did not, to an outcome: the only place that reads statuses and error names. Only a well-formed
 * answer is one; anything else speaks of the host, and of nothing that was asked.
 */

import {
  XrpcError,
  XrpcInternalError,
  XrpcInvalidResponseError,
  XrpcResponseError,
  XrpcResponseValidationError,
} from '@atproto/lex-client'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import { askedToWait } from './asked-to-wait.ts'
import { aboutOf } from './known-errors.ts'
import { isHtml, kindOf, OddAnswer } from './transport.ts'

/** The connection was never made, so the request cannot have been carried out. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_INVALID_URL',
  // There is no TLS, or a certificate that nothing may be sent to (https://nodejs.org/api/tls.html#x509-certificate-error-codes).
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
])

const TOO_MANY_REQUESTS = 429

/** Of what a PDS says about a refusal, so much is kept. */
const MAX_MESSAGE = 300

/** Something else has answered in the place of the PDS, or the PDS not as one does. */
function odd(code: string, said: string): Failure {
  return { kind: 'uncertain', code, answered: false, said }
}

/** Runs one XRPC call and gives its answer as an outcome. */
export async function outcomeOf<T>(call: () => Promise<T>, now: () => number): Promise<Outcome<T>> {
  try {
    return ok(await call())
  } catch (error) {
    return failureOf(error, now())
  }
}

/**
 * Maps what a call threw.
 *
 * @param now ms since 1970, to count from where the PDS names a time of day
 * @throws the error itself when it is not one of an XRPC call: that is a defect, not an answer
 */
function failureOf(error: unknown, now: number): Failure {
  if (error instanceof OddAnswer) return odd(error.code, error.said)
  if (!(error instanceof XrpcError)) throw error
  const { cause } = error
  if (cause instanceof OddAnswer) return odd(cause.code, cause.said)
  if (error instanceof XrpcResponseError) return ofError(error.response, error.payload?.body, now)
  if (error instanceof XrpcInvalidResponseError) {
    // An error whose body is no JSON, though it says so.
    if (error.response.status >= 400) return ofError(error.response, null, now)
    return isBrokenOff(cause) ? ofConnection(cause) : ofForm(error)
  }
  if (error instanceof XrpcInternalError) return ofConnection(cause)
  throw error
}

/** A status of 400 or more. */
function ofError(response: Response, body: unknown, now: number): Failure {
  const { status, headers } = response
  if (status === TOO_MANY_REQUESTS) return { kind: 'later', ...askedToWait(headers, now) }
  const { name, message } = errorIn(isHtml(headers) ? null : body)
  switch (aboutOf(name, status)) {
    case 'request':
      return { kind: 'rejected', code: name, message }
    case 'account':
    case 'token':
      return { kind: 'unauthorized', code: name, message }
    case 'record':
    case 'method':
      return { kind: 'uncertain', code: name, answered: true }
    case null:
      return odd(`Status${status}`, isName(name) ? `${kindOf(response)}, error ${name}` : kindOf(response))
  }
}

/** Name and message of an XRPC error, by whatever content type it comes; an empty name for what is none. */
function errorIn(body: unknown): { readonly name: string; readonly message: string } {
  const { error, message } = Object(body instanceof Uint8Array ? jsonIn(body) : body) as Record<string, unknown>
  return {
    name: typeof error === 'string' ? error : '',
    message: typeof message === 'string' ? message.slice(0, MAX_MESSAGE) : '',
  }
}

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return null
  }
}

function isName(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(text)
}

/** A good status with a body that is not what the method promises. */
function ofForm(error: XrpcInvalidResponseError): Failure {
  const kind = kindOf(error.response)
  const { status } = error.response
  if (error instanceof XrpcResponseValidationError) return odd(`Status${status}`, `${kind} of another form`)
  return odd(`Status${status}`, error.cause === undefined ? kind : `${kind} that cannot be read`)
}

/** Whether it was the connection that failed, in the middle of a body, or an end was put to the request. */
function isBrokenOff(cause: unknown): boolean {
  return cause instanceof DOMException || (cause instanceof TypeError && cause.cause !== undefined)
}

/** There is no answer, or only a part of one. */
function ofConnection(error: unknown): Failure {
  const cause = error instanceof TypeError && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error ? nameOf(cause) : 'NoAnswer'
  if (NEVER_SENT.has(code)) return { kind: 'host_down', code }
  // Aborted by us: that tells nothing about the host.
  return { kind: 'uncertain', code, answered: code === 'AbortError' }
}

/** `ECONNRESET` and the like; for time-outs and aborts, whose code is a number, their name. */
function nameOf(cause: Error): string {
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
}
