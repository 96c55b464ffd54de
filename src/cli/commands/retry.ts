/** `moods retry`: puts back to work what was given up. */

import { counted } from '../../domain/tally.ts'
import { Command } from 'commander'
import type { Retried } from '../../operate/retry.ts'
import type { Ending, Exit } from '../exit.ts'
import { openStore, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'

interface Options {
  readonly reason?: string
  readonly execute?: boolean
  readonly json?: boolean
}

export function retryCommand(exit: Exit): Command {
  return new Command('retry')
    .description('puts rejected moods, and accounts that need attention, back to work')
    .option('--reason <code>', 'only those that were refused with this code, as "moods status" prints it')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .action(async (options: Options) => exit(await run(options)))
}

function run({ reason, ...options }: Options): Promise<Ending> {
  const { execute = false } = options
  const code = reason ?? null
  return runTask(openStore, 'retry', options, {
    work: async ({ store }, { onProgress, stop }) => {
      const { retry } = await import('../../operate/retry.ts')
      return retry({ store, clock: { now: Date.now } }, { code, execute }, onProgress, stop)
    },
    text: describe,
    json: (result) => result,
    ending: () => ({ needsSomebody: false, complete: true }),
  })
}

function describe({ executed, moods, accounts }: Retried): string {
  const verb = executed ? 'Put back to work' : 'Would put back to work (--execute does it)'
  return `${verb}: ${counted(moods, 'mood')}, ${counted(accounts, 'account')}.`
}
