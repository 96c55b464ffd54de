/** How a command ends: 0 fine, 1 failed, 2 called or configured wrongly, 3 something that is needed does not answer. */

import { CommanderError } from 'commander'
import { DomainError, type ErrorCode } from '../domain/errors.ts'

const EXIT_CODES: Partial<Readonly<Record<ErrorCode, number>>> = { usage: 2, config: 2, unavailable: 3 }

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof DomainError ? (EXIT_CODES[error.code] ?? 1) : 1
}

/** One clear line for what was to be expected; the whole trace for what was not. */
export function report(error: unknown): void {
  if (error instanceof CommanderError) return
  if (error instanceof DomainError) {
    for (const line of error.message.split('\n')) console.error(`moods: ${line}`)
  } else {
    console.error(error)
  }
}
