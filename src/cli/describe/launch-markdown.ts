/** The numbers of a launch as Markdown, in the headings of the checklist. */

import { proofText } from '../../domain/proving.ts'
import { counted } from '../../domain/tally.ts'
import type { LaunchReport } from '../../operate/report.ts'
import { isoTime, percent } from '../phrases.ts'
import { checkDocument, describeLastCheck } from './data.ts'
import { age, heldDocument } from './lines.ts'
import { proofDocument } from './proofs.ts'
import { describeSilent, silentDocument } from './silence.ts'

function rate(share: number | null): string {
  return percent(share, 'nothing to measure')
}

function date(at: number | null): string {
  return isoTime(at) ?? 'not yet'
}

function ms(value: number | undefined): string {
  return value === undefined ? 'not measured' : `${value} ms`
}

/** The numbers for programs. */
export function launchDocument({
  since,
  firstPublished,
  waiting,
  audited,
  unread,
  silent,
  data,
  proofs,
  ...numbers
}: LaunchReport) {
  return {
    ...numbers,
    waiting: heldDocument(waiting),
    since: isoTime(since),
    firstPublished: isoTime(firstPublished),
    audited: audited && { ...audited, oldest: isoTime(audited.oldest), newest: isoTime(audited.newest) },
    unread: unread && { ...unread, since: isoTime(unread.since) },
    silent: silentDocument(silent),
    data: checkDocument(data),
    proofs: proofDocument(proofs),
  }
}

/** What the numbers leave out, and why. */
function describeUnread({ complete, silent, unread }: LaunchReport, now: number): string[] {
  const notes = describeSilent(silent, now)
  if (unread) {
    const { repos, since, neverRead, codes } = unread
    const why = Object.entries(codes).map(([code, n]) => `${n} ${code}`)
    notes.push(
      `At the last audit, the PDS of ${counted(repos, 'repository', 'repositories')} did not answer, or refused (${why.join(', ')}), the first ${age(since, now)}. ` +
        `What is said of ${repos === 1 ? 'it' : 'them'} is from the audit before; ${counted(neverRead, 'was', 'were')} never read.`,
    )
  }
  if (!complete && silent.length === 0) notes.push('Stopped before everything was counted: the numbers are too low.')
  return notes.flatMap((note) => ['', note])
}

/** What the moods without a reference wait for. */
function describeWaiting(waiting: LaunchReport['waiting']): string {
  const parts = [
    ...(waiting.backfill ? [`${counted(waiting.backfill, 'waits', 'wait')} for a backfill`] : []),
    ...(waiting.federation_off ? [`federation holds ${waiting.federation_off}`] : []),
    ...(waiting.no_account ? [`${counted(waiting.no_account, 'has', 'have')} no account to go to`] : []),
  ]
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

/** @param now ms since 1970 */
export function launchMarkdown(result: LaunchReport, now: number): string {
  const { latency, audited } = result
  const reasons = Object.entries(result.rejectedBy).map(([code, n]) => `${n} ${code}`)
  const findings = Object.entries(audited?.findings ?? {}).map(([kind, n]) => `${n} ${kind}`)
  return [
    `# Moods, ${date(now)}${result.since === null ? '' : `, posted since ${date(result.since)}`}`,
    '',
    '## Migration stats',
    '',
    `- Total users: ${result.users}`,
    `- Users with ATProto: ${result.usersWithAccount} (${result.accountsWaiting} waiting, ${counted(result.accountsNeedingAttention, 'needs', 'need')} attention)`,
    `- Total moods: ${result.moods} (${result.deleted} deleted, as "moods status" counts them, and ${result.private} others private)`,
    `- Moods migrated: ${result.published}`,
    `- Moods failed: ${result.rejected}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`,
    '',
    '## Test results',
    '',
    `- Sync success rate: ${rate(result.syncRate)}`,
    `- Average sync latency: ${ms(latency?.average)}`,
    `- Latency p50: ${ms(latency?.p50)}, p99: ${ms(latency?.p99)}, of ${counted(latency?.count ?? 0, 'mood')} published at the first try`,
    `- Moods with ATProto URI: ${result.withReference}`,
    `- Moods missing ATProto: ${result.withoutReference}${describeWaiting(result.waiting)}`,
    '',
    '## Launch stats',
    '',
    `- Launch date: ${date(result.firstPublished)} (first mood published)`,
    `- Total moods: ${result.moods}`,
    `- Sync rate: ${rate(result.syncRate)}`,
    `- Error rate: ${rate(result.errorRate)}`,
    '',
    '## Final metrics',
    '',
    `- Total users with ATProto: ${result.usersWithAccount}`,
    `- Total moods in the database: ${result.moods}`,
    `- Total moods in ATProto: ${audited ? `${audited.records}, in ${counted(audited.repos, 'repository', 'repositories')}, the oldest audit ${age(audited.oldest, now)}, the newest ${age(audited.newest, now)}` : 'not audited yet'}`,
    `- Sync success rate: ${rate(result.syncRate)}`,
    `- Average sync latency: ${ms(latency?.average)}`,
    `- Failed syncs: ${result.rejected}, and ${result.pending} on their way`,
    `- Manual fixes required: ${audited ? (findings.length === 0 ? 'none' : `${findings.join(', ')} found by audits`) : 'not audited yet'}`,
    `- Proofs: ${proofText(result.proofs, now)}`,
    `- Odd data: ${describeLastCheck(result.data)}`,
    ...describeUnread(result, now),
  ].join('\n')
}
