/** `moods status`: where an installation is, how many moods and accounts are in each state, and what keeps it from working. */

import { Command } from 'commander'
import { describeStatus, documentStatus } from '../describe/status.ts'
import type { Ending, Exit } from '../exit.ts'
import { openStoreForReading, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'

interface Options {
  readonly json?: boolean
}

export function statusCommand(exit: Exit): Command {
  return new Command('status')
    .description(
      'prints how many moods and accounts are in each state, where everything is, whether a worker is alive, and what ' +
        'waits for how long, and why; changes nothing',
    )
    .option(...JSON_OPTION)
    .addHelpText('after', '\nEnds with 1 where something is a problem, as "moods doctor" does.')
    .action(async (options: Options) => exit(await run(options)))
}

function run(options: Options): Promise<Ending> {
  return runTask(openStoreForReading, 'status', options, {
    work: async ({ config, folder, store }) => {
      const { readStatus } = await import('../../operate/status.ts')
      return readStatus(config, folder, store, { now: () => Date.now() })
    },
    text: describeStatus,
    json: documentStatus,
    ending: ({ notices }) => ({ needsSomebody: notices.some(({ level }) => level === 'problem'), complete: true }),
  })
}
