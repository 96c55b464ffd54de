/** `moods show`: everything about one thing, whatever an operator has in hand. */

import { Command } from 'commander'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'

interface Options {
  readonly json?: boolean
}

export function showCommand(exit: Exit): Command {
  return new Command('show')
    .description('shows a user, a mood, a record or an erasure: how it stands, why, and what to do; changes nothing')
    .argument(
      '<thing>',
      '@handle, handle on the PDS, sub, DID, id of a mood, AT-URI, receipt of an erasure, or the 12 hex digits by which the log names a user or an erasure',
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nRead from the database and from the PDS now. The first words of a public mood are printed as text, never as JSON.',
    )
    .action(async (thing: string, options: Options) => exit(await run(thing, options)))
}

async function run(thing: string, options: Options): Promise<Ending> {
  const [{ isWhole, needsSomebody, show }, { describeShown }, { shownAsJson }] = await Promise.all([
    import('../../operate/show.ts'),
    import('../describe/show.ts'),
    import('../describe/show-json.ts'),
  ])
  const withWords = options.json !== true
  return runTask(openInstallation, 'show', options, {
    work: (app, { onProgress, stop }) => show(app, thing, { withWords }, onProgress, stop),
    text: describeShown,
    json: (shown) => ({ things: shown.map(shownAsJson) }),
    ending: (shown) => ({ needsSomebody: shown.some(needsSomebody), complete: shown.every(isWhole) }),
  })
}
