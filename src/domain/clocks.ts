/** Clocks that differ: which one is off, as far as the others can tell, and by which one a process goes. Pure. */

/** How far other clocks are ahead of a process's own, in ms; null for one of which nothing is known. */
export interface ClockOffsets {
  /** The database's, where it has a clock of its own: that of another machine. */
  readonly store: number | null
  /** That of the configured PDS, as its answers show it. */
  readonly pds: number | null
}

export const NO_OFFSETS: ClockOffsets = { store: null, pds: null }

/** Clocks that differ by more than this, in ms, are told of. Answers take their time, and a `Date` has whole seconds. */
export const TELL_MS = 30_000
/** Beyond this, in ms, a process does not go by its own clock, and operators have a problem. */
export const FOLLOW_MS = 60_000

/**
 * By how much a process corrects its own clock, in ms: not at all, or so that it has the store's time, which all
 * processes share. Where the PDS bears out its own clock, the store's is the one that is off.
 */
export function correctionOf({ store, pds }: ClockOffsets): number {
  if (store === null || Math.abs(store) <= FOLLOW_MS) return 0
  return pds !== null && Math.abs(pds) <= FOLLOW_MS ? 0 : store
}

/**
 * A clock that is off, and how far it is ahead of the others, in ms; `own` is the process's. `unknown`: the own clock is so far
 * ahead of another one, and there is no third one that agrees with either.
 */
export type ClockOff =
  | { readonly which: 'own' | 'store' | 'pds'; readonly aheadMs: number }
  | { readonly which: 'unknown'; readonly aheadMs: number; readonly other: 'store' | 'pds' }

/** The clock that is off; null where those that are known agree. */
export function clockOff({ store, pds }: ClockOffsets): ClockOff | null {
  if (isNear(store ?? 0, 0) && isNear(pds ?? 0, 0)) return null
  if (store !== null && pds !== null) {
    // The third beside each two of them. Two that agree may each be near to a third one that is off.
    const thirds = [
      { apart: Math.abs(store - pds), off: { which: 'own', aheadMs: -store } },
      { apart: Math.abs(pds), off: { which: 'store', aheadMs: store } },
      { apart: Math.abs(store), off: { which: 'pds', aheadMs: pds } },
    ] as const
    const [nearest] = thirds.toSorted((a, b) => a.apart - b.apart)
    if (nearest!.apart <= TELL_MS) return nearest!.off
  }
  const other = Math.abs(store ?? 0) >= Math.abs(pds ?? 0) ? 'store' : 'pds'
  return { which: 'unknown', aheadMs: -(other === 'store' ? store : pds)!, other }
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= TELL_MS
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`: the only form that servers may send (RFC 9110, section 5.6.7). */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * The time that an answer's `Date` header says, in ms since 1970; null where it says none. An answer out of a cache is as
 * old as its `Age` says.
 */
export function timeOfAnswer(date: string | null, age: string | null): number | null {
  const time = HTTP_DATE.test(date ?? '') ? Date.parse(date!) : Number.NaN
  if (Number.isNaN(time)) return null
  const seconds = /^\d{1,9}$/.test(age ?? '') ? Number(age) : 0
  // Half a second for what the header leaves out.
  return time + seconds * 1000 + 500
}
