/**
 * How a command runs: it opens what it needs, works until it is done or interrupted, and prints its result.
 *
 * Commands load what they work with when they run: whoever only asks for help would wait for all of it.
 */

import type { App } from '../app.ts'
import { readConfig } from '../config.ts'
import { DomainError } from '../domain/errors.ts'
import type { OnProgress } from '../operate/deps.ts'
import type { Store } from '../ports/store.ts'
import { printDocument } from './envelope.ts'
import type { Located } from './existing.ts'
import { type Ending, exitCodeOf } from './exit.ts'
import { untilInterrupted } from './interrupt.ts'
import type { DocumentOf, Documented } from './json/documents.ts'
import { preferSmallHeap } from './memory.ts'
import { Progress } from './progress.ts'

/**
 * Opens the installation. Its engine runs only while a command runs it. Where the environment asks for another policy on
 * federation than the one in force, that is said on standard error.
 *
 * @throws DomainError `config`, `data_folder`, `unavailable`
 */
export async function openInstallation(): Promise<App> {
  preferSmallHeap()
  const config = readConfig(process.env, { serves: false })
  const [{ DataFolder }, { requireExisting, sayIfOnlyRead }, { otherStoreOfCommand }] = await Promise.all([
    import('../data-folder.ts'),
    import('./existing.ts'),
    import('./other-store.ts'),
  ])
  const folder = new DataFolder(config.dataFolder)
  const note = otherStoreOfCommand(config, folder)
  if (note !== null) console.error(note)
  requireExisting(config, folder)
  const [{ createApp }, { createLog }, { ignoredText, policyText }] = await Promise.all([
    import('../app.ts'),
    import('../observe/log.ts'),
    import('../domain/policy.ts'),
  ])
  // Standard output is for the result; errors on the way go to standard error.
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel)
  const app = await createApp(config, 'command', { log })
  sayIfOnlyRead(app.store)
  const ignored = ignoredText(config.federation, app.policy)
  if (ignored !== null) {
    const inForce = policyText(app.policy.policy)
    console.error(`FEDERATION in this environment says ${ignored}; that is not followed: federation is ${inForce}.`)
  }
  return app
}

/** Opens only the store of the installation. @throws DomainError `config`, `data_folder`, `unavailable` */
export async function openStore(): Promise<Located> {
  const { locate, openExisting } = await import('./existing.ts')
  return locate(openExisting)
}

/** Opens only the store, and for reading where it can. @throws DomainError `config`, `data_folder`, `unavailable` */
export async function openStoreForReading(): Promise<Located> {
  const { locate, readExisting } = await import('./existing.ts')
  return locate(readExisting)
}

/** What a command is given while it runs. */
interface Running {
  readonly onProgress: OnProgress
  /** Fires at Ctrl+C. */
  readonly stop: AbortSignal
  /** Prints a line on standard error, before the result. */
  readonly announce: (line: string) => void
  /** Prints a line of the result for people as soon as it is known; with `--json` the result is one document at the end. */
  readonly print: (line: string) => void
  /** Prints what is going to be done, before it is: part of the result for people; with `--json`, on standard error. */
  readonly plan: (lines: string) => void
}

/** The parts of a command that differ from one to the next. */
export interface Task<C extends Documented, Opened, Result> {
  /** What the command does. */
  readonly work: (opened: Opened, running: Running) => Promise<Result>
  /** The result for people, as far as it is not printed yet; nothing is printed for an empty text. */
  readonly text: (result: Result, isInterrupted: boolean) => string
  /** The result for programs. */
  readonly json: (result: Result) => DocumentOf<C>
  /** How it ended; a command that was interrupted is never complete. */
  readonly ending: (result: Result) => Ending
}

/** Opens nothing, for commands that need no installation. */
export function openNothing(): Promise<AsyncDisposable> {
  return Promise.resolve(new AsyncDisposableStack())
}

/** What a command works with; most have a store. */
type Openable = AsyncDisposable & { readonly store?: Pick<Store, 'onlyRead'> }

/**
 * Opens, works, prints the result as text or as one JSON document on standard output, and closes. Ctrl+C stops the work.
 *
 * @param command its name, without `moods`
 * @returns how it ended
 * @throws DomainError `config` where it is to be executed on a store that may only be read, before it has done anything
 */
export async function runTask<C extends Documented, Opened extends Openable, Result>(
  open: () => Promise<Opened>,
  command: C,
  { json: asJson = false, execute = false }: { readonly json?: boolean; readonly execute?: boolean },
  { work, text, json, ending }: Task<C, Opened, Result>,
): Promise<Ending> {
  using interrupted = untilInterrupted()
  const { signal: stop } = interrupted
  await using opened = await open()
  const onlyRead = opened.store?.onlyRead ?? null
  if (execute && onlyRead !== null) throw new DomainError('config', onlyRead)
  const print = (lines: string): void => (asJson || lines === '' ? undefined : console.log(lines))
  const result = await withProgress((onProgress, clear) => {
    const announce = (lines: string): void => (clear(), console.error(lines))
    const printNow = (lines: string): void => (clear(), print(lines))
    return work(opened, { onProgress, stop, announce, print: printNow, plan: asJson ? announce : printNow })
  })
  const end = ending(result)
  const ended = { ...end, complete: end.complete && !stop.aborted }
  if (asJson) printDocument({ command, ok: exitCodeOf(ended) === 0, complete: ended.complete }, json(result))
  else print(text(result, stop.aborted))
  return ended
}

/** Shows the progress of some work, and leaves nothing of it on the terminal. */
async function withProgress<T>(work: (onProgress: OnProgress, clear: () => void) => Promise<T>): Promise<T> {
  using progress = new Progress()
  return await work(
    (what, done, total, waitsUntil) => progress.show(what, done, total, waitsUntil),
    () => progress[Symbol.dispose](),
  )
}
