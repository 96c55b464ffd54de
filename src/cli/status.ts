/** `moods status`: what there is and how it stands; also while the server runs. */

import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { DataFolder } from '../data-folder.ts'
import { DomainError } from '../domain/errors.ts'
import { networkUrls, storedPorts } from '../embedded/ports.ts'
import { openSqlite } from '../store/sqlite/index.ts'

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
}

async function readStatus(): Promise<Status> {
  const config = readConfig(process.env, { serves: false })
  const folder = new DataFolder(config.dataFolder)
  if (!existsSync(folder.database)) {
    throw new DomainError(
      'data_folder',
      `there is nothing in ${folder.path} yet: "npm start" makes it (MOODS_DATA names another folder)`,
    )
  }
  await using store = openSqlite(folder.database, { mustExist: true })
  const ports = storedPorts(folder)
  const urls = ports && networkUrls(ports)
  const server = folder.readJson('server.json') as { address: string } | null
  return {
    address: server?.address ?? null,
    running: folder.isLocked(),
    pds: config.remote?.url ?? urls?.pdsUrl ?? null,
    plc: config.remote?.plcUrl ?? urls?.plcUrl ?? null,
    store: store.name,
    moods: await store.moods.count(),
    accounts: await store.accounts.count(),
  }
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
    .join(', ')
}

function describe(status: Status): string {
  return [
    `server    ${status.address ?? 'never started'}${status.running ? '' : ' (not running)'}`,
    `PDS       ${status.pds ?? 'none yet'}`,
    `PLC       ${status.plc ?? 'none yet'}`,
    `store     ${status.store}`,
    `moods     ${counts(status.moods)}`,
    `accounts  ${counts(status.accounts)}`,
  ].join('\n')
}
