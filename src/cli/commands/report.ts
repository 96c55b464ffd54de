/** `moods report`: the blanks of a launch checklist, filled in as far as a machine can know them. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import { type LaunchReport, launchReport } from '../../operate/report.ts'
import { openConsole } from '../open.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly since?: string
  readonly json?: boolean
}

export function reportCommand(): Command {
  return new Command('report')
    .description('numbers of the launch: users, accounts, moods on both sides, sync rate, latency, failures')
    .option('--since <duration>', 'only moods posted in the last 48h, 30m or 7d, say')
    .option('--json', 'one JSON document on standard output, instead of Markdown')
    .addHelpText('after', '\nWhat is in the repositories is known from audits: run "moods audit" first.')
    .action(run)
}

async function run(options: Options): Promise<void> {
  const since = options.since === undefined ? null : Date.now() - millisecondsOf(options.since)
  await using app = await openConsole()
  using progress = new Progress()
  const report = await launchReport(app.store, since, (done) => progress.show('moods', done, 0))
  progress[Symbol.dispose]()
  console.log(options.json ? JSON.stringify(report, null, 2) : describe(report, app.clock.now()))
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

function describe(report: LaunchReport, now: number): string {
  const { latency, audited } = report
  const reasons = Object.entries(report.rejectedBy).map(([code, n]) => `${n} ${code}`)
  const findings = Object.entries(audited?.findings ?? {}).map(([kind, n]) => `${n} ${kind}`)
  return [
    `# Moods, ${date(now)}${report.since === null ? '' : `, posted since ${date(report.since)}`}`,
    '',
    '## Migration stats',
    '',
    `- Total users: ${report.users}`,
    `- Users with ATProto: ${report.usersWithAccount} (${report.accountsWaiting} waiting, ${report.accountsNeedingAttention} need attention)`,
    `- Total moods: ${report.moods} (${report.private} private, ${report.deleted} deleted)`,
    `- Moods migrated: ${report.published}`,
    `- Moods failed: ${report.rejected}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`,
    '',
    '## Test results',
    '',
    `- Sync success rate: ${percent(report.syncRate)}`,
    `- Average sync latency: ${ms(latency?.average)}`,
    `- Latency p50: ${ms(latency?.p50)}, p99: ${ms(latency?.p99)}, of ${latency?.count ?? 0} moods published at the first try`,
    `- Moods with ATProto URI: ${report.withReference}`,
    `- Moods missing ATProto: ${report.withoutReference}`,
    '',
    '## Launch stats',
    '',
    `- Launch date: ${date(report.firstPublished)} (first mood published)`,
    `- Total moods: ${report.moods}`,
    `- Sync rate: ${percent(report.syncRate)}`,
    `- Error rate: ${percent(report.errorRate)}`,
    '',
    '## Final metrics',
    '',
    `- Total users with ATProto: ${report.usersWithAccount}`,
    `- Total moods in the database: ${report.moods}`,
    `- Total moods in ATProto: ${audited ? `${audited.records}, in ${audited.repos} repositories audited since ${date(audited.oldest)}` : 'not audited yet'}`,
    `- Sync success rate: ${percent(report.syncRate)}`,
    `- Average sync latency: ${ms(latency?.average)}`,
    `- Failed syncs: ${report.rejected}, and ${report.pending} on their way`,
    `- Manual fixes required: ${audited ? (findings.length === 0 ? 'none' : `${findings.join(', ')} found by audits`) : 'not audited yet'}`,
  ].join('\n')
}
