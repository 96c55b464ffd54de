/** Writes to the log what changes in the policy, in a process without an engine: an engine looks for changes itself. */

import type { StoredPolicy } from '../domain/policy.ts'
import { repeat } from '../pause.ts'
import type { Events } from './events.ts'

const LOOK_MS = 500

export class PolicyLog {
  readonly #read: () => Promise<StoredPolicy | null>
  readonly #events: Events
  #last: StoredPolicy

  /** @param read the policy in force now; @param first the one at the start */
  constructor(read: () => Promise<StoredPolicy | null>, events: Events, first: StoredPolicy) {
    this.#read = read
    this.#events = events
    this.#last = first
  }

  /** Looks twice a second, until `stopping` fires. */
  run(stopping: AbortSignal): Promise<void> {
    return repeat(LOOK_MS, stopping, () => this.look())
  }

  /** Looks once. That the store cannot be read is for the log of the health to tell, which every such process keeps. */
  async look(): Promise<void> {
    const stored = await this.#read().catch(() => null)
    if (stored === null || stored.version === this.#last.version) return
    this.#events.policyFollowed(this.#last, stored)
    this.#last = stored
  }
}
