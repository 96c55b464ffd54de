/** The curve of waits, shared by dead hosts, refused moods, and failed passes (`domain/next-try.ts`). */

const BASE_MS = 500
const MAX_MS = 30_000

/**
 * Clamped exponential back-off with jitter: between half and all of 0.5 s, 1 s, 2 s … 30 s.
 *
 * @param failures failures in a row, at least 1
 * @param random a number in [0, 1)
 * @returns milliseconds
 */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(MAX_MS, BASE_MS * 2 ** Math.min(failures - 1, 16))
  return Math.round(full * (0.5 + random / 2))
}
