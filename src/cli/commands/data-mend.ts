/** `moods data mend`: converts what is odd and can be converted for certain, and puts back what was there. */

import { Command } from 'commander'
import { describeMended, describeMendPlan, describeUnmended } from '../describe/data-mend.ts'
import type { Ending, Exit } from '../exit.ts'
import { openStore, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'

interface Options {
  readonly undo?: boolean
  readonly execute?: boolean
  readonly json?: boolean
}

const HELP =
  '\nOnly values that surely mean another one are converted, in documents of which nothing else is odd. What was there ' +
  'is kept, byte for byte. Moods that the engine has never seen are history then, which "moods backfill --execute" publishes.'

export function mendCommand(exit: Exit): Command {
  return new Command('mend')
    .description('converts odd values that surely mean another one, such as a time as text with its zone')
    .option('--undo', 'puts back what was there, where the field has not been changed since')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', HELP)
    .action(async ({ undo = false, ...options }: Options) => exit(await (undo ? runUndo(options) : runMend(options))))
}

const clock = { now: Date.now }

function runMend(options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openStore, 'data mend', options, {
    work: async ({ store }, { onProgress, stop, announce }) => {
      const { mendData } = await import('../../operate/data-mend.ts')
      return mendData({ store, clock }, { execute }, (plan) => announce(describeMendPlan(plan)), onProgress, stop)
    },
    text: describeMended,
    json: (result) => result,
    ending: ({ executed, complete, left }) => ({ needsSomebody: false, complete, odd: executed && left > 0 }),
  })
}

function runUndo(options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openStore, 'data mend', options, {
    work: async ({ store }, { onProgress, stop }) => {
      const { unmendData } = await import('../../operate/data-mend.ts')
      return unmendData({ store, clock }, { execute }, onProgress, stop)
    },
    text: describeUnmended,
    json: (result) => result,
    ending: ({ complete }) => ({ needsSomebody: false, complete }),
  })
}
