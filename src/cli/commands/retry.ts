/** `moods retry`: puts back to work what was given up. */

import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { DataFolder } from '../../data-folder.ts'
import { retry } from '../../operate/retry.ts'
import { openExisting } from '../existing.ts'
import type { Exit } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly reason?: string
  readonly execute?: boolean
  readonly json?: boolean
}

export function retryCommand(exit: Exit): Command {
  return new Command('retry')
    .description('puts rejected moods, and accounts that need attention, back to work')
    .option('--reason <code>', 'only those that were refused with this code, as "moods status" names it')
    .option('--execute', 'do it; without this, only count')
    .option('--json', 'one JSON document on standard output')
    .action(async ({ reason, execute = false, json }: Options) => {
      const config = readConfig(process.env, { serves: false })
      await using store = await openExisting(config, new DataFolder(config.dataFolder))
      using interrupt = untilInterrupted()
      using progress = new Progress()
      const found = await retry(
        { store, clock: { now: Date.now } },
        { code: reason ?? null, execute },
        (what, done, total) => progress.show(what, done, total),
        interrupt.signal,
      )
      const verb = execute ? 'Put back to work' : 'Would put back to work (--execute does it)'
      console.log(json ? JSON.stringify(found) : `${verb}: ${found.moods} moods, ${found.accounts} accounts.`)
      exit({ needsSomebody: false, complete: !interrupt.signal.aborted })
    })
}
