/** DID documents, kept for whoever needs them next, who says how old one may be. */

import { LRUCache } from 'lru-cache'
import { type Failure, ok, type Outcome } from '../domain/outcome.ts'
import type { Clock } from '../ports/clock.ts'
import { askIdentity, isDid, type SignedIdentity } from './identity.ts'

/** How long a document may be kept where nothing speaks against it, in ms. */
export const KEPT_MS = 10 * 60_000
/** A directory that does not answer is left alone for so long. */
const QUIET_MS = 30_000
/** Nobody waits longer than this for a directory. */
const PATIENCE_MS = 3_000
const MAX_KEPT = 10_000
const MAX_QUIET = 1_000

export interface IdentitiesOptions {
  /** Directory of the did:plc accounts. */
  readonly plcUrl: string
  /** How long one request may take, in ms; three seconds at most. */
  readonly timeoutMs: number
}

/** Something that was learned at a time, in ms since 1970. */
export interface Learned<T> {
  readonly value: T
  readonly at: number
}

/** A time in the future is one of a clock that was wrong. @param maxAge in ms */
export function isYounger({ at }: Learned<unknown>, maxAge: number, now: number): boolean {
  const age = now - at
  return age >= 0 && age < maxAge
}

export class Identities {
  readonly #clock: Clock
  readonly #options: IdentitiesOptions
  readonly #kept = new LRUCache<string, Learned<SignedIdentity>>({ max: MAX_KEPT })
  /** What has not answered, and how: the PLC directory; DIDs of which a directory has no readable document. */
  readonly #quiet = new LRUCache<string, Learned<Failure>>({ max: MAX_QUIET })

  constructor(clock: Clock, options: IdentitiesOptions) {
    this.#clock = clock
    this.#options = options
  }

  /**
   * The document of a DID. What is none has no document, and nothing is asked for it.
   *
   * @param maxAge how old it may be, in ms; 0 for one that is fetched now
   * @returns a failure as {@link askIdentity} has it; for half a minute after one, the directory is not asked again
   */
  async of(did: string, maxAge: number): Promise<Outcome<SignedIdentity>> {
    if (!isDid(did)) return ok({ kind: 'unknown' })
    const kept = this.#kept.get(did)
    if (kept && isYounger(kept, maxAge, this.#clock.now())) return ok(kept.value)
    const { plcUrl, timeoutMs } = this.#options
    const directory = did.startsWith('did:plc:') ? plcUrl : did
    const quiet = this.#failureOf(directory) ?? this.#failureOf(did)
    if (quiet !== null) return quiet
    const answer = await askIdentity(did, plcUrl, Math.min(timeoutMs, PATIENCE_MS))
    const at = this.#clock.now()
    if (answer.kind === 'ok') this.#kept.set(did, { value: answer.value, at })
    // Of a directory that answers, the documents of others may be had.
    else this.#quiet.set(answer.kind === 'host_down' ? directory : did, { value: answer, at })
    return answer
  }

  /** The document that was had last, however old; null for none. */
  last(did: string): SignedIdentity | null {
    return this.#kept.get(did)?.value ?? null
  }

  #failureOf(asked: string): Failure | null {
    const failure = this.#quiet.get(asked)
    return failure && isYounger(failure, QUIET_MS, this.#clock.now()) ? failure.value : null
  }
}
