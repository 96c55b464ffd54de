/** `moods accounts provision` and `moods accounts seal`: make accounts, and seal their passwords. */

import { counted } from '../../domain/tally.ts'
import { Command } from 'commander'
import type { Provision } from '../../operate/provision.ts'
import { describeProvision, describeProvisionPlan, describeSealed, documentProvision } from '../describe/accounts.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION, USERS_ARGUMENT } from '../options.ts'

interface Options {
  readonly json?: boolean
  readonly execute?: boolean
}

const RESUME = '\nRun it again to resume an interrupted run.'

export function provisionCommand(exit: Exit): Command {
  return new Command('provision')
    .description('makes accounts for users who have moods or a handle, and no account')
    .argument(...USERS_ARGUMENT)
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', `\nThis publishes nothing, whatever federation says. Refused accounts are retried.${RESUME}`)
    .action(async (names: readonly string[], options: Options) => exit(await runProvision(names, options)))
}

export function sealCommand(exit: Exit): Command {
  return new Command('seal')
    .description('encrypts passwords that the database stores in plain text')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', `\nOlder backups keep the plain passwords.${RESUME}`)
    .action(async (options: Options) => exit(await runSeal(options)))
}

function runProvision(names: readonly string[], options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'accounts provision', options, {
    work: async (app, { onProgress, stop, plan }) => {
      const { provisionAccounts } = await import('../../operate/provision.ts')
      const onPlan = (planned: Omit<Provision, 'result'>): void => plan(describeProvisionPlan(planned))
      return provisionAccounts(app, names, execute, onPlan, onProgress, stop)
    },
    text: (result, isInterrupted) => describeProvision(result, Date.now(), isInterrupted),
    json: documentProvision,
    ending: ({ result }) => ({
      needsSomebody: result !== null && result.failed.length > 0,
      complete: result === null || result.notReached === 0,
    }),
  })
}

function runSeal(options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'accounts seal', options, {
    work: async (app, { onProgress, stop, announce }) => {
      const { sealPasswords } = await import('../../operate/seal-passwords.ts')
      const onFound = (plain: number): void =>
        execute ? announce(`Sealing ${counted(plain, 'password')}.`) : undefined
      return sealPasswords(app, execute, onFound, onProgress, stop)
    },
    text: describeSealed,
    json: (result) => result,
    ending: ({ failed }) => ({ needsSomebody: failed > 0, complete: true }),
  })
}
