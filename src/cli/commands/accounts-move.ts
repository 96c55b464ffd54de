/** `moods accounts rehost` and `moods accounts replace`: a PDS has another address; a user gets another account. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import type { Replacement } from '../../operate/replace.ts'
import { describeRehosted, describeReplaced, describeReplacePlan, documentReplaced } from '../describe/accounts-move.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION, USER } from '../options.ts'

interface Options {
  readonly json?: boolean
  readonly execute?: boolean
  readonly gone?: boolean
}

const RESUME = '\nRun it again to resume an interrupted run.'

export function rehostCommand(exit: Exit): Command {
  return new Command('rehost')
    .description('looks for accounts at the new address of their PDS')
    .argument('<old>', 'the address that is stored with the accounts')
    .argument('<new>', 'the address of the same PDS now')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', `\nOnly accounts whose repos the new address has are changed.${RESUME}`)
    .action(async (from: string, to: string, options: Options) => exit(await runRehost(from, to, options)))
}

export function replaceCommand(exit: Exit): Command {
  return new Command('replace')
    .description('gives new accounts to users whose old ones are gone from their PDS, shut, or moved away')
    .argument('[user...]', USER)
    .option('--gone', 'all users whose PDS has no repo of theirs any more')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', `\nThe old DID is kept. The moods are published to the new account.${RESUME}`)
    .action(async (names: readonly string[], options: Options) => exit(await runReplace(names, options)))
}

function runRehost(from: string, to: string, options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'accounts rehost', options, {
    work: async (app, { onProgress, stop }) => {
      const { rehost } = await import('../../operate/rehost.ts')
      return rehost(app, { from, to }, execute, onProgress, stop)
    },
    text: describeRehosted,
    json: (result) => result,
    ending: ({ notThere }) => ({ needsSomebody: notThere.length > 0, complete: true }),
  })
}

function runReplace(names: readonly string[], options: Options): Promise<Ending> {
  const { execute = false, gone = false } = options
  if (gone === names.length > 0) throw new DomainError('usage', 'name users, or give --gone')
  return runTask(openInstallation, 'accounts replace', options, {
    work: async (app, { onProgress, stop, plan }) => {
      const { replaceAccounts } = await import('../../operate/replace.ts')
      const onPlan = (planned: Omit<Replacement, 'result'>): void => plan(describeReplacePlan(planned))
      return replaceAccounts(app, gone ? 'gone' : names, execute, onPlan, onProgress, stop)
    },
    text: (result, isInterrupted) => describeReplaced(result, Date.now(), isInterrupted),
    json: documentReplaced,
    ending: ({ usable, notReached, result }) => ({
      needsSomebody: usable.length > 0 || (result?.failed.length ?? 0) > 0,
      complete: notReached === 0 && (result?.notReached ?? 0) === 0,
    }),
  })
}
