/** `moods federation`: shows whose moods are published, and changes it. */

import { Command } from 'commander'
import { describeFederation } from '../describe/federation.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'
import { changeCommands } from './federation-change.ts'

interface Options {
  readonly json?: boolean
}

export function federationCommand(exit: Exit): Command {
  const status = new Command('status')
    .description('who set it, when and why, and what it holds')
    .option(...JSON_OPTION)
    .action(async (options: Options) => exit(await showStatus(options)))
  const federation = new Command('federation')
    .description('whose moods are published: everybody’s, a share, a list, or nobody’s')
    .addCommand(status, { isDefault: true })
  for (const command of changeCommands(exit)) federation.addCommand(command)
  return federation
}

function showStatus(options: Options): Promise<Ending> {
  return runTask(openInstallation, 'federation status', options, {
    work: async (app, { onProgress, stop }) => {
      const { federationStatus } = await import('../../operate/federation.ts')
      return federationStatus(app, app.config.federation, onProgress, stop)
    },
    text: describeFederation,
    json: ({ federation, ignored, users, moods }) => ({ federation, ignored, users, moods }),
    ending: ({ complete }) => ({ needsSomebody: false, complete }),
  })
}
