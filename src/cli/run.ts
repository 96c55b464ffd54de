/** Runs a command line to its end, whatever that is. */

import type { Command } from 'commander'
import { printDocument } from './envelope.ts'
import { describeError, type ExitCode, exitCodeOf, exitCodeOfError, printError } from './exit.ts'
import { commandsOf, createProgram, nameOf } from './program.ts'
import { requireCommand } from './unknown-word.ts'

/**
 * Runs one command. An error is printed on standard error; with `--json` there is a document on standard output as well,
 * once it is known which command it is of.
 *
 * @param args without the name of the program
 * @returns the exit code
 */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0
  let current: Command | null = null
  const program = createProgram((ending) => {
    code = exitCodeOf(ending)
  })
  program.hook('preAction', (_, command) => {
    current = command
  })
  for (const command of [program, ...commandsOf(program)]) {
    command.exitOverride((error) => {
      current = command
      throw error
    })
  }
  try {
    requireCommand(program, args)
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    code = exitCodeOfError(error)
    if (code !== 0) printFailure(error, current, args)
    return code
  }
}

function printFailure(error: unknown, command: Command | null, args: readonly string[]): void {
  printError(error)
  if (!args.includes('--json') || !command?.options.some(({ long }) => long === '--json')) return
  printDocument({ command: nameOf(command), ok: false, complete: false }, { error: describeError(error) })
}
