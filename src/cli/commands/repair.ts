/** `moods repair`: turns what an audit finds into work for the engine, and watches it being done. */

import { Command, InvalidArgumentError } from 'commander'
import { count } from '../../domain/counts.ts'
import type { Account } from '../../domain/account.ts'
import { FINDING_KINDS, type FindingKind, REPAIRED } from '../../domain/audit.ts'
import { countKinds, repairFindings, type UserAudit } from '../../operate/audit.ts'
import { type Summary, survey } from '../../operate/survey.ts'
import { workOff } from '../../operate/watch.ts'
import { chosenAccounts, describeSummary } from './audit.ts'
import { openInstallation } from '../open.ts'
import { untilInterrupted } from '../interrupt.ts'
import { Progress } from '../progress.ts'

interface Options {
  readonly finding: readonly FindingKind[]
  readonly modernise?: boolean
  readonly execute?: boolean
  readonly json?: boolean
}

export function repairCommand(): Command {
  return new Command('repair')
    .description('mends what an audit finds: writes, deletes and notes what is needed, through the engine')
    .argument('[users...]', '@handle, sub or DID; everybody who has an account if none is named')
    .option(
      '--finding <kind...>',
      `only these: ${FINDING_KINDS.join(', ')} (default all but the last two)`,
      collect,
      [],
    )
    .option('--modernise', 'rewrite records of the older form (mood, when, ref) to the lexicon')
    .option('--execute', 'do it; without this, only say how much it would be')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      '\nNever touches a repository that cannot be read whole, and always keeps one copy of a mood.',
    )
    .action(run)
}

function collect(text: string, before: readonly FindingKind[]): FindingKind[] {
  const kind = FINDING_KINDS.find((known) => known === text)
  if (!kind) throw new InvalidArgumentError(`one of ${FINDING_KINDS.join(', ')}`)
  return [...before, kind]
}

interface Result {
  readonly executed: boolean
  /** How many were, or would be, mended, by kind. */
  readonly ordered: Partial<Record<FindingKind, number>>
  readonly before: Summary
  /** After the engine was done; null in a dry run. */
  readonly after: Summary | null
}

async function run(names: readonly string[], options: Options): Promise<void> {
  await using app = await openInstallation()
  using interrupted = untilInterrupted()
  using progress = new Progress()
  const { signal } = interrupted
  const deps = app
  const accounts = await chosenAccounts(app, names)
  const kinds = new Set<FindingKind>(options.finding.length > 0 ? options.finding : REPAIRED)
  const ordered: Result['ordered'] = {}
  const users: string[] = []
  let done = 0
  const each = async (_account: Account, result: UserAudit | 'unchanged'): Promise<void> => {
    progress.show('repositories read', ++done, accounts.length)
    if (result === 'unchanged' || result.kind !== 'audited') return
    const chosen = result.audit.findings.filter(({ kind }) => kinds.has(kind))
    if (chosen.length === 0) return
    users.push(result.account.user)
    const counts = options.execute ? await repairFindings(deps, result.account, chosen) : countKinds(chosen)
    for (const [kind, n] of Object.entries(counts)) count(ordered, kind as FindingKind, n)
  }
  const modernise = options.modernise ?? false
  const before = await survey(deps, accounts, { modernise }, each, signal)
  let after: Summary | null = null
  if (options.execute) {
    await workOff(app, users, (left) => progress.show('repositories mended', users.length - left, users.length), signal)
    after = await survey(deps, accounts, { modernise }, () => {}, signal)
  }
  progress[Symbol.dispose]()
  const result = { executed: options.execute ?? false, ordered, before, after }
  console.log(options.json ? JSON.stringify(result, null, 2) : describe(result))
  const left = Object.keys((after ?? before).findings).some((kind) => kinds.has(kind as FindingKind))
  process.exitCode = signal.aborted || before.unreadable > 0 || (options.execute === true && left) ? 1 : 0
}

function describe({ executed, ordered, before, after }: Result): string {
  const what = Object.entries(ordered).map(([kind, n]) => `${n} ${kind}`)
  const verb = executed ? 'Mended' : 'Would mend (--execute does it)'
  return [
    ...describeSummary(before),
    `${verb}: ${what.length === 0 ? 'nothing' : what.join(', ')}.`,
    ...(after ? ['', 'Afterwards:', ...describeSummary(after)] : []),
  ].join('\n')
}
