/** What one reading of a repo may take of its process: time in turns, and a place among the large ones. */

import { setImmediate } from 'node:timers/promises'

/** How long one turn may take before everything else in the process has its own. */
const TURN_MS = 10
/** Large repos read at the same time; each may take a hundred megabytes for the places of its blocks. */
const PLACES = 2

let free = PLACES
const waiting: (() => void)[] = []

export class Share implements Disposable {
  readonly #stop: AbortSignal
  #steps = 0
  #since = performance.now()
  #hasPlace = false

  /** @param stop ends the reading at its next turn */
  constructor(stop: AbortSignal) {
    this.#stop = stop
  }

  /** Whether it is the turn of others; to be asked at each small step. */
  get isUsedUp(): boolean {
    return (++this.#steps & 63) === 0 && performance.now() - this.#since > TURN_MS
  }

  /** @throws the reason of `stop`, once that has fired */
  async giveWay(): Promise<void> {
    this.#stop.throwIfAborted()
    await setImmediate()
    this.#since = performance.now()
  }

  /** Waits until fewer large repos are read; at once for one that has its place. @throws as {@link giveWay} */
  async takePlace(): Promise<void> {
    if (this.#hasPlace) return
    if (free > 0) free--
    else await this.#handedOver()
    this.#hasPlace = true
  }

  #handedOver(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        this.#stop.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        waiting.splice(waiting.indexOf(enter), 1)
        reject(this.#stop.reason as Error)
      }
      if (this.#stop.aborted) return reject(this.#stop.reason as Error)
      this.#stop.addEventListener('abort', leave, { once: true })
      waiting.push(enter)
    })
  }

  [Symbol.dispose](): void {
    if (!this.#hasPlace) return
    this.#hasPlace = false
    const next = waiting.shift()
    if (next) next()
    else free++
  }
}
