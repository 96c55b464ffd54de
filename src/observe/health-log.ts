/** Writes to the log what changes in the health of an installation: what has come, and what is over; never the same again. */

import { type Notice, sameNotice } from '../domain/notice.ts'
import { Recurring, repeat } from '../pause.ts'
import type { Events } from './events.ts'

const LOOK_MS = 5_000

export class HealthLog {
  readonly #read: () => Promise<readonly Notice[]>
  readonly #events: Events
  #told: readonly Notice[] = []
  readonly #looks = new Recurring()

  /** @param read what there is to tell now */
  constructor(read: () => Promise<readonly Notice[]>, events: Events) {
    this.#read = read
    this.#events = events
  }

  /** Looks every few seconds, until `stopping` fires. */
  run(stopping: AbortSignal): Promise<void> {
    return repeat(LOOK_MS, stopping, () => this.look())
  }

  /** Looks once. That nothing can be read is told as well, once until something can be. */
  look(): Promise<void> {
    return this.#looks.attempt(
      async () => this.#tell(await this.#read()),
      (error) => this.#events.healthUnknown(error),
    )
  }

  #tell(notices: readonly Notice[]): void {
    const told = this.#told
    this.#told = notices
    for (const notice of notices) if (!told.some((other) => sameNotice(notice, other))) this.#events.notice(notice)
    const codes = new Set(notices.map(({ code }) => code))
    for (const notice of told) if (!codes.has(notice.code)) this.#events.noticeOver(notice)
  }
}
