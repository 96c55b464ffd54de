/** `moods backfill`: publishes history, and reports the result for each user. */

import { Command } from 'commander'
import type { RelayPlan } from '../../domain/relay.ts'
import { backfillDocument, describeBackfill } from '../describe/backfill.ts'
import { describeRelayPlan } from '../describe/relay-plan.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION, wholeNumber } from '../options.ts'
import { ReportFile } from '../report-file.ts'

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
    .argument(
      '[users...]',
      '@handle, handle on the PDS, DID, or sub of the sign-in provider; all users who have moods if none is named',
    )
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
  const { execute = false, rate, limitUsers: limit = Infinity } = options
  const file = execute ? new ReportFile(options.report) : null
  const delayMs = options.delayMs ?? (rate ? 1000 / rate : 0)
  return runTask(openInstallation, 'backfill', options, {
    work: async (app, { onProgress, stop, announce, plan }) => {
      const { backfill } = await import('../../operate/backfill.ts')
      const { relayAccountLimit } = app.config
      const onRelayPlan = (atMost: RelayPlan): void => plan(describeRelayPlan(atMost, true).join('\n'))
      const how = { limit, delayMs, execute, relayAccountLimit, onRelayPlan }
      const result = await backfill(app, names, how, plan, onProgress, stop)
      if (file) announce(describeReport(file.path, file.write(backfillDocument(result))))
      return result
    },
    text: (result) => describeBackfill(result, Date.now()).join('\n'),
    json: backfillDocument,
    ending: ({ overall, complete }) => ({ needsSomebody: overall.failed > 0, complete }),
  })
}

function describeReport(wanted: string, written: string): string {
  if (written === wanted) return `The report is in ${written}.`
  return `The report in ${wanted} is of a run that came to more, and stays. The report of this run is in ${written}.`
}
