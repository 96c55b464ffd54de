/** `moods status`: where an installation is, and how many moods and accounts are in each state. */

import { Command } from 'commander'
import type { Status } from '../../operate/status.ts'
import { documentStates } from '../describe/accounts.ts'
import type { Ending, Exit } from '../exit.ts'
import { openStoreForReading, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'

interface Options {
  readonly json?: boolean
}

export function statusCommand(exit: Exit): Command {
  return new Command('status')
    .description('prints how many moods and accounts are in each state, and where everything is; changes nothing')
    .option(...JSON_OPTION)
    .action(async (options: Options) => exit(await run(options)))
}

function run(options: Options): Promise<Ending> {
  return runTask(openStoreForReading, 'status', options, {
    work: async ({ config, folder, store }) => {
      const { readStatus } = await import('../../operate/status.ts')
      return readStatus(config, folder, store)
    },
    text: describe,
    json: (status) => ({ ...status, accounts: documentStates(status.accounts) }),
    ending: () => ({ needsSomebody: false, complete: true }),
  })
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
    .join(', ')
}

function stuck({ reasons }: Status): boolean {
  return Object.keys(reasons.rejected).length + Object.keys(reasons.needsAttention).length > 0
}

function describe(status: Status): string {
  return [
    `server    ${status.address ?? 'never started'}${status.running ? '' : ' (not running)'}`,
    `PDS       ${status.pds ?? 'none yet'}`,
    `PLC       ${status.plc ?? 'none yet'}`,
    `store     ${status.store}`,
    `moods     ${counts(status.moods)}`,
    `accounts  ${counts(status.accounts)}`,
    ...Object.entries(status.reasons.rejected).map(([code, n]) => `  ${n} rejected: ${code}`),
    ...Object.entries(status.reasons.needsAttention).map(([code, n]) => `  ${n} accounts need attention: ${code}`),
    ...(stuck(status) ? ['"moods retry" prints what can be retried'] : []),
  ].join('\n')
}
