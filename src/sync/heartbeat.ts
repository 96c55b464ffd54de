/** Tells the store, every two seconds, that a worker is alive, so that every process can see whether one is. */

import type { ClockOffsets } from '../domain/clocks.ts'
import { BEAT_MS, isBygone, type Worker } from '../domain/worker.ts'
import type { Events } from '../observe/events.ts'
import { pause } from '../pause.ts'
import type { Clock } from '../ports/clock.ts'
import type { WorkerStore } from '../ports/store.ts'

export interface HeartbeatDeps {
  readonly workers: WorkerStore
  readonly clock: Clock
  readonly events: Events
  /** Version of the policy that this process follows; null while it knows of none. */
  readonly policyVersion: () => number | null
  /** When its engine last got further, in ms since 1970; null before it first did. */
  readonly progressedAt: () => number | null
  /** How far other clocks are ahead of this machine's, where they are compared. */
  readonly clocks?: () => ClockOffsets
}

/** What a worker says of itself that does not change. */
export type Self = Omit<Worker, 'since' | 'at' | 'policyVersion' | 'progressedAt' | 'clocks' | 'ended'>

export class Heartbeat {
  readonly #deps: HeartbeatDeps
  readonly #self: Self
  readonly #since: number
  #isFailing = false

  constructor(deps: HeartbeatDeps, self: Self) {
    this.#deps = deps
    this.#self = self
    this.#since = deps.clock.now()
  }

  /** One beat. If the store does not take it, that is logged, once until one is taken again; the work goes on. */
  beat(): Promise<void> {
    return this.#say(false)
  }

  async #say(ended: boolean): Promise<void> {
    const { workers, clock, events, policyVersion, progressedAt, clocks } = this.#deps
    const worker = {
      ...this.#self,
      since: this.#since,
      at: clock.now(),
      policyVersion: policyVersion(),
      progressedAt: progressedAt(),
      ...(clocks ? { clocks: clocks() } : {}),
      ...(ended ? { ended } : {}),
    }
    try {
      await workers.beat(worker)
    } catch (error) {
      if (!this.#isFailing) events.heartbeatFailed(error)
      this.#isFailing = true
      return
    }
    if (this.#isFailing) events.heartbeatResumed()
    this.#isFailing = false
  }

  /** Beats until `stopping` fires, and says then that it has ended in peace. */
  async run(stopping: AbortSignal): Promise<void> {
    await this.#guarded(() => this.#forgetBygone())
    while (!stopping.aborted) {
      await this.beat()
      await pause(BEAT_MS, stopping)
    }
    await this.#say(true)
    await this.#guarded(() => this.#forgetEnded())
  }

  /** Of those that have ended in peace, the last one is remembered. */
  async #forgetEnded(): Promise<void> {
    const { workers } = this.#deps
    const ended = (await workers.all()).filter((worker) => worker.ended)
    const last = Math.max(...ended.map(({ at }) => at))
    for (const { id, at } of ended) if (at < last) await workers.forget(id)
  }

  /** Whoever starts removes those that have been dead for long. */
  async #forgetBygone(): Promise<void> {
    const { workers, clock } = this.#deps
    for (const worker of await workers.all()) if (isBygone(worker, clock.now())) await workers.forget(worker.id)
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#deps.events.defect('heartbeat', error)
    }
  }
}
