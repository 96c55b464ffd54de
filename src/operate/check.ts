/** One thing that `moods doctor` has looked at. */

export interface Check {
  readonly name: string
  readonly level: 'ok' | 'warning' | 'problem'
  readonly message: string
  /** What to do about it; null where nothing is to be done. */
  readonly remedy: string | null
}

export type Checks = AsyncGenerator<Check, void, undefined>

export function ok(name: string, message: string): Check {
  return { name, level: 'ok', message, remedy: null }
}
export function warning(name: string, message: string, remedy: string): Check {
  return { name, level: 'warning', message, remedy }
}
export function problem(name: string, message: string, remedy: string): Check {
  return { name, level: 'problem', message, remedy }
}
