/**
 * Keeps the requests to a PDS within its budgets, and is the circuit breaker of each host: one that has missed a request is
 * probed first, and one that is taken for dead gets one probe at a time. Budgets and failures are kept in the store, so that all processes together keep to them.
 */

import { backoffMs } from '../domain/backoff.ts'
import { LEDGER, type Limit, type Limits, type SmallBudget, smallLimits } from '../domain/budget.ts'
import { codeOf, type Failure, isSilent, type Outcome } from '../domain/outcome.ts'
import type { LedgerStore } from '../ports/store.ts'
import type { Clock } from '../ports/clock.ts'

export interface GovernorOptions {
  readonly limits: Limits
  /** Milliseconds that one probe of a dead host may take. */
  readonly probeMs: number
}

/** What a request costs beside its share of the host's requests. */
export interface Cost {
  readonly budget: 'points' | 'logins' | 'events'
  /** Whose budget: a DID for points, a user for logins, a host for events. */
  readonly of: string
  readonly amount: number
  /** How much of the limit it may use, 0 to 1. */
  readonly share: number
}

/** Requests that are charged together. */
export interface Price {
  /** Base URL of the PDS. */
  readonly host: string
  readonly requests: number
  /** How much of the limit of requests they may use, 0 to 1. */
  readonly share: number
  /** Charged before all others; null where they may take whatever is left. */
  readonly small: SmallBudget | null
  /** Charged in this order, after the requests. */
  readonly costs: readonly Cost[]
}

/** What came of one request. */
export interface Answered<T> {
  readonly outcome: Outcome<T>
  /** NSID of what was asked; null where nothing was sent. */
  readonly method: string | null
}

/** How requests are sent. */
export interface Requests<T> {
  readonly send: () => Promise<readonly Answered<T>[]>
  /** Asks the host for next to nothing: whether it answers. */
  readonly probe: () => Promise<Answered<unknown>>
}

/** What is known when answers have come. */
interface Asking {
  /** When they were asked for, in ms since 1970. */
  readonly at: number
  /** A host that does not answer a probe as a PDS does is as good as silent: no other request would fare better. */
  readonly isProbe: boolean
  /** Methods that were not answered well before. */
  readonly unwell: readonly string[]
}

type Later = Extract<Failure, { kind: 'later' }>

export class Governor {
  readonly #ledger: LedgerStore
  readonly #clock: Clock
  readonly #random: () => number
  readonly #options: GovernorOptions

  constructor(ledger: LedgerStore, clock: Clock, random: () => number, options: GovernorOptions) {
    this.#ledger = ledger
    this.#clock = clock
    this.#random = random
    this.#options = options
  }

  /**
   * Charges requests, sends them, and notes what the answers tell about the host.
   *
   * @param requests are sent once everything is charged, and a host that missed the last one has answered the probe
   * @returns the outcome of each request; `later` when a budget is used up or the host is dead, `host_down` when it has not
   *   answered the probe: then nothing was sent
   */
  async govern<T>(price: Price, { send, probe }: Requests<T>): Promise<Outcome<readonly Outcome<T>[]>> {
    const { limits, probeMs } = this.#options
    if (price.small !== null) {
      const ofHost = LEDGER[price.small](price.host)
      const refusal = await this.#charge(ofHost, smallLimits(limits.requests), price.requests, 1)
      if (refusal) return refusal
    }
    const key = LEDGER.requests(price.host)
    const reservation = { limits: limits.requests, cost: price.requests, share: price.share, probeMs }
    const { waitUntil, failing, dead, unwell = [] } = await this.#ledger.reserve(key, reservation, this.#clock.now())
    if (waitUntil !== null) return { ...this.#later(waitUntil, 'host'), dead }
    if (failing) {
      const trouble = await this.#tryOut(key, probe, unwell)
      if (trouble) return trouble
    }
    for (const { budget, of, amount, share } of price.costs) {
      const refusal = await this.#charge(LEDGER[budget](of), limits[budget], amount, share)
      if (refusal) return refusal
    }
    const at = this.#clock.now()
    const answers = await send()
    await this.#learn(key, answers, { at, isProbe: false, unwell })
    await this.#pause(price.costs, answers)
    return { kind: 'ok', value: answers.map(({ outcome }) => outcome) }
  }

  async #charge(key: string, limits: readonly Limit[], amount: number, share: number): Promise<Later | null> {
    if (limits.length === 0) return null
    const reservation = { limits, cost: amount, share, probeMs: 0 }
    const { waitUntil } = await this.#ledger.reserve(key, reservation, this.#clock.now())
    return waitUntil === null ? null : { ...this.#later(waitUntil, 'account'), less: amount > 1 }
  }

  /** Asks a host that has missed a request whether it answers. @returns why nothing else may be asked of it; null when it does */
  async #tryOut(
    key: string,
    probe: () => Promise<Answered<unknown>>,
    unwell: readonly string[],
  ): Promise<Failure | null> {
    const at = this.#clock.now()
    const answer = await probe()
    const { outcome } = answer
    await this.#learn(key, [answer], { at, isProbe: true, unwell })
    if (outcome.kind !== 'ok' && isSilent(outcome)) return { kind: 'host_down', code: codeOf(outcome) }
    await this.#ledger.reachable(key)
    return isPaused(outcome) ? outcome : null
  }

  /** Of several answers, the first that tells of trouble with the host counts. */
  async #learn(key: string, answers: readonly Answered<unknown>[], { at, isProbe, unwell }: Asking): Promise<void> {
    const now = this.#clock.now()
    const odd = answers.filter(({ outcome }) => saidBy(outcome) !== null)
    for (const { outcome, method } of odd) {
      if (method !== null) await this.#ledger.noteUnwell(key, { method, said: saidBy(outcome)! }, now, at)
    }
    const mended = unwell.filter((method) => {
      return (
        answers.some((answer) => answer.method === method && isWellFormed(answer.outcome)) &&
        !odd.some((answer) => answer.method === method)
      )
    })
    if (mended.length > 0) await this.#ledger.noteWell(key, mended)
    const outcomes = answers.map(({ outcome }) => outcome)
    const trouble = outcomes.find(
      (outcome) => isPaused(outcome) || (isSilent(outcome) && (isProbe || saidBy(outcome) === null)),
    )
    if (trouble && isSilent(trouble)) {
      const isCertain = trouble.kind === 'host_down'
      await this.#ledger.unreachable(key, isCertain, (failures) => backoffMs(failures, this.#random()), now, at)
    } else if (trouble && isPaused(trouble)) await this.#ledger.block(key, now + trouble.afterMs)
  }

  /** The PDS asks one account to wait: so do all who would ask in its name. */
  async #pause(costs: readonly Cost[], answers: readonly Answered<unknown>[]): Promise<void> {
    const waits = answers.flatMap(({ outcome }) =>
      outcome.kind === 'later' && outcome.scope === 'account' ? [outcome.afterMs] : [],
    )
    if (waits.length === 0) return
    const until = this.#clock.now() + Math.max(...waits)
    for (const { budget, of } of costs) {
      const limits = this.#options.limits[budget]
      if (budget !== 'events' && limits.length > 0) await this.#ledger.block(LEDGER[budget](of), until, limits)
    }
  }

  #later(until: number, scope: 'account' | 'host'): Later {
    return { kind: 'later', afterMs: Math.max(1, until - this.#clock.now()), scope }
  }
}

/** The PDS asks everyone to wait. */
function isPaused(outcome: Outcome<unknown>): outcome is Later {
  return outcome.kind === 'later' && outcome.scope === 'host'
}

/** What came in the place of an answer; null where that is not what happened. */
function saidBy(outcome: Outcome<unknown>): string | null {
  return outcome.kind === 'uncertain' ? (outcome.said ?? null) : null
}

/** Whether it is an answer as a PDS gives them, be it a refusal. */
function isWellFormed(outcome: Outcome<unknown>): boolean {
  if (outcome.kind === 'uncertain') return outcome.answered && outcome.code !== 'AbortError'
  return outcome.kind === 'ok' || outcome.kind === 'rejected' || outcome.kind === 'unauthorized'
}
