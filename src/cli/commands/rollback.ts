/** `moods rollback`: the way back, step by step. */

import { Command } from 'commander'
import type { App } from '../../app.ts'
import { DomainError } from '../../domain/errors.ts'
import { orderDeletion, restoreReferences, stripReferences } from '../../operate/rollback.ts'
import { workOff } from '../../operate/watch.ts'
import { chosenAccounts } from './audit.ts'
import { openInstallation } from '../open.ts'
import { untilInterrupted } from '../interrupt.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly stop?: boolean
  readonly stripReferences?: boolean
  readonly deleteRecords?: boolean
  readonly undo?: boolean
  readonly execute?: boolean
  readonly json?: boolean
}

export function rollbackCommand(): Command {
  return new Command('rollback')
    .description('takes publishing back, one step at a time: stop, forget the references, delete the records')
    .option('--stop', 'publish nothing new, in any process, until it is undone; withdrawals and erasures go on')
    .option('--strip-references', 'forget what the database knows of records; they stay where they are')
    .option('--delete-records', 'delete every record of ours from every repository; this cannot be undone')
    .option('--undo', 'take the step back: publish again, or note the records that are there again')
    .option('--execute', 'do it; without this, only say how much it would be')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nThe steps go in this order, and each wants the one before it to be done.')
    .action(run)
}

interface Result {
  readonly step: 'stop' | 'strip-references' | 'delete-records'
  readonly undo: boolean
  readonly executed: boolean
  /** Moods or records that it is about; users, for the first step. */
  readonly found: number
  /** What was still there when it was looked at afterwards. */
  readonly left: number
  /** Repositories that could not be read, and were left alone. */
  readonly unreadable: number
}

async function run(options: Options): Promise<void> {
  const steps = [options.stop, options.stripReferences, options.deleteRecords].filter(Boolean).length
  if (steps !== 1) throw new DomainError('usage', 'say one step: --stop, --strip-references or --delete-records')
  if (options.deleteRecords && options.undo) throw new DomainError('usage', 'a deletion cannot be undone')
  await using app = await openInstallation()
  using interrupted = untilInterrupted()
  const execute = options.execute ?? false
  const undo = options.undo ?? false
  const result = options.stop
    ? await stop(app, undo, execute)
    : options.stripReferences
      ? await strip(app, undo, execute, interrupted.signal)
      : await deleteRecords(app, execute, interrupted.signal)
  console.log(options.json ? JSON.stringify(result, null, 2) : describe(result, interrupted.signal.aborted))
  const isDone = !execute || (result.left === 0 && result.unreadable === 0)
  process.exitCode = isDone && !interrupted.signal.aborted ? 0 : 1
}

async function stop(app: App, undo: boolean, execute: boolean): Promise<Result> {
  const { publishing } = app.store
  const isAsWanted = async (): Promise<boolean> => (await publishing.isOff()) !== undo
  const found = (await isAsWanted()) ? 0 : 1
  if (execute) await publishing.turn(!undo)
  return { step: 'stop', undo, executed: execute, found, left: (await isAsWanted()) ? 0 : 1, unreadable: 0 }
}

async function requireStopped(app: App): Promise<void> {
  if (await app.store.publishing.isOff()) return
  throw new DomainError('usage', 'publishing goes on: "moods rollback --stop --execute" comes first')
}

async function strip(app: App, undo: boolean, execute: boolean, signal: AbortSignal): Promise<Result> {
  if (!undo) await requireStopped(app)
  using progress = new Progress()
  const accounts = await chosenAccounts(app, [])
  let [found, left, done] = [0, 0, 0]
  for (const { user } of accounts) {
    if (signal.aborted) break
    const part = undo
      ? await restoreReferences(app, user, execute)
      : await stripReferences(app.store, user, app.clock.now(), execute)
    found += part.found
    left += part.left
    progress.show('users', ++done, accounts.length)
  }
  return { step: 'strip-references', undo, executed: execute, found, left, unreadable: 0 }
}

async function deleteRecords(app: App, execute: boolean, signal: AbortSignal): Promise<Result> {
  await requireStopped(app)
  const { published } = (await app.store.work.count()).states
  if (published > 0) {
    throw new DomainError(
      'usage',
      `${published} moods still name records: "moods rollback --strip-references --execute" comes first`,
    )
  }
  using progress = new Progress()
  const deps = app
  const accounts = await chosenAccounts(app, [])
  let [found, unreadable, left] = [0, 0, 0]
  const users: string[] = []
  for (const account of accounts) {
    if (signal.aborted) break
    const ordered = await orderDeletion(deps, account, execute)
    if (ordered.kind !== 'ok') unreadable++
    else if (ordered.value > 0) {
      found += ordered.value
      users.push(account.user)
    }
    progress.show('repositories read', users.length, accounts.length)
  }
  if (execute) {
    await workOff(app, users, (n) => progress.show('repositories emptied', users.length - n, users.length), signal)
    for (const account of accounts.filter(({ user }) => users.includes(user))) {
      const again = await orderDeletion(deps, account, false)
      left += again.kind === 'ok' ? again.value : 1
    }
  }
  return { step: 'delete-records', undo: false, executed: execute, found, left: execute ? left : found, unreadable }
}

function describe({ step, undo, executed, found, left, unreadable }: Result, isInterrupted: boolean): string {
  const what = {
    stop: undo ? 'publishing to be switched on' : 'publishing to be switched off',
    'strip-references': undo ? 'references to be noted again' : 'references to be forgotten',
    'delete-records': 'records to be deleted',
  }[step]
  return [
    `${what}: ${found}`,
    executed ? `left afterwards: ${left}` : 'Nothing was done (--execute does it).',
    ...(unreadable > 0 ? [`${unreadable} repositories could not be read whole, and were left alone.`] : []),
    ...(isInterrupted ? ['Stopped. The same command goes on where this one stopped.'] : []),
  ].join('\n')
}
