/** `moods backfill`: publishes history, and says what became of each user's. */

import { Command } from 'commander'
import pMap from 'p-map'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import type { App } from '../../app.ts'
import type { BackfillReport } from '../../domain/audit.ts'
import { DomainError } from '../../domain/errors.ts'
import { backfillUser } from '../../operate/backfill.ts'
import { authors } from '../../operate/pages.ts'
import { wholeNumber } from './audit.ts'
import { findUsers } from '../../operate/users.ts'
import { openInstallation } from '../open.ts'
import { untilInterrupted } from '../interrupt.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly limitUsers?: number
  readonly rate?: number
  readonly delayMs?: number
  readonly report: string
  readonly execute?: boolean
  readonly json?: boolean
}

export function backfillCommand(): Command {
  return new Command('backfill')
    .description('publishes moods that were there before, as fast as the budgets of the PDS allow')
    .argument('[users...]', '@handle, sub or DID; everybody who has moods if none is named')
    .option('--limit-users <n>', 'only the first so many users', wholeNumber)
    .option('--rate <n>', 'at most so many moods a second', wholeNumber)
    .option(
      '--delay-ms <ms>',
      'wait so long after each mood, one user after the other (the original waited 100)',
      wholeNumber,
    )
    .option('--report <file>', 'where the report is written', 'backfill-report.json')
    .option('--execute', 'do it; without this, only say how much it would be, and write nothing')
    .option('--json', 'the report on standard output as well')
    .addHelpText(
      'after',
      '\nTexts that the lexicon does not allow are reported, never cut. Interrupted, run it again: it goes on.',
    )
    .action(run)
}

/** Users whose history is put to work at the same time. */
const PARALLEL = 8

/** Before anything is done: a report that cannot be written is found out too late otherwise. @throws DomainError `usage` */
function requireWritable(file: string): void {
  try {
    closeSync(openSync(file, 'a'))
  } catch (error) {
    throw new DomainError('usage', `the report ${file} cannot be written (--report names another file)`, {
      cause: error,
    })
  }
}

async function run(names: readonly string[], options: Options): Promise<void> {
  if (options.execute) requireWritable(options.report)
  await using app = await openInstallation()
  using interrupted = untilInterrupted()
  using progress = new Progress()
  const { signal } = interrupted
  const users = await chosenUsers(app, names, options.limitUsers ?? Infinity)
  const delayMs = options.delayMs ?? (options.rate ? 1000 / options.rate : 0)
  const reports: BackfillReport[] = []
  let moods = 0
  const one = async (user: string): Promise<void> => {
    if (signal.aborted) return
    const how = { delayMs, execute: options.execute ?? false }
    const onLeft = (): void => progress.show(`moods, user ${reports.length + 1} of ${users.length}`, moods, 0)
    const report = await backfillUser(app, user, how, onLeft, signal)
    moods += report.total
    reports.push(report)
    progress.show('users', reports.length, users.length)
  }
  // A pace is for all together: one user after the other keeps to it.
  await pMap(users, one, { concurrency: delayMs > 0 ? 1 : PARALLEL })
  progress[Symbol.dispose]()
  const report = {
    complete: !signal.aborted,
    executed: options.execute ?? false,
    overall: sum(reports),
    users: reports,
  }
  if (options.execute) writeFileSync(options.report, `${JSON.stringify(report, null, 2)}\n`)
  console.log(options.json ? JSON.stringify(report, null, 2) : describe(report, options.report))
  process.exitCode = report.complete && report.overall.failed === 0 ? 0 : 1
}

async function chosenUsers(app: App, names: readonly string[], limit: number): Promise<string[]> {
  if (names.length > 0) return (await findUsers(app.store, names)).slice(0, limit)
  const users: string[] = []
  for await (const page of authors(app.store)) {
    users.push(...page)
    if (users.length >= limit) break
  }
  return users.slice(0, limit)
}

type Overall = Pick<BackfillReport, 'total' | 'migrated' | 'already' | 'failed' | 'skipped'>

function sum(reports: readonly BackfillReport[]): Overall & { readonly users: number; readonly withAccount: number } {
  const skipped = { private: 0, deleted: 0, tooLong: 0, noAccount: 0, other: 0 }
  const all = { total: 0, migrated: 0, already: 0, failed: 0 }
  for (const report of reports) {
    for (const name of Object.keys(all) as (keyof typeof all)[]) all[name] += report[name]
    for (const name of Object.keys(skipped) as (keyof typeof skipped)[]) skipped[name] += report.skipped[name]
  }
  const withAccount = reports.filter(({ skipped: { noAccount } }) => noAccount === 0).length
  return { users: reports.length, withAccount, ...all, skipped }
}

function describe(
  report: { complete: boolean; executed: boolean; overall: ReturnType<typeof sum>; users: readonly BackfillReport[] },
  file: string,
): string {
  const { overall } = report
  const { skipped } = overall
  const troubled = report.users.filter(({ failed, reason }) => failed > 0 || reason !== null)
  return [
    `users     ${overall.users}, ${overall.withAccount} with an account`,
    `moods     ${overall.total}`,
    `${report.executed ? 'migrated' : 'would be '} ${overall.migrated}`,
    `already   ${overall.already}`,
    `failed    ${overall.failed}`,
    `skipped   ${skipped.private} private, ${skipped.deleted} deleted, ${skipped.tooLong} too long, ${skipped.noAccount} without account`,
    ...troubled.map(
      ({ handle, user, failed, total, reason }) =>
        `${handle ? `@${handle}` : user}: ${failed} of ${total} failed (${reason ?? 'see "moods status"'})`,
    ),
    ...(report.complete ? [] : ['Stopped. The same command goes on where this one stopped.']),
    report.executed ? `The report is in ${file}.` : 'Nothing was done (--execute does it).',
  ].join('\n')
}
