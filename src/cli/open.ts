/** How a command runs: it opens what it needs, works until it is done or interrupted, and prints its result. */

import { type App, createApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { DataFolder } from '../data-folder.ts'
import { createLog } from '../observe/log.ts'
import type { OnProgress } from '../operate/deps.ts'
import { requireExisting } from './existing.ts'
import type { Ending } from './exit.ts'
import { untilInterrupted } from './interrupt.ts'
import { preferSmallHeap } from './memory.ts'
import { Progress } from './progress.ts'

/**
 * Opens the installation. Its engine runs only while a command runs it.
 *
 * @throws DomainError `config`, `data_folder`, `unavailable`
 */
export async function openInstallation(): Promise<App> {
  preferSmallHeap()
  const config = readConfig(process.env, { serves: false })
  requireExisting(config, new DataFolder(config.dataFolder))
  // Standard output is for the result; errors on the way go to standard error.
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel)
  return createApp(config, 'command', { log })
}

/** The parts of a command that differ from one to the next. */
export interface Task<Opened, Result> {
  /**
   * What the command does.
   *
   * @param announce prints a line on standard error, before the result
   */
  readonly work: (
    opened: Opened,
    onProgress: OnProgress,
    stop: AbortSignal,
    announce: (line: string) => void,
  ) => Promise<Result>
  /** The result for people; nothing is printed for an empty text. */
  readonly text: (result: Result, isInterrupted: boolean) => string
  /** How it ended; a command that was interrupted is never complete. */
  readonly ending: (result: Result) => Ending
}

/**
 * Opens, works, prints the result as text or as one JSON document on standard output, and closes. Ctrl+C stops the work.
 *
 * @returns how it ended
 */
export async function runTask<Opened extends AsyncDisposable, Result>(
  open: () => Promise<Opened>,
  { json = false }: { readonly json?: boolean },
  { work, text, ending }: Task<Opened, Result>,
): Promise<Ending> {
  using interrupted = untilInterrupted()
  const { signal } = interrupted
  await using opened = await open()
  const result = await withProgress((onProgress, announce) => work(opened, onProgress, signal, announce))
  const printed = json ? JSON.stringify(result, null, 2) : text(result, signal.aborted)
  if (printed !== '') console.log(printed)
  const { needsSomebody, complete } = ending(result)
  return { needsSomebody, complete: complete && !signal.aborted }
}

/** Shows the progress of some work, and leaves nothing of it on the terminal. */
async function withProgress<T>(
  work: (onProgress: OnProgress, announce: (line: string) => void) => Promise<T>,
): Promise<T> {
  using progress = new Progress()
  const announce = (line: string): void => {
    progress[Symbol.dispose]()
    console.error(line)
  }
  return await work((what, done, total) => progress.show(what, done, total), announce)
}
