/** The command line's entry, and the only place that sets the exit code. */

import { runCommandLine } from './cli/run.ts'

// A reader that has seen enough, as in `moods report | head`, is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
process.exitCode = await runCommandLine(process.argv.slice(2))
