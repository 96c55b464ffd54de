/**
 * Everything worth telling an operator, one method each. None of them takes mood text, a token or a password; users are
 * named by a short hash of their `sub`.
 */

import { createHash } from 'node:crypto'
import type { Failure } from '../domain/outcome.ts'
import type { Logger } from './log.ts'

export class Events {
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  started(address: string | null, pds: string): void {
    this.#log.info({ address, pds }, 'started')
  }

  stopping(reason: string): void {
    this.#log.info({ reason }, 'stopping')
  }

  published(user: string, count: number, ms: number): void {
    this.#log.debug({ user: anonymous(user), count, ms: Math.round(ms) }, 'published')
  }

  moodRejected(moodId: string, code: string): void {
    this.#log.warn({ moodId, code }, 'mood rejected')
  }

  /** A result came too late: the mood had changed meanwhile and is looked at again. */
  settleDropped(user: string, count: number): void {
    this.#log.info({ user: anonymous(user), count }, 'result dropped, mood had changed')
  }

  accountOpened(user: string, did: string): void {
    this.#log.info({ user: anonymous(user), did }, 'account opened')
  }

  accountRefused(user: string, code: string): void {
    this.#log.warn({ user: anonymous(user), code }, 'account needs attention')
  }

  passFailed(user: string, failure: Failure, failures: number, retryInMs: number): void {
    const { kind } = failure
    const code = 'code' in failure ? failure.code : undefined
    this.#log.warn(
      { user: anonymous(user), kind, code, failures, retryInMs },
      'the PDS did not take it, will try again',
    )
  }

  /** @param state `done`, or `wait` while requests of before may still be carried out */
  erasure(receipt: string, state: 'done' | 'wait'): void {
    this.#log.info({ erasure: createHash('sha256').update(receipt).digest('hex').slice(0, 12), state }, 'erasure')
  }

  leaseLost(user: string): void {
    this.#log.warn({ user: anonymous(user) }, 'lease lost')
  }

  /** An error that nobody expected; the work goes on. */
  defect(where: string, error: unknown): void {
    this.#log.error({ where, err: error }, 'unexpected error')
  }
}

function anonymous(user: string): string {
  return createHash('sha256').update(user).digest('hex').slice(0, 12)
}
