/** `moods federation off|on|percent|allow`: change whose moods are published. */

import { hostname, userInfo } from 'node:os'
import { Command } from 'commander'
import type { PolicyRequest } from '../../operate/federation.ts'
import { describeChange, describeChanged } from '../describe/federation.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION, percentage, USER } from '../options.ts'
import { allowed, besideShare, KEEP } from '../policy-list.ts'

interface Options {
  readonly alone?: boolean
  readonly add?: boolean
  readonly remove?: boolean
  readonly reason?: string
  readonly execute?: boolean
  readonly json?: boolean
}

type Names = readonly string[]

const HELP =
  '\nThe policy is kept in the database, and every process follows it within a second. Under every policy, records ' +
  'that are published stay where they are, and withdrawals and erasures go on.'

export function changeCommands(exit: Exit): readonly Command[] {
  const run = async (change: PolicyRequest, options: Options): Promise<void> => exit(await set(change, options))
  const percent = changing('percent', 'publishes the moods of a share of the users, and of those on the list')
    .argument('<n>', 'from 0 to 100; whoever is in stays in as it grows', percentage)
    .argument('[user...]', `${USER}; these replace the list, which stays as it is if none is named`)
    .option('--alone', 'publish for the share alone, and empty the list')
  const allow = changing('allow', 'publishes the moods of these users alone: they replace the list, and a share ends')
    .argument('[user...]', `${USER}; if none is named, those who are on the list`)
    .option('--add', 'put them on the list, and change nothing else')
    .option('--remove', 'take them off the list, and change nothing else')
  return [
    changing('off', 'publishes nothing new; the list is kept').action((options) =>
      run({ mode: 'off', list: KEEP }, options),
    ),
    changing('on', 'publishes the moods of all users; the list is kept').action((options) =>
      run({ mode: 'on', list: KEEP }, options),
    ),
    percent.action((n: number, names: Names, options) =>
      run({ mode: 'percent', percent: n, list: besideShare(names, options) }, options),
    ),
    allow.action((names: Names, options) => run({ mode: 'allow', list: allowed(names, options) }, options)),
  ]
}

function changing(name: string, description: string): Command {
  const command = new Command(name).description(description).option('--reason <text>', 'why, for those who ask later')
  return command
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', HELP)
}

function set(change: PolicyRequest, { reason = '', ...options }: Options): Promise<Ending> {
  const { execute = false } = options
  const by = `${userInfo().username}@${hostname()}`
  const how = { change, by, reason: reason === '' ? null : reason, execute }
  return runTask(openInstallation, `federation ${change.mode}`, options, {
    work: async (app, { onProgress, stop, plan }) => {
      const { changeFederation } = await import('../../operate/federation.ts')
      return changeFederation(app, how, (planned) => plan(describeChange(planned)), onProgress, stop)
    },
    text: describeChanged,
    json: ({ executed, unchanged, before, after, users, effects }) => ({
      executed,
      unchanged,
      before,
      after,
      users,
      effects,
    }),
    ending: ({ complete }) => ({ needsSomebody: false, complete }),
  })
}
