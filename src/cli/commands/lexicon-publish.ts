/** `moods lexicon publish`: publishes the lexicon as a record of the authority's repo. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import type { PublishDeps } from '../../lexicon/publish.ts'
import { describePlan, describePublished } from '../describe/lexicon.ts'
import type { Ending, Exit } from '../exit.ts'
import { openInstallation, openNothing, runTask } from '../open.ts'
import { EXECUTE_OPTION, JSON_OPTION } from '../options.ts'

interface Options {
  readonly did?: string
  readonly passwordEnv: string
  readonly plc?: string
  readonly file?: string
  readonly execute?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

export function publishCommand(exit: Exit): Command {
  return new Command('publish')
    .description('publishes the lexicon as a record of the repo that DNS names, or of the embedded PDS')
    .option('--did <did>', 'the repo to publish in; without it, an account of the embedded PDS, made on first use')
    .option('--password-env <name>', 'environment variable that holds its password', 'LEXICON_PASSWORD')
    .option('--plc <url>', 'PLC directory to ask for the DID, instead of the configured one')
    .option('--file <path>', 'another lexicon file than the product’s own')
    .option(...EXECUTE_OPTION)
    .option('--force', 'publish even if it breaks existing records or readers')
    .option(...JSON_OPTION)
    .action(async (options: Options) => exit(await publish(options)))
}

function publish({ did, passwordEnv, plc, file, ...options }: Options): Promise<Ending> {
  const { execute = false, force = false } = options
  return runTask(openNothing, 'lexicon publish', options, {
    work: async (_, { print }) => {
      const [{ loadPublication }, { publishLexicon }, { readPlace }] = await Promise.all([
        import('../../lexicon/repo.ts'),
        import('../../lexicon/publish.ts'),
        import('../lexicon-place.ts'),
      ])
      const publication = loadPublication(file)
      const place = readPlace(plc)
      const password = did !== undefined && execute ? readPassword(passwordEnv) : null
      const deps: PublishDeps = { ...place, remotePds: place.config.remote?.url ?? null, withHost }
      const how = { did, password, execute, force }
      return publishLexicon(deps, publication, how, (plan) => print(describePlan(plan)))
    },
    text: (result) => describePublished(result, execute),
    json: (result) => result,
    ending: ({ refused }) => ({ needsSomebody: refused, complete: true }),
  })
}

const withHost: PublishDeps['withHost'] = async (use) => {
  await using app = await openInstallation()
  return await use(app.host)
}

/** @throws DomainError `usage` */
function readPassword(name: string): string {
  const password = process.env[name]
  if (password) return password
  throw new DomainError('usage', `${name} must hold the password of the repo's account (--password-env names another)`)
}
