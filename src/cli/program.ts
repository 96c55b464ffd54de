/** The command line: all commands, in the order of their use. Each has a file of its own. */

import { Command } from 'commander'
import { VERSION } from '../version.ts'
import { EXIT_CODES, EXIT_CODES_HELP, type Exit } from './exit.ts'
import { dress } from './help.ts'
import { accountsCommand } from './commands/accounts.ts'
import { auditCommand } from './commands/audit.ts'
import { backfillCommand } from './commands/backfill.ts'
import { completionCommand } from './commands/completion.ts'
import { dataCommand } from './commands/data.ts'
import { doctorCommand } from './commands/doctor.ts'
import { eraseCommand } from './commands/erase.ts'
import { federationCommand } from './commands/federation.ts'
import { lexiconCommand } from './commands/lexicon.ts'
import { relaysCommand } from './commands/relays.ts'
import { proofCommand } from './commands/proof.ts'
import { repairCommand } from './commands/repair.ts'
import { reportCommand } from './commands/report.ts'
import { retryCommand } from './commands/retry.ts'
import { rollbackCommand } from './commands/rollback.ts'
import { serveCommand } from './commands/serve.ts'
import { showCommand } from './commands/show.ts'
import { statusCommand } from './commands/status.ts'
import { storeCommand } from './commands/store.ts'

/** @param exit takes the exit code when a command ends without an error */
export function createProgram(exit: Exit): Command {
  const program = new Command('moods')
    .description('Keeps moods in your own database and publishes them to each user’s own ATProto repository.')
    .version(VERSION, '-v, --version', 'print the version')
    .addCommand(serveCommand('all', 'API, page and engine in one process; with no configuration, a PDS as well'))
    .addCommand(serveCommand('serve', 'API and page, without the engine'))
    .addCommand(serveCommand('worker', 'the engine alone, on the store of a server'))
    .addCommand(doctorCommand(exit))
    .addCommand(statusCommand(exit))
    .addCommand(showCommand(exit))
    .addCommand(lexiconCommand(exit))
    .addCommand(federationCommand(exit))
    .addCommand(accountsCommand(exit))
    .addCommand(relaysCommand(exit))
    .addCommand(backfillCommand(exit))
    .addCommand(auditCommand(exit))
    .addCommand(proofCommand(exit))
    .addCommand(repairCommand(exit))
    .addCommand(retryCommand(exit))
    .addCommand(reportCommand(exit))
    .addCommand(rollbackCommand(exit))
    .addCommand(eraseCommand(exit))
    .addCommand(dataCommand(exit))
    .addCommand(storeCommand(exit))
    .addCommand(completionCommand())
    .addHelpText('after', `\nExit codes:\n${EXIT_CODES.map(({ code, meaning }) => `  ${code}  ${meaning}`).join('\n')}`)
    .showHelpAfterError('(moods --help lists what there is)')
  dress(program)
  for (const command of commandsOf(program)) {
    dress(command)
    if (command.commands.length === 0) command.addHelpText('after', EXIT_CODES_HELP)
  }
  return program
}

/** All commands below this one. */
export function commandsOf(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...commandsOf(each)])
}

/** The words that name a command, without `moods`. */
export function nameOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name()
}
