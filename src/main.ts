/** The command line's entry, and the only place that sets the exit code. */

import { type Exit, exitCodeOf, printError } from './cli/exit.ts'
import { createProgram } from './cli/program.ts'

const exit: Exit = (code) => {
  process.exitCode = code
}

try {
  await createProgram(exit).parseAsync()
} catch (error) {
  printError(error)
  exit(exitCodeOf(error))
}
