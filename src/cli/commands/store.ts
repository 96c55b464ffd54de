/** `moods store copy`: copies the embedded store to a MongoDB. */

import { Command } from 'commander'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { moveStore, type StoreCopy } from '../../operate/copy-store.ts'
import { DataFolder } from '../../data-folder.ts'
import { DomainError } from '../../domain/errors.ts'
import { localFile, openStore, parseStoreAddress } from '../../store/open.ts'
import type { Ending, Exit } from '../exit.ts'
import { runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'

interface Options {
  readonly from: string
  readonly to: string
  readonly name: string
  readonly execute?: boolean
  readonly json?: boolean
}

export function storeCommand(exit: Exit): Command {
  return new Command('store').description('copies the whole store to another database').addCommand(
    new Command('copy')
      .description('copies the embedded database to a MongoDB, and compares both')
      .requiredOption('--from <store>', 'sqlite:PATH of the database, as "moods status" prints it')
      .requiredOption('--to <store>', 'mongodb://… address of the server')
      .option('--name <database>', 'name of the database there', 'aesthetic')
      .option('--execute', 'do it; without this, only compare')
      .option(...JSON_OPTION)
      .addHelpText('after', '\nStop the server and its workers first. Run it again to resume an interrupted run.')
      .action(async (options: Options) => exit(await copy(options))),
  )
}

/** @throws DomainError `usage`, `data_folder` */
function copy({ from: source, to: target, name, execute = false, ...options }: Options): Promise<Ending> {
  const [from, to] = [parseStoreAddress(source, name), parseStoreAddress(target, name)]
  const file = localFile(from)
  if (file === null || localFile(to) !== null)
    throw new DomainError('usage', '--from is sqlite:PATH, and --to a MongoDB')
  if (!existsSync(file)) throw new DomainError('data_folder', `there is no ${file}`)
  const open = async () => {
    await using opening = new AsyncDisposableStack()
    // A running server would change the source meanwhile.
    opening.use(new DataFolder(dirname(file)).lock())
    const stores = { from: opening.use(await openStore(from, '')), to: opening.use(await openStore(to, '')) }
    const opened = opening.move()
    return { ...stores, [Symbol.asyncDispose]: () => opened.disposeAsync() }
  }
  return runTask(open, 'store copy', options, {
    work: (stores, { onProgress, stop }) =>
      moveStore(stores.from.archive, stores.to.archive, execute, onProgress, stop),
    text: describe,
    json: (result) => result,
    ending: ({ complete, equal }) => ({ needsSomebody: complete && !equal, complete }),
  })
}

function describe({ executed, written, equal, compared }: StoreCopy, isInterrupted: boolean): string {
  const rows = compared.map(({ kind, from, to, equal: same }) => {
    return `${kind.padEnd(10)}${String(from).padStart(9)} there, ${String(to).padStart(9)} here  ${same ? 'equal' : 'NOT EQUAL'}`
  })
  if (isInterrupted) return `${written} written. ${INTERRUPTED}`
  if (equal) return [...rows, `${written} written; both are equal.`].join('\n')
  return [...rows, executed ? 'They are not equal.' : DRY_RUN].join('\n')
}
