/** Records as their PDS holds them, for whoever asks the API: however many ask, a record is asked for once in some seconds. */

import { LRUCache } from 'lru-cache'
import type { ReadyAccount } from './domain/account.ts'
import { DomainError } from './domain/errors.ts'
import type { Mood } from './domain/mood.ts'
import type { Outcome } from './domain/outcome.ts'
import { COLLECTION } from './domain/record.ts'
import type { Clock } from './ports/clock.ts'
import type { RepoClient, RepoRecord } from './ports/pds.ts'

/** How long an answer, or that there was none, is good for all who ask. */
const KEPT_MS = 5_000
const MOST_KEPT = 1_000

export class RecordReads {
  readonly #client: Pick<RepoClient, 'get'>
  readonly #answers: LRUCache<string, Promise<Outcome<RepoRecord | null>>>

  constructor(client: Pick<RepoClient, 'get'>, clock: Clock) {
    this.#client = client
    this.#answers = new LRUCache({ max: MOST_KEPT, ttl: KEPT_MS, ttlResolution: 0, perf: clock })
  }

  /**
   * The record of a mood, as it was some seconds ago at most.
   *
   * @returns null when there is none
   * @throws DomainError `unavailable` when the PDS does not answer, or too many records are read
   */
  async of({ did, pds }: Pick<ReadyAccount, 'did' | 'pds'>, { sync, version }: Mood): Promise<RepoRecord | null> {
    // Whatever becomes of a mood, its version is another one then, and its record is asked for again.
    const key = `${did} ${sync.rkey} ${version}`
    // Where the clock was put back, an answer would be kept until it has caught up.
    if (this.#answers.getRemainingTTL(key) > KEPT_MS) this.#answers.delete(key)
    let asked = this.#answers.get(key)
    if (asked === undefined) {
      asked = this.#client.get({ did, pds }, COLLECTION, sync.rkey, 'anyone')
      this.#answers.set(key, asked)
      // That the store does not tell the budgets is no answer.
      asked.catch(() => this.#answers.delete(key))
    }
    const answer = await asked
    if (answer.kind === 'ok') return answer.value
    const isTooMany = answer.kind === 'later' && answer.dead !== true
    throw new DomainError('unavailable', isTooMany ? 'too many records are read just now' : 'the PDS does not answer')
  }
}
