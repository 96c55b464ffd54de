/** `moods audit`: reads repos whole and says how they differ from the primary. */

import { Command, InvalidArgumentError } from 'commander'
import type { App } from '../../app.ts'
import type { Account } from '../../domain/account.ts'
import { FINDING_KINDS, type Finding } from '../../domain/audit.ts'
import type { UserAudit } from '../../operate/audit.ts'
import { accountsOf, type Summary, survey } from '../../operate/survey.ts'
import { findUsers } from '../../operate/users.ts'
import type { Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'

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
    .argument('[users...]', '@handle, sub or DID; everybody who has an account if none is named')
    .option('--limit <n>', 'only the first so many', wholeNumber)
    .option('--all', 'everybody, which is also what no name means')
    .option('--incremental', 'pass over repositories that have not changed since an audit that found nothing')
    .option('--verify', 'check the signature of each repository too')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nEnds with 0 when nothing was found, 1 when something was, 3 when the PDS does not answer.')
    .action(async (names: readonly string[], options: Options) => exit(await audit(names, options)))
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('a whole number, 1 or more')
  return Number(text)
}

/** Accounts of the users who are named; all if none are. */
export async function chosenAccounts(app: App, names: readonly string[], limit?: number): Promise<Account[]> {
  return accountsOf(app.store, await findUsers(app.store, names), limit ?? Infinity)
}

interface Found {
  readonly user: string
  readonly handle: string
  readonly did: string | null
  readonly result: 'clean' | 'findings' | 'unreadable' | 'no_account'
  readonly code?: string
  readonly findings: readonly { readonly kind: string; readonly rkey: string | null; readonly mood: string | null }[]
}

interface Result {
  /** Whether every repository was looked at. */
  readonly complete: boolean
  readonly summary: Summary
  /** Users whose audit was not clean. */
  readonly users: readonly Found[]
}

function audit(names: readonly string[], options: Options): Promise<number> {
  return runTask(openInstallation, options, {
    work: async (app, onProgress, stop): Promise<Result> => {
      const accounts = await chosenAccounts(app, names, options.limit)
      const users: Found[] = []
      let done = 0
      const each = (account: Account, result: UserAudit | 'unchanged'): void => {
        onProgress('repositories', ++done, accounts.length)
        const line = foundOf(account, result)
        if (line.result !== 'clean') users.push(line)
      }
      const summary = await survey(app, accounts, options, each, stop)
      return { complete: !stop.aborted, summary, users }
    },
    text: describe,
    exitCode,
  })
}

function exitCode({ complete, summary }: Result): number {
  const isDown = summary.audited + summary.unchanged === 0 && summary.unreadable > 0
  if (isDown) return 3
  return complete && Object.keys(summary.findings).length === 0 ? 0 : 1
}

function foundOf({ user, handle, did }: Account, result: UserAudit | 'unchanged'): Found {
  const who = { user, handle, did }
  if (result === 'unchanged') return { ...who, result: 'clean', findings: [] }
  if (result.kind === 'no_account') return { ...who, result: 'no_account', findings: [] }
  if (result.kind === 'unreadable') return { ...who, result: 'unreadable', code: result.code, findings: [] }
  const findings = result.audit.findings.map(shown)
  return { ...who, result: findings.length === 0 ? 'clean' : 'findings', findings }
}

function shown({ kind, rkey, moodId }: Finding) {
  return { kind, rkey, mood: moodId }
}

/** Findings that are listed by name; more are counted. */
const LISTED = 20

function describe({ complete, summary, users }: Result): string {
  const lines = [...describeSummary(summary)]
  for (const { handle, user, result, code, findings } of users) {
    const name = handle ? `@${handle}` : user
    if (result === 'unreadable') lines.push(`${name}: cannot be read (${code}); nothing is known of this repository`)
    for (const { kind, rkey, mood } of findings.slice(0, LISTED)) {
      lines.push(`${name}: ${kind}${rkey === null ? '' : ` ${rkey}`}${mood === null ? '' : ` of mood ${mood}`}`)
    }
    if (findings.length > LISTED) lines.push(`${name}: and ${findings.length - LISTED} more (--json lists all)`)
  }
  if (!complete) lines.push('Stopped before everything was looked at.')
  return lines.join('\n')
}

/** The seed's summary, and a table of findings. */
export function describeSummary(summary: Summary): string[] {
  const { counts, findings } = summary
  const rate = summary.syncRate === null ? 'nothing to sync' : `${(summary.syncRate * 100).toFixed(2)} %`
  const checked = summary.audited + summary.unchanged + summary.unreadable
  return [
    `moods          ${counts.moods}`,
    `records        ${counts.records}`,
    `sync rate      ${rate}`,
    `checks passed  ${summary.clean} of ${checked} repositories (${summary.unchanged} unchanged since their last audit)`,
    `not findings   ${counts.kept} kept, ${counts.legacy} legacy, ${counts.inFlight} in flight, ${counts.unpublishable} unpublishable, ${counts.rejected} rejected`,
    ...(summary.withoutAccount > 0 ? [`no account     ${summary.withoutAccount} users`] : []),
    ...FINDING_KINDS.flatMap((kind) => (findings[kind] ? [`${kind.padEnd(15)}${findings[kind]}`] : [])),
  ]
}
