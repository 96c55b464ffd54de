/** Time: of the day, and while something is waited for. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

/** A clock that the processes of an installation share. */
export interface AgreedClock extends Clock {
  /** The time, in ms since 1970, after another look at what the others have where this machine's clock has jumped. */
  agreed(): Promise<number>
}

/** How long something takes, and pauses. */
export interface Timer {
  /** Milliseconds from any origin. Unlike the time of day, it is never put back. */
  now(): number
  /** Resolves after `ms` milliseconds, or when `stop` fires. */
  pause(ms: number, stop: AbortSignal): Promise<void>
}
