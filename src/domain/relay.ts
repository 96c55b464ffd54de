/**
 * What a relay lets through of a PDS. Indigo's relay works its limits out from one number, how many accounts of the host it
 * admits (`ComputeLimiterCounts` of `cmd/relay/relay/slurper.go`), and throttles the accounts that come after them. Pure.
 */

import type { Limit } from './budget.ts'
import { counted } from './tally.ts'

const SECOND_MS = 1_000
const HOUR_MS = 3_600 * SECOND_MS
const DAY_MS = 24 * HOUR_MS

/**
 * How many events of one host a relay takes.
 *
 * @param accountLimit how many accounts of the host it admits
 */
export function eventLimits(accountLimit: number): readonly Limit[] {
  return [
    { max: 2_500 + accountLimit, windowMs: HOUR_MS },
    { max: 20_000 + accountLimit * 10, windowMs: DAY_MS },
    { max: 50 + Math.floor(accountLimit / 1_000), windowMs: SECOND_MS },
  ]
}

/** Events of a new account: identity, account, commit, sync (`packages/pds/src/sequencer/sequencer.ts` of the reference PDS). */
export const EVENTS_OF_ACCOUNT = 4

/** What we ask of one relay at most, all processes together: nobody has said how much it allows. */
export const RELAY_REQUESTS: readonly Limit[] = [{ max: 150, windowMs: 5 * 60 * SECOND_MS }]

/** Many requests that cost the same. */
export interface Load {
  readonly requests: number
  /** Events of each. */
  readonly cost: number
  /** How much of each limit they may use, 0 to 1. */
  readonly share: number
}

/**
 * How long a load takes at least, from a budget of which nothing is used: until its last request is granted (`reserve` of
 * `budget.ts`).
 *
 * @returns milliseconds; Infinity where not even one request is ever granted
 */
export function leastTimeOf({ requests, cost, share }: Load, limits: readonly Limit[]): number {
  if (limits.some(({ max }) => max * share < cost)) return requests > 0 ? Infinity : 0
  let windows = limits.map(() => ({ used: 0, endsAt: 0 }))
  let now = 0
  for (let left = requests; left > 0;) {
    windows = windows.map(({ used, endsAt }, i) => {
      return endsAt > now ? { used, endsAt } : { used: 0, endsAt: now + limits[i]!.windowMs }
    })
    const room = windows.map(({ used }, i) => Math.floor((limits[i]!.max * share - used) / cost))
    const granted = Math.min(left, ...room)
    windows = windows.map(({ used, endsAt }) => ({ used: used + granted * cost, endsAt }))
    left -= granted
    if (left > 0) now = Math.max(...windows.filter((_, i) => room[i] === granted).map(({ endsAt }) => endsAt))
  }
  return now
}

/** What a task will ask of a relay, worked out before it begins. */
export interface RelayPlan {
  readonly accountLimit: number
  /** Firehose events of the task. */
  readonly events: number
  /** How long they take at least, in ms, if nothing else is written meanwhile. */
  readonly leastMs: number
  /** Accounts on the PDS once it is done. */
  readonly accounts: number
}

/** @param accounts on the PDS, once it is done */
export function planFor(load: Load, accountLimit: number, accounts: number): RelayPlan {
  const leastMs = leastTimeOf(load, eventLimits(accountLimit))
  return { accountLimit, events: load.requests * load.cost, leastMs, accounts }
}

/** From this share of its limit on, a relay warns its operator: so do we. */
const CROWDED_FROM = 0.8

/** Whether so many accounts are close to what a relay admits, or beyond it. */
export function isCrowded(accounts: number, accountLimit: number): boolean {
  return accounts >= accountLimit * CROWDED_FROM
}

export const CROWD_REMEDY =
  'ask the operator of the relay for a higher account limit, then set RELAY_ACCOUNT_LIMIT to it: docs/guides/relays.md'

/** What is to be said of so many accounts beside the limit; null where they are few enough. @param limit what admits them */
export function crowdText(accounts: number, accountLimit: number): string | null {
  if (!isCrowded(accounts, accountLimit)) return null
  const those = `${counted(accounts, 'account')} on the PDS`
  if (accounts <= accountLimit) return `${those}, of ${accountLimit} that a relay admits (RELAY_ACCOUNT_LIMIT)`
  const beyond = accounts - accountLimit
  return `${those}, and a relay admits ${accountLimit} (RELAY_ACCOUNT_LIMIT): ${beyond} of them would be written and not visible`
}
