/** `moods relays`: asks relays to follow the PDS. */

import { Command } from 'commander'
import { describeCrawl } from '../describe/relays.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'

interface Options {
  readonly json?: boolean
  readonly execute?: boolean
}

export function relaysCommand(exit: Exit): Command {
  const crawl = new Command('crawl')
    .description('says whether the relays of RELAYS know the PDS, and asks them to crawl it')
    .option(...EXECUTE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nA relay that crawls the PDS already only looks at it again: docs/guides/relays.md')
    .action(async (options: Options) => exit(await runCrawl(options)))
  return new Command('relays').description('asks relays to show what is published').addCommand(crawl)
}

function runCrawl(options: Options): Promise<Ending> {
  const { execute = false } = options
  return runTask(openInstallation, 'relays crawl', options, {
    work: async (app, { stop }) => {
      const { requestCrawls } = await import('../../operate/relays-crawl.ts')
      return requestCrawls(app, execute, stop)
    },
    text: describeCrawl,
    json: (result) => result,
    ending: ({ relays }) => ({ needsSomebody: relays.some(({ asked }) => asked === false), complete: true }),
  })
}
