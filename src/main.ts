/** The command line's entry, and the only place that sets the exit code. */

import { exitCodeAfter } from './cli/exit.ts'
import { createProgram } from './cli/program.ts'

process.exitCode = await exitCodeAfter((exit) => createProgram(exit).parseAsync())
