/**
 * The one place that sends XRPC requests: what every request carries, what it costs, how long it may take, and its answer
 * as an outcome.
 */

import { type Agent, buildAgent } from '@atproto/lex-client'
import { ok, type Outcome } from '../domain/outcome.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cost, Governor } from './governor.ts'
import { outcomeOf } from './answer.ts'

export interface XrpcOptions {
  /** How long one request may take. */
  readonly timeoutMs: number
  /** Lifts the rate limits of a PDS of one's own (its `PDS_RATE_LIMIT_BYPASS_KEY`). */
  readonly bypassKey: string | null
}

/** One request: it goes to the agent's host, and is aborted by the signal. */
export type Call<T> = (agent: Agent, signal: AbortSignal) => Promise<T>

/** How requests are sent; what is left out is the default. */
export interface Sending {
  /** `Bearer …` or `Basic …`; none for what anyone may ask. */
  readonly authorization?: string
  /** What each call costs, beside one request of its host. */
  readonly costs?: readonly Cost[]
  /** How much of the host's limit of requests may be used, 0 to 1; 1 by default. */
  readonly share?: number
  /** Ends the calls before their time. */
  readonly abort?: AbortSignal | undefined
  /** How many times as long as usual a call may take; 1 by default. */
  readonly patience?: number
}

export class Xrpc {
  readonly #clock: Clock
  readonly #options: XrpcOptions
  readonly #governor: Governor | null

  /** @param governor null where there are no budgets to keep: for single requests of an operator */
  constructor(clock: Clock, options: XrpcOptions, governor: Governor | null) {
    this.#clock = clock
    this.#options = options
    this.#governor = governor
  }

  /**
   * Sends one request.
   *
   * @param host base URL of the PDS
   * @param call sends exactly one request
   */
  async ask<T>(host: string, call: Call<T>, sending: Sending = {}): Promise<Outcome<T>> {
    const answers = await this.askAll(host, [call], sending)
    return answers.kind === 'ok' ? answers.value[0]! : answers
  }

  /**
   * Sends several requests to one host side by side, charged together: all of them, or none.
   *
   * @returns the outcome of each; `later` when they may not be sent
   */
  askAll<T>(host: string, calls: readonly Call<T>[], sending: Sending = {}): Promise<Outcome<readonly Outcome<T>[]>> {
    const agent = this.#agent(host, sending.authorization)
    const send = () => Promise.all(calls.map((call) => this.#send(call, agent, sending)))
    if (this.#governor === null) return send().then(ok)
    const { share = 1, costs = [] } = sending
    return this.#governor.govern({ host, requests: calls.length, share, costs }, send)
  }

  #send<T>(call: Call<T>, agent: Agent, { abort, patience = 1 }: Sending): Promise<Outcome<T>> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs * patience)
    const signal = abort ? AbortSignal.any([abort, timeout]) : timeout
    return outcomeOf(
      () => call(agent, signal),
      () => this.#clock.now(),
    )
  }

  #agent(service: string, authorization: string | undefined): Agent {
    const { bypassKey } = this.#options
    return buildAgent({
      service,
      headers: {
        // Compression takes both sides longer than it saves: most of what is sent is hashes. `identity` is stated since a PDS that
        // is told nothing sends a repo block by block.
        'accept-encoding': 'identity',
        ...(authorization === undefined ? {} : { authorization }),
        ...(bypassKey === null ? {} : { 'x-ratelimit-bypass': bypassKey }),
      },
    })
  }
}
