/** `moods federation`: shows whose moods are published, and changes it. */

import { hostname, userInfo } from 'node:os'
import { Command } from 'commander'
import type { PolicyChange } from '../../operate/federation.ts'
import { describeChange, describeChanged, describeFederation } from '../describe/federation.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, handles, JSON_OPTION, percentage } from '../options.ts'

interface Options {
  readonly reason?: string
  readonly execute?: boolean
  readonly json?: boolean
}

const HELP =
  '\nThe policy is kept in the database, and every process follows it within a second. Under every policy, records ' +
  'that are published stay where they are, and withdrawals and erasures go on.'

export function federationCommand(exit: Exit): Command {
  const status = new Command('status').description('who set it, when and why, and what it holds')
  const percent = changing('percent', 'publishes the moods of a share of the users, who stay in as it grows')
  const allow = changing(
    'allow',
    'publishes the moods of these users alone; they stay in beside a share that is set later',
  )
  const run = async (change: PolicyChange, options: Options): Promise<void> => exit(await set(change, options))
  return new Command('federation')
    .description('whose moods are published: everybody’s, a share, a list, or nobody’s')
    .addCommand(
      status.option(...JSON_OPTION).action(async (options: Options) => exit(await showStatus(options))),
      { isDefault: true },
    )
    .addCommand(changing('off', 'publishes nothing new').action((options) => run({ mode: 'off' }, options)))
    .addCommand(changing('on', 'publishes the moods of all users').action((options) => run({ mode: 'on' }, options)))
    .addCommand(
      percent
        .argument('<n>', 'from 0 to 100', percentage)
        .action((n, options) => run({ mode: 'percent', percent: n }, options)),
    )
    .addCommand(
      allow
        .argument('<handle...>', 'such as @alice; replaces the list', handles)
        .action((list, options) => run({ mode: 'allow', allow: list }, options)),
    )
}

function changing(name: string, description: string): Command {
  const command = new Command(name).description(description).option('--reason <text>', 'why, for those who ask later')
  return command
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', HELP)
}

function showStatus(options: Options): Promise<Ending> {
  return runTask(openInstallation, 'federation status', options, {
    work: async (app, { onProgress, stop }) => {
      const { federationStatus } = await import('../../operate/federation.ts')
      return federationStatus(app, app.config.federation, onProgress, stop)
    },
    text: describeFederation,
    json: ({ federation, ignored, moods }) => ({ federation, ignored, moods }),
    ending: ({ complete }) => ({ needsSomebody: false, complete }),
  })
}

function set(change: PolicyChange, { reason = '', execute = false, ...options }: Options): Promise<Ending> {
  const by = `${userInfo().username}@${hostname()}`
  const how = { change, by, reason: reason === '' ? null : reason, execute }
  return runTask(openInstallation, `federation ${change.mode}`, options, {
    work: async (app, { onProgress, stop, announce }) => {
      const { changeFederation } = await import('../../operate/federation.ts')
      return changeFederation(app, how, (planned) => announce(describeChange(planned)), onProgress, stop)
    },
    text: describeChanged,
    json: ({ executed, before, after, effects }) => ({ executed, before, after, effects }),
    ending: ({ complete }) => ({ needsSomebody: false, complete }),
  })
}
