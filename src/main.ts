/** The command line's entry, and the only place that sets the exit code. */

import { runCommandLine } from './cli/run.ts'

process.exitCode = await runCommandLine(process.argv.slice(2))
