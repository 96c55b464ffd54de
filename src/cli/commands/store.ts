/** `moods store copy`: from the embedded store to a MongoDB. */

import { Command } from 'commander'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Comparison, compareStores, copyStore } from '../../operate/copy-store.ts'
import { DataFolder } from '../../data-folder.ts'
import { DomainError } from '../../domain/errors.ts'
import type { Store } from '../../ports/store.ts'
import { openStore, type StoreAddress } from '../../store/open.ts'
import { untilInterrupted } from '../interrupt.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly from: string
  readonly to: string
  readonly name: string
  readonly execute?: boolean
  readonly json?: boolean
}

export function storeCommand(): Command {
  return new Command('store')
    .description('moves everything that is kept to another database')
    .addCommand(
      new Command('copy')
        .description('copies the embedded database to a MongoDB, and compares both; an interrupted run is gone on with')
        .requiredOption('--from <store>', 'sqlite:PATH of the database, as "moods status" names it')
        .requiredOption('--to <store>', 'mongodb://… address of the server')
        .option('--name <database>', 'name of the database there', 'aesthetic')
        .option('--execute', 'do it; without this, only compare')
        .option('--json', 'one JSON document on standard output')
        .addHelpText(
          'after',
          '\nStop the server and its workers first. Ends with 0 when both are equal, 1 when they are not.',
        )
        .action(copy),
    )
}

async function copy(options: Options): Promise<void> {
  const [from, to] = [source(options.from), target(options.to, options.name)]
  using interrupted = untilInterrupted()
  const { signal } = interrupted
  // A server would go on changing what is being copied.
  await using open = new AsyncDisposableStack()
  open.use(new DataFolder(dirname(from.file)).lock())
  const [left, right] = [open.use(await openStore(from, '')), open.use(await openStore(to, ''))]
  const result = await run(left, right, options.execute === true, signal)
  if (options.json) console.log(JSON.stringify(result, null, 2))
  else console.log(describe(result, signal.aborted))
  if (!result.equal) process.exitCode = 1
}

interface Result {
  readonly executed: boolean
  readonly written: number
  readonly equal: boolean
  readonly compared: readonly Comparison[]
}

async function run(from: Store, to: Store, execute: boolean, stop: AbortSignal): Promise<Result> {
  using progress = new Progress()
  const step = (verb: string) => (at: { kind: string; done: number; total: number }) => {
    progress.show(`${verb} ${at.kind}`, at.done, at.total)
  }
  const written = execute ? await copyStore(from.archive, to.archive, step('copying'), stop) : 0
  const compared = await compareStores(from.archive, to.archive, step('comparing'), stop)
  const equal = !stop.aborted && compared.every((kind) => kind.equal)
  return { executed: execute, written, equal, compared }
}

function describe({ executed, written, equal, compared }: Result, isInterrupted: boolean): string {
  const rows = compared.map(({ kind, from, to, equal: same }) => {
    return `${kind.padEnd(10)}${String(from).padStart(9)} there, ${String(to).padStart(9)} here  ${same ? 'equal' : 'NOT EQUAL'}`
  })
  if (isInterrupted) return `Stopped: ${written} written. The same command goes on where this one stopped.`
  if (equal) return [...rows, `${written} written; both are equal.`].join('\n')
  return [...rows, executed ? 'They are not equal.' : 'Nothing was written (--execute does it).'].join('\n')
}

/** @throws DomainError `usage`, `data_folder` */
function source(text: string): Extract<StoreAddress, { kind: 'sqlite' }> {
  const path = /^sqlite:(.+)$/.exec(text)?.[1]
  if (path === undefined) throw new DomainError('usage', '--from is sqlite: and the path of a database')
  const file = resolve(path)
  if (!existsSync(file)) throw new DomainError('data_folder', `there is no ${file}`)
  return { kind: 'sqlite', file }
}

/** @throws DomainError `usage` */
function target(uri: string, database: string): StoreAddress {
  if (!/^mongodb(\+srv)?:\/\/./.test(uri)) throw new DomainError('usage', '--to is the address of a MongoDB')
  return { kind: 'mongodb', uri, database }
}
