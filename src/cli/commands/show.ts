/** `moods show`: everything about one thing, whatever an operator has in hand. */

import { Command } from 'commander'
import { isWhole, needsSomebody, show } from '../../operate/show.ts'
import { describeShown } from '../describe/show.ts'
import { shownAsJson } from '../describe/show-json.ts'
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
      '@handle, sub, DID, id of a mood, AT-URI, receipt of an erasure, or the 12 hex digits by which the log names a user or an erasure',
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nRead from the database and from the PDS now. The first words of a public mood are printed as text, never as JSON.',
    )
    .action(async (thing: string, options: Options) => exit(await run(thing, options)))
}

function run(thing: string, { json = false }: Options): Promise<Ending> {
  return runTask(
    openInstallation,
    'show',
    { json },
    {
      work: (app, { onProgress, stop }) => show(app, thing, { withWords: !json }, onProgress, stop),
      text: describeShown,
      json: (shown) => ({ things: shown.map(shownAsJson) }),
      ending: (shown) => ({ needsSomebody: shown.some(needsSomebody), complete: shown.every(isWhole) }),
    },
  )
}
