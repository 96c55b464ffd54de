/** `moods repair`: turns what an audit finds into work for the engine, and watches until it is done. */

import { Command, InvalidArgumentError, Option } from 'commander'
import { type FindingKind, REPAIRABLE, REPAIRED } from '../../domain/finding-kinds.ts'
import type { RepairEvents } from '../../operate/repair.ts'
import type { Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'
import { describeDeletions, describeRepair, repairDocument } from '../describe/repair.ts'

interface Options {
  readonly finding: readonly FindingKind[]
  readonly modernise?: boolean
  readonly execute?: boolean
  readonly json?: boolean
}

export function repairCommand(exit: Exit): Command {
  return new Command('repair')
    .description('repairs what an audit finds: the engine publishes, deletes and notes what is needed')
    .argument('[users...]', '@handle, sub or DID; all users who have an account if none is named')
    .addOption(
      new Option('--finding <kind>', 'only findings of this kind; may be given several times')
        .choices(REPAIRABLE)
        .default([], 'all but foreign and unreadable')
        .argParser(collect),
    )
    .option('--modernise', 'rewrite records of the legacy form (mood, when, ref) to the lexicon')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nNever touches a repository that cannot be read whole, and always keeps one copy of a mood.',
    )
    .action(async (names: readonly string[], options: Options) => exit(await run(names, options)))
}

function collect(text: string, before: readonly FindingKind[]): FindingKind[] {
  const kind = REPAIRABLE.find((known) => known === text)
  if (!kind) throw new InvalidArgumentError(`Allowed choices are ${REPAIRABLE.join(', ')}.`)
  return [...before, kind]
}

function run(names: readonly string[], { finding, modernise = false, ...options }: Options) {
  const { execute = false } = options
  const kinds = finding.length > 0 ? finding : REPAIRED
  // What a log or a file may keep must not say what moods say.
  const withWords = process.stdout.isTTY && options.json !== true
  return runTask(openInstallation, 'repair', options, {
    work: async (app, { onProgress, stop, plan }) => {
      const { repair } = await import('../../operate/repair.ts')
      const events: RepairEvents = {
        onLeftOut: plan,
        onDeletions: (account, deletions) => plan(describeDeletions(account, deletions, { execute, withWords })),
      }
      return repair(app, names, { kinds, modernise, execute }, events, onProgress, stop)
    },
    text: (result) => describeRepair(result, Date.now()),
    json: repairDocument,
    ending: ({ executed, before, after, left, leftAlone, refused, complete }) => {
      const isLeft = left > 0 || refused.length > 0 || (executed && Object.keys(leftAlone).length > 0)
      return { needsSomebody: before.unreadable > 0 || isLeft || after?.findings.leaked !== undefined, complete }
    },
  })
}
