/** Progress of a long command on standard error: one line, rewritten, on a terminal; elsewhere a line every ten seconds. */

const LINE_EVERY_MS = 10_000
const REDRAW_EVERY_MS = 100
const BAR = 24

export class Progress implements Disposable {
  readonly #out: NodeJS.WriteStream
  readonly #now: () => number
  readonly #started: number
  #last = 0
  #isDrawn = false

  constructor(out: NodeJS.WriteStream = process.stderr, now: () => number = () => performance.now()) {
    this.#out = out
    this.#now = now
    this.#started = now()
    this.#last = out.isTTY ? -Infinity : this.#started
  }

  /** @param total how many there will be; 0 when unknown */
  show(what: string, done: number, total: number): void {
    const now = this.#now()
    if (now - this.#last < (this.#out.isTTY ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return
    this.#last = now
    const line = describe(what, done, total, now - this.#started, this.#out.isTTY)
    this.#out.write(this.#out.isTTY ? `\r\u001B[K${line}` : `${line}\n`)
    this.#isDrawn = this.#out.isTTY
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    if (this.#isDrawn) this.#out.write('\r\u001B[K')
    this.#isDrawn = false
  }
}

/** @param ms since the start */
export function describe(what: string, done: number, total: number, ms: number, withBar: boolean): string {
  const rate = ms > 0 ? (done * 1000) / ms : 0
  const share = total > 0 ? Math.min(1, done / total) : 0
  const filled = Math.round(share * BAR)
  const bar = withBar && total > 0 ? `[${'█'.repeat(filled)}${'·'.repeat(BAR - filled)}] ` : ''
  const of = total > 0 ? ` of ${total}` : ''
  const left = rate > 0 && total > done ? `, ${duration((total - done) / rate)} left` : ''
  return `${bar}${what}: ${done}${of}, ${rate.toFixed(rate < 10 ? 1 : 0)} a second${left}`
}

/** A length of time in words. @param seconds 0 or more */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
