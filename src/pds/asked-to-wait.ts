/** How long a 429 asks to wait, and whom. Servers say it in many ways, and some of them say nonsense. */

/** What a 429 says that says nothing. */
const DEFAULT_MS = 5_000
const LEAST_MS = 1_000

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** No wait is longer, where the server names no limit. It is the window in which a PDS counts the requests of a host. */
const USUAL_WINDOW_MS = 5 * MINUTE_MS

export interface Wait {
  readonly afterMs: number
  /** Everybody who asks the host, or the account alone that has asked. */
  readonly scope: 'account' | 'host'
}

/**
 * Reads `Retry-After`, else `RateLimit-Reset`, and never more than the limit's own window, which `RateLimit-Policy` names.
 *
 * @param now ms since 1970, to count from where a time of day is named
 */
export function askedToWait(headers: Headers, now: number): Wait {
  const policy = policyIn(headers.get('ratelimit-policy') ?? '')
  const asked = msIn(headers.get('retry-after'), now) ?? msIn(headers.get('ratelimit-reset'), now) ?? DEFAULT_MS
  const longest = policy === null ? USUAL_WINDOW_MS : Math.min(policy.windowMs, DAY_MS)
  return { afterMs: Math.max(LEAST_MS, Math.min(asked, longest)), scope: isOfHost(policy) ? 'host' : 'account' }
}

interface Policy {
  readonly max: number
  readonly windowMs: number
}

/** A limit, as in `3000;w=300`; null for none that can be. */
function policyIn(text: string): Policy | null {
  const [, max, seconds] = /\b(\d{1,12});\s*w=(\d{1,12})\b/.exec(text) ?? []
  const windowMs = Number(seconds) * 1000
  return windowMs > 0 ? { max: Number(max), windowMs } : null
}

/** The PDS counts all requests of a host in windows of 300 s, thousands at a time; every other limit is an account's. */
function isOfHost(policy: Policy | null): boolean {
  return policy !== null && policy.max >= 1000 && policy.windowMs === USUAL_WINDOW_MS
}

/** Numbers from here on are seconds since 1970, the first of them in 2001: nobody asks to wait for thirty years. */
const EPOCH_SECONDS = 1e9
const EPOCH_MS = 1e11

/** As seconds, as seconds or milliseconds since 1970, or as a date (RFC 9110, section 10.2.3). Null for what is none, or is over. */
function msIn(header: string | null, now: number): number | null {
  const text = header?.trim() ?? ''
  const ms = /^\d+(?:\.\d+)?$/.test(text)
    ? msOfNumber(Number(text), now)
    : /^[a-z]/i.test(text)
      ? Date.parse(text) - now
      : NaN
  return Number.isFinite(ms) && ms >= 0 ? ms : null
}

function msOfNumber(number: number, now: number): number {
  if (number >= EPOCH_MS) return number - now
  return number >= EPOCH_SECONDS ? number * 1000 - now : number * 1000
}
