/** `moods report`: the blanks of a launch checklist, filled in as far as a machine can know them. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import { type LaunchReport, launchReport } from '../../operate/report.ts'
import type { Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'

interface Options {
  readonly since?: string
  readonly json?: boolean
}

export function reportCommand(exit: Exit): Command {
  return new Command('report')
    .description('numbers of the launch: users, accounts, moods on both sides, sync rate, latency, failures')
    .option('--since <duration>', 'only moods posted in the last 48h, 30m or 7d, say')
    .option('--json', 'one JSON document on standard output, instead of Markdown')
    .addHelpText('after', '\nWhat is in the repositories is known from audits: run "moods audit" first.')
    .action(async (options: Options) => exit(await report(options)))
}

function report(options: Options): Promise<number> {
  const now = Date.now()
  const since = options.since === undefined ? null : now - millisecondsOf(options.since)
  return runTask(openInstallation, options, {
    work: ({ store }, onProgress) => launchReport(store, since, (done) => onProgress('moods', done, 0)),
    text: (result) => describe(result, now),
    exitCode: () => 0,
  })
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** @throws DomainError `usage` */
function millisecondsOf(text: string): number {
  const match = /^(\d{1,6})([mhd])$/.exec(text)
  if (!match) throw new DomainError('usage', '--since is a duration such as 48h, 30m or 7d')
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
}

function percent(rate: number | null): string {
  return rate === null ? 'nothing to measure' : `${(rate * 100).toFixed(2)} %`
}

function date(at: number | null): string {
  return at === null ? 'not yet' : new Date(at).toISOString()
}

function ms(value: number | undefined): string {
  return value === undefined ? 'not measured' : `${value} ms`
}

function describe(result: LaunchReport, now: number): string {
  const { latency, audited } = result
  const reasons = Object.entries(result.rejectedBy).map(([code, n]) => `${n} ${code}`)
  const findings = Object.entries(audited?.findings ?? {}).map(([kind, n]) => `${n} ${kind}`)
  return [
    `# Moods, ${date(now)}${result.since === null ? '' : `, posted since ${date(result.since)}`}`,
    '',
    '## Migration stats',
    '',
    `- Total users: ${result.users}`,
    `- Users with ATProto: ${result.usersWithAccount} (${result.accountsWaiting} waiting, ${result.accountsNeedingAttention} need attention)`,
    `- Total moods: ${result.moods} (${result.private} private, ${result.deleted} deleted)`,
    `- Moods migrated: ${result.published}`,
    `- Moods failed: ${result.rejected}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`,
    '',
    '## Test results',
    '',
    `- Sync success rate: ${percent(result.syncRate)}`,
    `- Average sync latency: ${ms(latency?.average)}`,
    `- Latency p50: ${ms(latency?.p50)}, p99: ${ms(latency?.p99)}, of ${latency?.count ?? 0} moods published at the first try`,
    `- Moods with ATProto URI: ${result.withReference}`,
    `- Moods missing ATProto: ${result.withoutReference}`,
    '',
    '## Launch stats',
    '',
    `- Launch date: ${date(result.firstPublished)} (first mood published)`,
    `- Total moods: ${result.moods}`,
    `- Sync rate: ${percent(result.syncRate)}`,
    `- Error rate: ${percent(result.errorRate)}`,
    '',
    '## Final metrics',
    '',
    `- Total users with ATProto: ${result.usersWithAccount}`,
    `- Total moods in the database: ${result.moods}`,
    `- Total moods in ATProto: ${audited ? `${audited.records}, in ${audited.repos} repositories audited since ${date(audited.oldest)}` : 'not audited yet'}`,
    `- Sync success rate: ${percent(result.syncRate)}`,
    `- Average sync latency: ${ms(latency?.average)}`,
    `- Failed syncs: ${result.rejected}, and ${result.pending} on their way`,
    `- Manual fixes required: ${audited ? (findings.length === 0 ? 'none' : `${findings.join(', ')} found by audits`) : 'not audited yet'}`,
  ].join('\n')
}
