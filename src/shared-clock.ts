/** The time by which a process goes: its own clock's, unless the store's, which all processes share, is far from it. */

import { type ClockOffsets, correctionOf, TELL_MS } from './domain/clocks.ts'
import { pauseIdly, repeat } from './pause.ts'
import type { AgreedClock, Clock, Timer } from './ports/clock.ts'

/** How often the store is asked for its time. */
const ASK_MS = 5_000
/** An answer that takes longer than this, in ms, tells nothing. */
const SLOW_MS = 20_000
/** Of so many answers of the PDS, the one in the middle counts: one may come from a cache that does not say so. */
const ANSWERS = 5

/** What the store's clock showed, and our own at the same moment. `at`: that moment, by a timer that is never put back. */
interface Reading {
  readonly store: number
  readonly own: number
  readonly at: number
}

export interface SharedClockDeps {
  /** The clock of this machine. */
  readonly own: Clock
  readonly timer: Pick<Timer, 'now'>
  /** What time the store has, in ms since 1970. */
  readonly storeTime: () => Promise<number>
  /** The store has this machine's clock: where both show the same, they are one witness. */
  readonly isStoreHere: boolean
}

export class SharedClock implements AgreedClock {
  readonly #deps: SharedClockDeps
  #reading: Reading | null = null
  /** How far the PDS's clock is ahead of the timer, by its last answers. */
  #answers: readonly number[] = []
  /** The one in the middle of these; null for none. */
  #pds: number | null = null
  #asking: Promise<void> | null = null

  constructor(deps: SharedClockDeps) {
    this.#deps = deps
  }

  now(): number {
    const own = this.#deps.own.now()
    return Math.round(own + correctionOf(this.#offsetsAt(own)))
  }

  /** Where our own clock has jumped since the store's was read, the store is asked first: it may be the timer that stood still. */
  async agreed(): Promise<number> {
    if (this.#hasJumped()) await this.compare()
    return this.now()
  }

  /** How far other clocks are ahead of this machine's, now. */
  offsets(): ClockOffsets {
    const { own, isStoreHere } = this.#deps
    const { store, pds } = this.#offsetsAt(own.now())
    const isSame = isStoreHere && store !== null && Math.abs(store) <= TELL_MS
    return { store: store === null || isSame ? null : Math.round(store), pds: pds === null ? null : Math.round(pds) }
  }

  /** The configured PDS has answered, and this is its time. @param time in ms since 1970 */
  heard(time: number): void {
    this.#answers = [...this.#answers, time - this.#deps.timer.now()].slice(-ANSWERS)
    this.#pds = this.#answers.toSorted((a, b) => a - b)[Math.floor(this.#answers.length / 2)]!
  }

  /** Asks the store for its time. If it does not tell, what was last known stays. */
  compare(): Promise<void> {
    return (this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    }))
  }

  async #ask(): Promise<void> {
    const { own, timer, storeTime } = this.#deps
    const sentAt = timer.now()
    const time = await storeTime().catch(() => null)
    const ms = timer.now() - sentAt
    if (time === null || ms > SLOW_MS) return
    // Neither clock nor timer is right by what was measured before one of them jumped.
    if (this.#hasJumped()) [this.#answers, this.#pds] = [[], null]
    this.#reading = { store: time + ms / 2, own: own.now(), at: timer.now() }
  }

  /** Compares every few seconds, until `stopping` fires. */
  run(stopping: AbortSignal): Promise<void> {
    // Whoever has an installation open in a program of their own need not close it.
    return repeat(ASK_MS, stopping, () => this.compare(), pauseIdly)
  }

  /** Whether our own clock has moved otherwise than the timer since the store's was read. */
  #hasJumped(): boolean {
    if (this.#reading === null) return false
    const { own, at } = this.#reading
    return Math.abs(this.#deps.own.now() - own - (this.#deps.timer.now() - at)) > TELL_MS
  }

  #offsetsAt(own: number): ClockOffsets {
    const now = this.#deps.timer.now()
    return {
      store: this.#reading === null ? null : this.#reading.store + (now - this.#reading.at) - own,
      pds: this.#pds === null ? null : this.#pds + now - own,
    }
  }
}
