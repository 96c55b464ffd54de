/** `moods accounts`: lists and checks the accounts of users. */

import { Command } from 'commander'
import { describeCheck, describeList, documentCheck, documentList } from '../describe/accounts.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { JSON_OPTION, USERS_ARGUMENT } from '../options.ts'
import { provisionCommand, sealCommand } from './accounts-change.ts'
import { rehostCommand, replaceCommand } from './accounts-move.ts'

interface Options {
  readonly json?: boolean
  readonly without?: boolean
  readonly after?: string
}

export function accountsCommand(exit: Exit): Command {
  const list = new Command('list')
    .description('lists all users with handle, account, DID and the reason why an account cannot be used')
    .option('--without', 'only users who have moods and no account')
    .option(...JSON_OPTION)
    .action(async (options: Options) => exit(await runList(options)))
  const check = new Command('check')
    .description('compares accounts with the PLC directory and their PDS; changes nothing')
    .argument(...USERS_ARGUMENT)
    .option('--after <sub>', 'begin after this user, as an interrupted run prints it')
    .option(...JSON_OPTION)
    .action(async (names: readonly string[], options: Options) => exit(await runCheck(names, options)))
  return new Command('accounts')
    .description('lists, makes, seals, checks, moves and replaces the accounts of users')
    .addCommand(list)
    .addCommand(provisionCommand(exit))
    .addCommand(sealCommand(exit))
    .addCommand(rehostCommand(exit))
    .addCommand(replaceCommand(exit))
    .addCommand(check)
}

function runList(options: Options): Promise<Ending> {
  return runTask(openInstallation, 'accounts list', options, {
    work: async ({ store }, { onProgress, stop }) => {
      const { listAccounts } = await import('../../operate/accounts.ts')
      return listAccounts(store, options.without ?? false, onProgress, stop)
    },
    text: describeList,
    json: documentList,
    ending: ({ complete }) => ({ needsSomebody: false, complete }),
  })
}

function runCheck(names: readonly string[], options: Options): Promise<Ending> {
  return runTask(openInstallation, 'accounts check', options, {
    work: async (app, { onProgress, stop }) => {
      const { checkAccounts } = await import('../../operate/account-check.ts')
      return checkAccounts(app, names, options.after ?? '', onProgress, stop)
    },
    text: (result) => describeCheck(result, Date.now()),
    json: documentCheck,
    ending: ({ findings, notReached, stoppedAfter }) => ({
      needsSomebody: findings.length > 0,
      complete: stoppedAfter === null && notReached === 0,
    }),
  })
}
