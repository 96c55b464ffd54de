/** `moods audit`: reads repositories whole and reports how they differ from the database. */

import { Command } from 'commander'
import type { AuditReport } from '../../operate/survey.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { JSON_OPTION, wholeNumber } from '../options.ts'
import { describeAudit, summaryDocument } from '../describe/audit.ts'

interface Options {
  readonly limit?: number
  readonly all?: boolean
  readonly incremental?: boolean
  readonly verify?: boolean
  readonly json?: boolean
}

export function auditCommand(exit: Exit): Command {
  return new Command('audit')
    .description('reads repositories whole and compares them with the database, by CID; changes nothing')
    .argument('[users...]', '@handle, sub or DID; all users who have an account if none is named')
    .option('--limit <n>', 'only the first n users', wholeNumber)
    .option('--all', 'all users; the same as naming none')
    .option('--incremental', 'skip repositories that have not changed since an audit that found nothing')
    .option(
      '--verify',
      'do not read a repository whose signature cannot be checked; without this, it is read and not proven',
    )
    .option(...JSON_OPTION)
    .action(async (names: readonly string[], options: Options) => exit(await audit(names, options)))
}

function audit(names: readonly string[], options: Options): Promise<Ending> {
  return runTask(openInstallation, 'audit', options, {
    work: async (app, { onProgress, stop }) => {
      const { auditUsers } = await import('../../operate/survey.ts')
      const { relays } = app.config
      return auditUsers(app, names, { ...options, relays }, onProgress, stop)
    },
    text: (result) => describeAudit(result, names, Date.now()),
    json: ({ summary, ...rest }) => ({ ...rest, summary: summaryDocument(summary) }),
    ending,
  })
}

function ending({ complete, summary }: AuditReport): Ending {
  return { needsSomebody: Object.keys(summary.findings).length > 0, complete }
}
