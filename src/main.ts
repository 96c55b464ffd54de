/** The command line: which commands there are. Each lives in its own file under `cli/`. */

import { Command } from 'commander'
import { exitCodeOf, report } from './cli/exit.ts'
import { retryCommand } from './cli/retry.ts'
import { serveCommand } from './cli/serve.ts'
import { statusCommand } from './cli/status.ts'
import { storeCommand } from './cli/store-copy.ts'

const program = new Command('moods')
  .description('Keeps moods in your own database and publishes them to each user’s own ATProto repository.')
  .addCommand(serveCommand('all', 'API, page and engine in one process; with no configuration, a PDS as well'))
  .addCommand(serveCommand('serve', 'API and page, without the engine'))
  .addCommand(serveCommand('worker', 'the engine alone, on the store of a server'))
  .addCommand(statusCommand())
  .addCommand(retryCommand())
  .addCommand(storeCommand())
  .showHelpAfterError('(moods --help lists what there is)')
  .exitOverride()

for (const command of program.commands.flatMap((each) => [each, ...each.commands])) command.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  report(error)
  process.exitCode = exitCodeOf(error)
}
