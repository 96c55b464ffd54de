/** Tells the store, every two seconds, that a worker is alive, so that every process can see whether one is. */

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
}

/** What a worker says of itself that does not change. */
export type Self = Omit<Worker, 'since' | 'at' | 'policyVersion'>

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
  async beat(): Promise<void> {
    const { workers, clock, events, policyVersion } = this.#deps
    const worker = { ...this.#self, since: this.#since, at: clock.now(), policyVersion: policyVersion() }
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

  /** Beats until `stopping` fires; then the store forgets this worker, and hears no more of it. */
  async run(stopping: AbortSignal): Promise<void> {
    await this.#guarded(() => this.#forgetBygone())
    while (!stopping.aborted) {
      await this.beat()
      await pause(BEAT_MS, stopping)
    }
    await this.#guarded(() => this.#deps.workers.forget(this.#self.id))
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
