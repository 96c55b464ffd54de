/** How a command ends: 0 success, 1 failure, 2 wrong usage or configuration, 3 PDS or database does not answer. */

import { CommanderError } from 'commander'
import { DomainError, type ErrorCode } from '../domain/errors.ts'

const EXIT_CODES: Partial<Readonly<Record<ErrorCode, number>>> = { usage: 2, config: 2, unavailable: 3 }

/** Takes the exit code of a command that has come to its end. */
export type Exit = (code: number) => void

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof DomainError ? (EXIT_CODES[error.code] ?? 1) : 1
}

/** Prints one clear line for an expected failure, the whole trace for a defect. */
export function printError(error: unknown): void {
  if (error instanceof CommanderError) return
  if (error instanceof DomainError) {
    for (const line of error.message.split('\n')) console.error(`moods: ${line}`)
  } else {
    console.error(error)
  }
}
