/** Progress of a long command on standard error: one line, rewritten, on a terminal; elsewhere a line every ten seconds. */

const LINE_EVERY_MS = 10_000
const REDRAW_EVERY_MS = 100
/** The rate is that of the last seconds: what was there already is done at once, and says nothing of the rest. */
const RATE_OVER_MS = 30_000
const BAR = 24

export class Progress implements Disposable {
  readonly #out: NodeJS.WriteStream
  readonly #now: () => number
  #last: number
  #isDrawn = false
  #what = ''
  #waitsUntil: number | null = null
  /** How much was done at which times, the oldest first. */
  #seen: { readonly at: number; readonly done: number }[]

  constructor(out: NodeJS.WriteStream = process.stderr, now: () => number = () => performance.now()) {
    this.#out = out
    this.#now = now
    this.#last = out.isTTY ? -Infinity : now()
    this.#seen = [{ at: now(), done: 0 }]
  }

  /**
   * @param what is counted; the rate of another one starts from here
   * @param total how many there will be; 0 when unknown
   * @param waitsUntil a budget or the PDS lets nothing go on before, in ms since 1970; a new wait is told at once
   */
  show(what: string, done: number, total: number, waitsUntil: number | null = null): void {
    const now = this.#now()
    const isNews = waitsUntil !== null && Math.abs(waitsUntil - (this.#waitsUntil ?? 0)) >= LINE_EVERY_MS
    this.#waitsUntil = waitsUntil
    if (what !== this.#what && this.#what !== '') this.#seen = [{ at: now, done }]
    this.#what = what
    if (!isNews && now - this.#last < (this.#out.isTTY ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return
    this.#last = now
    const rate = this.#rate(now, done)
    const line = describe(what, done, total, waitsUntil === null ? rate : waitingText(waitsUntil), this.#out.isTTY)
    this.#out.write(this.#out.isTTY ? `\r\u001B[K${line}` : `${line}\n`)
    this.#isDrawn = this.#out.isTTY
  }

  /** How many a second. */
  #rate(now: number, done: number): number {
    const isOld = (i: number): boolean => now - (this.#seen[i]?.at ?? now) >= RATE_OVER_MS
    while (isOld(1)) this.#seen.shift()
    this.#seen.push({ at: now, done })
    const [first] = this.#seen
    return first && now > first.at ? Math.max(0, ((done - first.done) * 1000) / (now - first.at)) : 0
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    if (this.#isDrawn) this.#out.write('\r\u001B[K')
    this.#isDrawn = false
  }
}

function waitingText(until: number): string {
  return `waiting until ${new Date(until).toISOString().replace(/\.\d+/, '')}, as a budget or the PDS asks`
}

/** @param pace how many a second; or, in words, why there are none */
export function describe(what: string, done: number, total: number, pace: number | string, withBar: boolean): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const filled = Math.round(share * BAR)
  const bar = withBar && total > 0 ? `[${'█'.repeat(filled)}${'·'.repeat(BAR - filled)}] ` : ''
  const of = total > 0 ? ` of ${total}` : ''
  const begin = `${bar}${what}: ${done}${of}`
  if (typeof pace === 'string') return `${begin}, ${pace}`
  const left = pace > 0 && total > done ? `, ${duration((total - done) / pace)} left` : ''
  return `${begin}, ${pace.toFixed(pace < 10 ? 1 : 0)} a second${left}`
}

/** A length of time in words. @param seconds 0 or more */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
