/** `moods store copy`: copies the embedded store to a MongoDB. */

import { Command } from 'commander'
import { counted } from '../../domain/tally.ts'
import type { StoreCopy } from '../../operate/copy-store.ts'
import { colour } from '../colour.ts'
import type { Ending, Exit } from '../exit.ts'
import { runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'

interface Options {
  readonly from: string
  readonly to: string
  readonly name?: string
  readonly execute?: boolean
  readonly json?: boolean
}

export function storeCommand(exit: Exit): Command {
  return new Command('store').description('copies the whole store to another database').addCommand(
    new Command('copy')
      .description('copies the embedded database to a MongoDB, and compares both')
      .requiredOption('--from <store>', 'sqlite:PATH of the database, as "moods status" prints it')
      .requiredOption('--to <store>', 'mongodb://… address of the server')
      .option('--name <database>', 'name of the database there; by default the one in its address, or aesthetic')
      .option('--execute', 'do it; without this, only compare')
      .option(...JSON_OPTION)
      .addHelpText('after', '\nStop the server and its workers first. Run it again to resume an interrupted run.')
      .action(async (options: Options) => exit(await copy(options))),
  )
}

function copy({ from, to, name, ...options }: Options): Promise<Ending> {
  const { execute = false } = options
  const open = async () => (await import('../two-stores.ts')).openBoth(from, to, name ?? null)
  return runTask(open, 'store copy', options, {
    work: async (stores, { onProgress, stop }) => {
      const { moveStore } = await import('../../operate/copy-store.ts')
      return moveStore(stores.from, stores.to, execute, onProgress, stop)
    },
    text: describe,
    json: (result) => result,
    ending: ({ complete, equal, odd }) => ({ needsSomebody: complete && (!equal || odd > 0), complete }),
  })
}

function describe({ executed, written, equal, compared, odd }: StoreCopy, isInterrupted: boolean): string {
  const rows = compared.map(({ kind, from, to, equal: same }) => {
    return `${kind.padEnd(10)}${String(from).padStart(9)} there, ${String(to).padStart(9)} here  ${same ? 'equal' : colour('problem', 'NOT EQUAL')}`
  })
  if (odd > 0)
    rows.push(
      `${counted(odd, 'row')} of the source cannot be read for certain, and ${odd === 1 ? 'stays' : 'stay'} behind: "moods data check" names what is odd.`,
    )
  if (isInterrupted) return `${written} written. ${INTERRUPTED}`
  if (equal) return [...rows, `${written} written; both are equal.`].join('\n')
  return [...rows, executed ? 'They are not equal.' : DRY_RUN].join('\n')
}
