/** Time: of the day, and while something is waited for. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

/** How long something takes, and pauses. */
export interface Timer {
  /** Milliseconds from any origin. Unlike the time of day, it is never put back. */
  now(): number
  /** Resolves after `ms` milliseconds, or when `stop` fires. */
  pause(ms: number, stop: AbortSignal): Promise<void>
}
