/** `moods lexicon`: validates the lexicon, publishes it, and checks that other clients can resolve it. */

import { Command } from 'commander'
import { describeCheck, describeValidation } from '../describe/lexicon.ts'
import type { Ending, Exit } from '../exit.ts'
import { openNothing, runTask } from '../open.ts'
import { JSON_OPTION } from '../options.ts'
import { publishCommand } from './lexicon-publish.ts'

const FILE_OPTION = ['--file <path>', 'another lexicon file than the product’s own'] as const

interface Options {
  readonly did?: string
  readonly nameServer?: string
  readonly plc?: string
  readonly file?: string
  readonly json?: boolean
}

export function lexiconCommand(exit: Exit): Command {
  const validateCommand = new Command('validate')
    .description('validates the lexicon, and checks that it accepts valid sample records and refuses the others')
    .option(...FILE_OPTION)
    .option(...JSON_OPTION)
    .action(async (options: Options) => exit(await validate(options)))
  const check = new Command('check')
    .description('follows DNS, the DID and its PDS to the record, and compares it with the lexicon')
    .option('--did <did>', 'look into the repo of this DID and leave out DNS')
    .option('--name-server <address>', 'ask this DNS server, as 192.0.2.1 or 192.0.2.1:53; to check a fresh DNS change')
    .option('--plc <url>', 'PLC directory to ask, instead of the configured one')
    .option(...FILE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nNo DNS leads to the embedded PDS: in embedded mode its own repo is checked, unless --did, --name-server or --plc is given.',
    )
    .action(async (options: Options) => exit(await runCheck(options)))
  return new Command('lexicon')
    .description('validates the lexicon of moods, publishes it, and checks that it can be resolved')
    .addCommand(validateCommand)
    .addCommand(publishCommand(exit))
    .addCommand(check)
}

function validate(options: Options): Promise<Ending> {
  return runTask(openNothing, 'lexicon validate', options, {
    work: async () => {
      const [{ validateLexicon }, { readLexiconFile }] = await Promise.all([
        import('../../lexicon/document.ts'),
        import('../../lexicon/repo.ts'),
      ])
      const { file, json } = readLexiconFile(options.file)
      return { file, ...validateLexicon(json) }
    },
    text: describeValidation,
    json: (result) => result,
    ending: ({ ok }) => ({ needsSomebody: !ok, complete: true }),
  })
}

function runCheck({ did: named, nameServer, plc, file, ...options }: Options): Promise<Ending> {
  return runTask(openNothing, 'lexicon check', options, {
    work: async () => {
      const [{ loadPublication }, { checkLexicon }, { embeddedDid, readPlace, resolverOf }] = await Promise.all([
        import('../../lexicon/repo.ts'),
        import('../../lexicon/resolve.ts'),
        import('../lexicon-place.ts'),
      ])
      const publication = loadPublication(file)
      const place = readPlace(plc)
      const resolveTxt = resolverOf(nameServer, place.timeoutMs)
      const did = named ?? (nameServer === undefined ? embeddedDid(place) : null)
      return checkLexicon({ publication, did, resolveTxt, ...place })
    },
    text: (report) => describeCheck(report, named === undefined),
    json: (report) => report,
    ending: ({ ok }) => ({ needsSomebody: !ok, complete: true }),
  })
}
