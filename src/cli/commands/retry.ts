/** `moods retry`: tries again what was given up. */

import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { DataFolder } from '../../data-folder.ts'
import { openExisting } from '../existing.ts'

interface Options {
  readonly reason?: string
  readonly execute?: boolean
  readonly json?: boolean
}

const PAGE = 500

export function retryCommand(): Command {
  return new Command('retry')
    .description('puts rejected moods, and accounts that need attention, back to work')
    .option('--reason <code>', 'only those that were refused with this code, as "moods status" names it')
    .option('--execute', 'do it; without this, only say how many it would be')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: Options) => {
      const found = await retry(options)
      const verb = options.execute ? 'Put back to work' : 'Would put back to work (--execute does it)'
      console.log(options.json ? JSON.stringify(found) : `${verb}: ${found.moods} moods, ${found.accounts} accounts.`)
    })
}

/** How many moods and accounts are, or would be, tried again. */
async function retry({ reason, execute = false }: Options) {
  const config = readConfig(process.env, { serves: false })
  await using store = await openExisting(config, new DataFolder(config.dataFolder))
  const only = (counts: Readonly<Record<string, number>>): number =>
    Object.entries(counts).reduce((sum, [code, n]) => (reason === undefined || code === reason ? sum + n : sum), 0)
  if (!execute) {
    const [moods, accounts] = [await store.work.count(), await store.accounts.count()]
    return { executed: false, moods: only(moods.rejected), accounts: only(accounts.attention) }
  }
  const code = reason ?? null
  const now = Date.now()
  let accounts = 0
  for (let n; (n = await store.accounts.retry(code, PAGE)) > 0;) accounts += n
  let moods = 0
  for (let n; (n = await store.work.retry(code, now, PAGE)) > 0;) moods += n
  for (let cursor: string | null = ''; cursor !== null;) cursor = await store.repos.sweep(cursor, PAGE, now)
  return { executed: true, moods, accounts }
}
