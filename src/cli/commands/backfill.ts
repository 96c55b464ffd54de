/** `moods backfill`: publishes history, and reports the result for each user. */

import { Command } from 'commander'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { DomainError } from '../../domain/errors.ts'
import { whoIs } from '../../domain/user-names.ts'
import type { Backfill } from '../../operate/backfill.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION, wholeNumber } from '../options.ts'
import { DRY_RUN, INTERRUPTED } from '../phrases.ts'

interface Options {
  readonly limitUsers?: number
  readonly rate?: number
  readonly delayMs?: number
  readonly report: string
  readonly execute?: boolean
  readonly json?: boolean
}

export function backfillCommand(exit: Exit): Command {
  return new Command('backfill')
    .description('publishes moods from before the engine, as fast as the budgets of the PDS allow')
    .argument('[users...]', '@handle, sub or DID; all users who have moods if none is named')
    .option('--limit-users <n>', 'only the first n users', wholeNumber)
    .option('--rate <n>', 'at most n moods a second', wholeNumber)
    .option('--delay-ms <ms>', 'wait after each mood, one user after the other (the original waited 100)', wholeNumber)
    .option('--report <file>', 'where to write the report', 'backfill-report.json')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nTexts that the lexicon does not allow are reported, never cut. Run it again to resume an interrupted run.' +
        '\nA dry run writes no report.',
    )
    .action(async (names: readonly string[], options: Options) => exit(await run(names, options)))
}

async function run(names: readonly string[], options: Options): Promise<Ending> {
  const { execute = false, report, rate, limitUsers: limit = Infinity } = options
  if (execute) requireWritable(report)
  const delayMs = options.delayMs ?? (rate ? 1000 / rate : 0)
  return runTask(openInstallation, 'backfill', options, {
    work: async (app, { onProgress, stop, announce }) => {
      const { backfill } = await import('../../operate/backfill.ts')
      const result = await backfill(app, names, { limit, delayMs, execute }, announce, onProgress, stop)
      if (execute) writeFileSync(report, `${JSON.stringify(result, null, 2)}\n`)
      return result
    },
    text: (result) => describe(result, report),
    json: (result) => result,
    ending: ({ overall, complete }) => ({ needsSomebody: overall.failed > 0, complete }),
  })
}

/** Checked before anything is done: afterwards it would be too late. @throws DomainError `usage` */
function requireWritable(file: string): void {
  try {
    closeSync(openSync(file, 'a'))
  } catch (error) {
    throw new DomainError('usage', `the report ${file} cannot be written (see --report)`, { cause: error })
  }
}

function describe({ complete, executed, overall, users }: Backfill, file: string): string {
  const { skipped } = overall
  const troubled = users.filter(({ failed, reason }) => failed > 0 || reason !== null)
  return [
    `users     ${overall.users}, ${overall.withAccount} with an account`,
    `moods     ${overall.total}`,
    `${executed ? 'migrated' : 'would be '} ${overall.migrated}`,
    `already   ${overall.already}`,
    `failed    ${overall.failed}`,
    `skipped   ${skipped.private} private, ${skipped.deleted} deleted, ${skipped.tooLong} too long, ${skipped.noAccount} without account`,
    ...troubled.map(
      ({ handle, user, failed, total, reason }) =>
        `${whoIs(user, handle)}: ${failed} of ${total} failed (${reason ?? 'see "moods status"'})`,
    ),
    ...(complete ? [] : [INTERRUPTED]),
    executed ? `The report is in ${file}.` : DRY_RUN,
  ].join('\n')
}
