/** Repeats the check of all data once a day, in the background of a worker; of all workers, one at a time. */

import { CHECK_CLAIM_MS, isCheckDue } from '../domain/data-check.ts'
import type { Events } from '../observe/events.ts'
import { pause, Recurring, repeat } from '../pause.ts'
import { checkData } from './data-check.ts'
import type { OperatorDeps } from './deps.ts'

export interface DailyCheckDeps extends Pick<OperatorDeps, 'store' | 'clock'> {
  readonly events: Events
  /** Names this process among those that share the store. */
  readonly owner: string
}

/** How often a worker looks whether a check is due. */
const LOOK_MS = 60_000
/** The longest rest between two pieces. */
const REST_MS = 1_000

export class DailyCheck {
  readonly #deps: DailyCheckDeps
  readonly #looks = new Recurring()

  constructor(deps: DailyCheckDeps) {
    this.#deps = deps
  }

  /** Looks every minute, until `stopping` fires; a check that is under way then ends at its next piece. */
  run(stopping: AbortSignal): Promise<void> {
    return repeat(LOOK_MS, stopping, () => this.look(stopping))
  }

  /** Checks if it is time to, and no other worker does. That it cannot is logged, once until it can. */
  look(stopping: AbortSignal): Promise<void> {
    const { store, clock, events } = this.#deps
    return this.#looks.attempt(
      async () => {
        if (isCheckDue(await store.data.lastCheck(), clock.now())) await this.#check(stopping)
      },
      (error) => events.defect('data check', error),
    )
  }

  async #check(stopping: AbortSignal): Promise<void> {
    if (!(await this.#claim(CHECK_CLAIM_MS))) return
    const { store, clock } = this.#deps
    // Another worker may have ended one just before.
    if (!isCheckDue(await store.data.lastCheck(), clock.now())) return
    const lost = new AbortController()
    const stop = AbortSignal.any([stopping, lost.signal])
    let [claimedAt, piecesFrom] = [clock.now(), performance.now()]
    const onPiece = async (): Promise<void> => {
      if (Math.abs(clock.now() - claimedAt) > CHECK_CLAIM_MS / 3) {
        claimedAt = clock.now()
        if (!(await this.#claim(CHECK_CLAIM_MS))) lost.abort()
      }
      // It rests as long as it works: everything else comes first.
      await pause(Math.min(REST_MS, performance.now() - piecesFrom), stop)
      piecesFrom = performance.now()
    }
    await checkData({ store, clock }, { most: 0 }, () => {}, stop, onPiece)
    if (!lost.signal.aborted) await this.#claim(0)
  }

  /** @param ms for how long; 0 gives it back */
  #claim(ms: number): Promise<boolean> {
    const { store, clock, owner } = this.#deps
    const now = clock.now()
    return store.data.claimCheck(owner, now, now + ms)
  }
}
