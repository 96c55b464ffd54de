/** How we talk to a PDS: what every request carries, how long it may take, and its answer as an outcome. */

import { type Agent, buildAgent } from '@atproto/lex-client'
import type { Outcome } from '../domain/outcome.ts'
import type { Clock } from '../ports/clock.ts'
import { outcomeOf } from './outcome.ts'

export interface XrpcOptions {
  /** How long one request may take. */
  readonly timeoutMs: number
  /** Lifts the rate limits of a PDS of one's own (its `PDS_RATE_LIMIT_BYPASS_KEY`). */
  readonly bypassKey: string | null
}

export class Xrpc {
  readonly #clock: Clock
  readonly #options: XrpcOptions

  constructor(clock: Clock, options: XrpcOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** @param authorization `Bearer …` or `Basic …`; nothing for what anybody may ask */
  agent(service: string, authorization?: string): Agent {
    const { bypassKey } = this.#options
    return buildAgent({
      service,
      headers: {
        // Packing takes both sides longer than it saves: most of what is sent is hashes. Said outright, since a PDS that is told
        // nothing sends a repo block by block.
        'accept-encoding': 'identity',
        ...(authorization === undefined ? {} : { authorization }),
        ...(bypassKey === null ? {} : { 'x-ratelimit-bypass': bypassKey }),
      },
    })
  }

  /**
   * @param abort ends the call before its time
   * @param patience how many times as long as usual the call may take
   */
  ask<T>(call: (signal: AbortSignal) => Promise<T>, abort?: AbortSignal, patience = 1): Promise<Outcome<T>> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs * patience)
    const signal = abort ? AbortSignal.any([abort, timeout]) : timeout
    return outcomeOf(
      () => call(signal),
      () => this.#clock.now(),
    )
  }
}
