/**
 * How far ahead of the clock each stored time may lie. One that lies further comes of a clock that was wrong, or was written
 * by others: it is void, and whoever meets it puts it right. `docs/architecture.md` lists every stored time with its bound.
 */

import { QUARANTINE_MS } from './doubt.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** In ms. What is noted as having happened may be ahead by `skew` alone: the clocks of machines differ. */
export const FURTHEST = {
  skew: MINUTE_MS,
  /** Leases are renewed every few seconds. */
  lease: MINUTE_MS,
  /** A quarantine takes {@link QUARANTINE_MS}; the process that began it may have been ahead. */
  quarantine: 4 * QUARANTINE_MS,
  /** A mood is due at once, after a back-off of at most half a minute, or when a quarantine ends. */
  moodDue: MINUTE_MS,
  /** A repo may wait for a budget of a day. */
  repoDue: 25 * HOUR_MS,
  /** A host may ask everybody to wait for a window of five minutes; an account for the longest window that it has. */
  block: 6 * MINUTE_MS,
  /** A dead host is probed after a back-off of at most half a minute, or when a probe has had its time. */
  probe: 2 * MINUTE_MS,
  /** An audit of one repo begins before others that end first. */
  look: HOUR_MS,
  /** Who does a task for all processes claims it for half a minute at a time. */
  claim: 2 * MINUTE_MS,
  /** A relay is asked again for an account after six hours at the latest. */
  sighting: 7 * HOUR_MS,
  /** What a worker says of itself: the clocks of machines differ by less. */
  beat: 10 * MINUTE_MS,
} as const

/** Whether a stored time lies further ahead of the clock than its kind allows. @param furthest in ms, as in {@link FURTHEST} */
export function isVoid(time: number, now: number, furthest: number): boolean {
  return time > now + furthest
}

/** When to act by a time that was noted: its own time, or now where that is void. @param furthest in ms */
export function orNow(time: number, now: number, furthest: number): number {
  return isVoid(time, now, furthest) ? now : time
}

/**
 * Whether the time has come to look again, for one who looks every `everyMs` and remembers when next. A time that lies
 * further ahead was remembered while the clock was wrong.
 */
export function isTimeTo(nextAt: number, now: number, everyMs: number): boolean {
  return nextAt <= now || isVoid(nextAt, now, everyMs)
}
