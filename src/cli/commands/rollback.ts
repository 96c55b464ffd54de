/** `moods rollback`: takes publishing back, step by step. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import type { DeletionPlan, RollbackStep } from '../../operate/rollback.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'
import { describeDeletion, describeRollback } from '../describe/rollback.ts'
import { silentDocument } from '../describe/silence.ts'

interface Options {
  readonly stripReferences?: boolean
  readonly deleteRecords?: boolean
  readonly undo?: boolean
  readonly execute?: boolean
  readonly json?: boolean
}

export function rollbackCommand(exit: Exit): Command {
  return new Command('rollback')
    .description('takes publishing back, once federation is off: forgets the references, deletes the records')
    .option('--strip-references', 'forget the records that the database names; they stay where they are')
    .option('--delete-records', 'delete every record of ours from every repository; this cannot be undone')
    .option('--undo', 'take the step back: note the records again')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nFirst "moods federation off --execute", then the steps in this order; each needs the one before it to be done.',
    )
    .action(async (options: Options) => exit(await run(options)))
}

/** @throws DomainError `usage` unless exactly one step is named */
function stepOf({ stripReferences, deleteRecords }: Options): RollbackStep {
  const steps: RollbackStep[] = []
  if (stripReferences) steps.push('strip-references')
  if (deleteRecords) steps.push('delete-records')
  const [step, ...more] = steps
  if (step !== undefined && more.length === 0) return step
  throw new DomainError('usage', 'name one step: --strip-references or --delete-records')
}

async function run(options: Options): Promise<Ending> {
  const how = { step: stepOf(options), undo: options.undo ?? false, execute: options.execute ?? false }
  return runTask(openInstallation, 'rollback', options, {
    work: async (app, { onProgress, stop, plan }) => {
      const { rollback } = await import('../../operate/rollback.ts')
      const onPlan = (planned: DeletionPlan): void => plan(describeDeletion(planned, how.execute))
      return rollback(app, how, onPlan, onProgress, stop)
    },
    text: (result, isInterrupted) => describeRollback(result, isInterrupted, Date.now()),
    json: ({ silent, ...rest }) => ({ ...rest, silent: silentDocument(silent) }),
    ending: ({ executed, left, unreadable, notReached }) => ({
      needsSomebody: unreadable > 0 || (executed && left > 0 && notReached === 0),
      complete: notReached === 0,
    }),
  })
}
