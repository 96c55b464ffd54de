/** A task that one process at a time does for all: it is claimed, and claimed again while the work lasts. */

import { CLAIM_MS, type Task } from '../domain/tasks.ts'
import { repeat } from '../pause.ts'
import type { OperatorDeps } from './deps.ts'

export interface TurnDeps extends Pick<OperatorDeps, 'store' | 'clock'> {
  /** Names this process among those that share the store. */
  readonly owner: string
}

export class Turn {
  readonly #deps: TurnDeps
  readonly #task: Task
  /** Null while the task is not known to be this process's. */
  #claimedAt: number | null = null

  constructor(deps: TurnDeps, task: Task) {
    this.#deps = deps
    this.#task = task
  }

  /** Takes the task, or keeps it longer where a third of the claim is over. @returns false if another process has it */
  async take(): Promise<boolean> {
    const { store, clock, owner } = this.#deps
    const now = clock.now()
    if (this.#claimedAt !== null && Math.abs(now - this.#claimedAt) <= CLAIM_MS / 3) return true
    const isMine = await store.tasks.claim(this.#task, owner, now, now + CLAIM_MS)
    this.#claimedAt = isMine ? now : null
    return isMine
  }

  /**
   * Works while the task, which was taken, is this process's.
   *
   * @param work its signal fires when another process has the task, or with `stopping`; `keep` looks at once whether one has
   */
  async whileMine(
    stopping: AbortSignal,
    work: (stop: AbortSignal, keep: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const [lost, over] = [new AbortController(), new AbortController()]
    const keep = async (): Promise<void> => {
      if (!(await this.take())) lost.abort()
    }
    // A renewal that fails does not mean that the task is lost: the next one tells.
    const keeping = repeat(CLAIM_MS / 3, over.signal, () => keep().catch(() => {}))
    try {
      await work(AbortSignal.any([stopping, lost.signal]), keep)
    } finally {
      over.abort()
      await keeping
    }
  }

  /** Lets any process have the task; changes nothing where another one has it by now. */
  async giveBack(): Promise<void> {
    if (this.#claimedAt === null) return
    this.#claimedAt = null
    const { store, clock, owner } = this.#deps
    const now = clock.now()
    await store.tasks.claim(this.#task, owner, now, now)
  }
}
