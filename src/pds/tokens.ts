/**
 * Access and refresh tokens, as a PDS gave them: whose they are, and how long they are used. They are read as somebody
 * else's words: whatever a token says, reading it gives a value, and never an error.
 */

import { decodeJwt } from 'jose'
import { OddAnswer } from './transport.ts'

export interface Tokens {
  readonly accessJwt: string
  readonly refreshJwt: string
  /** When we got them, in ms since 1970; 0 where that was not noted. */
  readonly receivedAt: number
}

/** What a PDS answers to a login, to a renewal, and when it has made an account. */
interface SessionAnswer {
  readonly accessJwt: string
  readonly refreshJwt: string
  readonly did: string
  readonly handle: string
  /** False where the owner is let in, and nothing can be written. Absent from older PDSes, and from new accounts. */
  readonly active?: boolean | undefined
  /** Why not, in the PDS's own word. */
  readonly status?: string | undefined
}

export type Session = SessionAnswer & Tokens

/** Whose tokens were asked for: what is known of the account by then. */
interface AskedFor {
  /** Null for an account whose DID is not known yet. */
  readonly did: string | null
  /** The name that was asked with; null where it was the DID, or a token: the owner may have changed the handle. */
  readonly handle: string | null
}

/** A token that ends this soon is renewed before it is used. */
const MARGIN_MS = 60_000
/** No PDS gives access for longer: whoever says so has another clock, or says nonsense. */
const LONGEST_MS = 24 * 60 * 60_000
/** How long a token is used that does not say for certain when it ends; the PDS refuses it if that was before. */
const USUAL_MS = 60 * 60_000
/** How far the clocks of our own machines may differ. */
const SKEW_MS = 60_000

/** What may stand in a header, no longer than servers take one. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/

/**
 * The tokens of an answer.
 *
 * @param now when it came, in ms since 1970
 * @throws {OddAnswer} where it is no answer to what was asked: it tells nothing of the account then
 */
export function sessionIn(answer: SessionAnswer, asked: AskedFor, now: number): Session {
  const wrong = whyNotAbout(answer, asked)
  if (wrong !== null) throw new OddAnswer('AnotherAccount', wrong)
  return { ...answer, receivedAt: now }
}

function whyNotAbout(answer: SessionAnswer, asked: AskedFor): string | null {
  if (!TOKEN.test(answer.accessJwt) || !TOKEN.test(answer.refreshJwt)) return 'a token that cannot be sent'
  if (asked.did !== null && answer.did !== asked.did) return 'the DID of another account'
  if (asked.handle !== null && answer.handle.toLowerCase() !== asked.handle.toLowerCase()) {
    return 'the handle of another account'
  }
  const { sub } = claimsIn(answer.accessJwt)
  return sub !== undefined && sub !== answer.did ? 'a token of another account' : null
}

/**
 * Whether the access token may be used at this time. Its own word counts as far as it can be true; what it says beyond that
 * neither keeps a token for ever nor has a new one fetched with every request.
 *
 * @param now ms since 1970
 */
export function isUsable(tokens: Tokens, now: number): boolean {
  return tokens.receivedAt <= now + SKEW_MS && now < usableUntil(tokens)
}

function usableUntil({ accessJwt, receivedAt }: Tokens): number {
  const { exp } = claimsIn(accessJwt)
  const endsAt = typeof exp === 'number' ? exp * 1000 - MARGIN_MS : Number.NaN
  // A token that was over when it came is of a PDS whose clock is slow.
  return endsAt > receivedAt && endsAt <= receivedAt + LONGEST_MS ? endsAt : receivedAt + USUAL_MS
}

/** Reads tokens as they are stored; null for anything else, which is as good as none: a login brings others. */
export function tokensIn(text: string): Tokens | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { accessJwt, refreshJwt, receivedAt = 0 } = value as Record<string, unknown>
  if (typeof accessJwt !== 'string' || typeof refreshJwt !== 'string' || typeof receivedAt !== 'number') return null
  return TOKEN.test(accessJwt) && TOKEN.test(refreshJwt) ? { accessJwt, refreshJwt, receivedAt } : null
}

/** What a token says of itself; nothing where it is no JWT, as a PDS may use others. */
function claimsIn(token: string): { readonly sub?: unknown; readonly exp?: unknown } {
  try {
    return decodeJwt(token)
  } catch {
    return {}
  }
}
