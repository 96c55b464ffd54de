/** The time of day. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}
