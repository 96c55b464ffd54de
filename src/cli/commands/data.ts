/** `moods data`: what is odd in the database. */

import { Command } from 'commander'
import { describeDataCheck, documentDataCheck, LISTED } from '../describe/data.ts'
import type { Ending, Exit } from '../exit.ts'
import { openStore, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'
import { mendCommand } from './data-mend.ts'

interface CheckOptions {
  readonly list?: boolean
  readonly json?: boolean
}

export function dataCommand(exit: Exit): Command {
  const check = new Command('check')
    .description('reads everything that is stored, and says what is odd in it, why, and what mends it; changes nothing')
    .option('--list', `print every odd document, and not only the first ${LISTED}`)
    .option(...JSON_OPTION)
    .action(async (options: CheckOptions) => exit(await runCheck(options)))
  return new Command('data')
    .description('finds and mends documents that cannot be read for certain')
    .addCommand(check)
    .addCommand(mendCommand(exit))
}

function runCheck({ list = false, ...options }: CheckOptions): Promise<Ending> {
  const most = list || options.json ? Infinity : LISTED
  return runTask(openStore, 'data check', options, {
    work: async ({ store }, { onProgress, stop }) => {
      const { checkData } = await import('../../operate/data-check.ts')
      return checkData({ store, clock: { now: Date.now } }, { most }, onProgress, stop)
    },
    text: describeDataCheck,
    json: documentDataCheck,
    ending: ({ complete, odd }) => ({ needsSomebody: false, complete, odd: odd > 0 }),
  })
}
