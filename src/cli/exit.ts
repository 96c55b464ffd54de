/** How a command ends: the one table of exit codes, and the only function that chooses from it. */

import { styleText } from 'node:util'
import { CommanderError } from 'commander'
import { DomainError, type ErrorCode } from '../domain/errors.ts'

/** What each exit code means, for every command alike. */
export const EXIT_CODES = [
  { code: 0, meaning: 'done, and nothing is wrong' },
  { code: 1, meaning: 'something was found, refused or left undone that needs somebody' },
  { code: 2, meaning: 'wrong usage or configuration' },
  {
    code: 3,
    meaning:
      'not everything could be read or reached: PDS or database silent, or Ctrl+C (run it again); or odd data, which ' +
      '"moods data check" names',
  },
] as const

export type ExitCode = (typeof EXIT_CODES)[number]['code']

/** What a command says of its own end. What a dry run would do is its plan, and needs nobody yet. */
export interface Ending {
  /** Whether something was found, refused or left undone that running the command again does not mend. */
  readonly needsSomebody: boolean
  /** Whether everything was looked at and reached. */
  readonly complete: boolean
  /** Whether some of what was looked at is odd: nothing can be read in it for certain. */
  readonly odd?: boolean
}

/** Takes the end of a command. */
export type Exit = (ending: Ending) => void

/** What was found wins over what could not be reached: running the command again would not make it good. */
export function exitCodeOf({ needsSomebody, complete, odd = false }: Ending): ExitCode {
  if (needsSomebody) return 1
  return complete && !odd ? 0 : 3
}

const OF_ERRORS: Partial<Readonly<Record<ErrorCode, ExitCode>>> = { usage: 2, config: 2, unavailable: 3 }

/** The exit code of a command that ended with an error. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof DomainError ? (OF_ERRORS[error.code] ?? 1) : 1
}

/** For the help of every command: the table is printed in one place. */
export const EXIT_CODES_HELP = '\nExit codes: see moods --help.'

/** Prints one clear line for an expected failure, the whole trace for a defect. */
export function printError(error: unknown): void {
  if (error instanceof CommanderError) return
  if (error instanceof DomainError) {
    for (const line of error.message.split('\n'))
      console.error(`${styleText('red', 'moods:', { stream: process.stderr })} ${line}`)
  } else {
    console.error(error)
  }
}

/** What a program is told of an error: a stable code, and plain words. */
export function describeError(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof DomainError) return { code: error.code, message: error.message }
  if (error instanceof CommanderError) return { code: 'usage', message: error.message.replace(/^error: /, '') }
  return { code: 'internal', message: 'a defect of moods; the trace is on standard error' }
}
