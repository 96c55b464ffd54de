/** Repeats the check of all data once a day, in the background of a worker; of all workers, one at a time. */

import { isCheckDue } from '../domain/data-check.ts'
import type { Events } from '../observe/events.ts'
import { pause, Recurring, repeat } from '../pause.ts'
import { checkData } from './data-check.ts'
import { Turn, type TurnDeps } from './turn.ts'

export interface DailyCheckDeps extends TurnDeps {
  readonly events: Events
}

/** How often a worker looks whether a check is due. */
const LOOK_MS = 60_000
/** The longest rest between two pieces. */
const REST_MS = 1_000

export class DailyCheck {
  readonly #deps: DailyCheckDeps
  readonly #turn: Turn
  readonly #looks = new Recurring()

  constructor(deps: DailyCheckDeps) {
    this.#deps = deps
    this.#turn = new Turn(deps, 'check')
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
        if (isCheckDue(await store.tasks.last('check'), clock.now())) await this.#check(stopping)
      },
      (error) => events.defect('data check', error),
    )
  }

  async #check(stopping: AbortSignal): Promise<void> {
    if (!(await this.#turn.take())) return
    const { store, clock } = this.#deps
    try {
      // Another worker may have ended one just before.
      if (!isCheckDue(await store.tasks.last('check'), clock.now())) return
      await this.#turn.whileMine(stopping, async (stop, keep) => {
        let piecesFrom = performance.now()
        const onPiece = async (): Promise<void> => {
          await keep()
          // It rests as long as it works: everything else comes first.
          await pause(Math.min(REST_MS, performance.now() - piecesFrom), stop)
          piecesFrom = performance.now()
        }
        await checkData({ store, clock }, { most: 0 }, () => {}, stop, onPiece)
      })
    } finally {
      await this.#turn.giveBack()
    }
  }
}
