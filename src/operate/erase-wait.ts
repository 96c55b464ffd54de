/** What an erasure waits for, for an operator who watches it. */

import { type Erasure, nextStep } from '../domain/erasure.ts'
import { type SilentHost, silentText } from './silence.ts'
import { type StandingDeps, standingOf, whyNotErasedNow } from './standing.ts'

/** A step that takes longer is worth a word. */
const SAY_AFTER_MS = 3_000

export class ErasureWait {
  readonly #deps: StandingDeps
  readonly #say: (text: string) => void
  #step: string | null = null
  #since = performance.now()
  #said: string | null = null

  /** @param say told, in a sentence, what is waited for; once until that changes */
  constructor(deps: StandingDeps, say: (text: string) => void) {
    this.#deps = deps
    this.#say = say
  }

  /** To be called at each look. @param silent hosts that have to answer before there is any progress */
  async look(erasure: Erasure, silent: readonly SilentHost[]): Promise<void> {
    const step = nextStep(erasure)
    if (step !== this.#step) [this.#step, this.#since, this.#said] = [step, performance.now(), null]
    if (step === null || erasure.user === null || performance.now() - this.#since < SAY_AFTER_MS) return
    const because = silent[0] ? silentText(silent[0]) : await this.#reason(erasure.user)
    if (because === null || because === this.#said) return
    this.#said = because
    this.#say(
      `Waiting for "${step.replaceAll('_', ' ')}", because ${because}. ` +
        'Ctrl+C ends the wait; any worker resumes the erasure, and so does the same command.',
    )
  }

  async #reason(user: string): Promise<string | null> {
    const standing = await standingOf(this.#deps, user)
    // The engine of this process is at work as well.
    return whyNotErasedNow({ ...standing, workers: Math.max(1, standing.workers) })?.text ?? null
  }
}
