/** `moods report`: fills in the numbers of a launch checklist that the store knows. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { launchDocument, launchMarkdown } from '../describe/launch-markdown.ts'

interface Options {
  readonly since?: string
  readonly json?: boolean
}

export function reportCommand(exit: Exit): Command {
  return new Command('report')
    .description('numbers of the launch: users, accounts, moods on both sides, sync rate, latency, failures')
    .option('--since <duration>', 'only moods posted in this time, such as 48h, 30m or 7d')
    .option('--json', 'print one JSON document on standard output, instead of Markdown')
    .addHelpText('after', '\nThe numbers of the repositories come from audits: run "moods audit" first.')
    .action(async (options: Options) => exit(await report(options)))
}

function report(options: Options): Promise<Ending> {
  const now = Date.now()
  const since = options.since === undefined ? null : now - millisecondsOf(options.since)
  return runTask(openInstallation, 'report', options, {
    work: async (app, { onProgress, stop }) => {
      const { launchReport } = await import('../../operate/report.ts')
      return launchReport(app, since, onProgress, stop)
    },
    text: (result) => launchMarkdown(result, now),
    json: launchDocument,
    ending: ({ complete }) => ({ needsSomebody: false, complete }),
  })
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** @throws DomainError `usage` */
function millisecondsOf(text: string): number {
  const match = /^(\d{1,6})([mhd])$/.exec(text)
  if (!match) throw new DomainError('usage', '--since is a duration such as 48h, 30m or 7d')
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
}
