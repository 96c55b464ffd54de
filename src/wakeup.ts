/**
 * Something happened: a counter that can be waited on. Whoever reads {@link seen} before looking for work and waits for a
 * change of it afterwards cannot miss what happens in between.
 */
export class Wakeup {
  #count = 0
  #waiting = new Set<() => void>()

  get seen(): number {
    return this.#count
  }

  raise(): void {
    this.#count++
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  /** Resolves when the signal was raised since `seen`, after `ms` milliseconds, or when `abort` fires. */
  wait(seen: number, ms: number, abort: AbortSignal): Promise<void> {
    if (this.#count !== seen || abort.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        abort.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      abort.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }
}
