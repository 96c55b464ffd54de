/** `moods status`: what there is and how it stands; also while the server runs. */

import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { DataFolder } from '../../data-folder.ts'
import { networkOf } from '../../network.ts'
import { openExisting } from '../existing.ts'

export function statusCommand(): Command {
  return new Command('status')
    .description('how many moods and accounts are in each state, and where everything is')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: { json?: boolean }) => {
      const status = await readStatus()
      console.log(options.json ? JSON.stringify(status, null, 2) : describe(status))
    })
}

interface Status {
  /** Where the API was last served; null if it never was. */
  readonly address: string | null
  readonly running: boolean
  readonly pds: string | null
  readonly plc: string | null
  readonly store: string
  readonly moods: Readonly<Record<string, number>>
  readonly accounts: Readonly<Record<string, number>>
  /** Why moods were rejected and accounts need attention, by code. */
  readonly reasons: {
    readonly rejected: Readonly<Record<string, number>>
    readonly needs_attention: Readonly<Record<string, number>>
  }
}

async function readStatus(): Promise<Status> {
  const config = readConfig(process.env, { serves: false })
  const folder = new DataFolder(config.dataFolder)
  await using store = await openExisting(config, folder)
  const network = networkOf(config, folder)
  const server = folder.readJson('server.json') as { address: string } | null
  const moods = await store.work.count()
  const accounts = await store.accounts.count()
  return {
    address: server?.address ?? null,
    running: folder.isLocked(),
    pds: network?.pdsUrl ?? null,
    plc: network?.plcUrl ?? null,
    store: store.name,
    moods: moods.states,
    accounts: accounts.states,
    reasons: { rejected: moods.rejected, needs_attention: accounts.attention },
  }
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
    .join(', ')
}

function stuck({ reasons }: Status): boolean {
  return Object.keys(reasons.rejected).length + Object.keys(reasons.needs_attention).length > 0
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
    ...Object.entries(status.reasons.needs_attention).map(([code, n]) => `  ${n} accounts need attention: ${code}`),
    ...(stuck(status) ? ['"moods retry" says what can be tried again'] : []),
  ].join('\n')
}
