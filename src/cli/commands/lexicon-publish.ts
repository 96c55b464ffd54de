/** `moods lexicon publish`: makes the lexicon a record of the authority's repo. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import { openAuthority, storedAuthority } from '../../lexicon/embedded-authority.ts'
import { LEXICON_COLLECTION, type Publication, txtLineOf } from '../../lexicon/document.ts'
import { type Change, type Plan, planOf } from '../../lexicon/evolution.ts'
import { resolveDid } from '../../pds/identity.ts'
import { LexiconRepo, loadPublication } from '../../lexicon/repo.ts'
import { openInstallation } from '../open.ts'
import { type Place, readPlace } from './lexicon-place.ts'

interface Options {
  readonly did?: string
  readonly passwordEnv: string
  readonly plc?: string
  readonly file?: string
  readonly execute?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

export function publishCommand(): Command {
  return new Command('publish')
    .description('publishes the lexicon as a record of the repo that DNS names, or of the embedded PDS')
    .option('--did <did>', 'the repo to publish in; without it, an account of the embedded PDS, made on first use')
    .option('--password-env <name>', 'environment variable that holds its password', 'LEXICON_PASSWORD')
    .option('--plc <url>', 'PLC directory to ask for the DID, instead of the configured one')
    .option('--file <path>', 'another lexicon file than the product’s own')
    .option('--execute', 'do it; without this, only say what would be done')
    .option('--force', 'also when it breaks records or readers of what is published there')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      '\nEnds with 0 when it is, or could be, published; 1 when it breaks what is there; 3 when something does not answer.',
    )
    .action(publish)
}

/** The repo to publish in; not there yet for the first time on the embedded PDS. */
interface Target {
  readonly pds: string
  readonly did: string | null
}

interface Result extends Plan, Target {
  readonly nsid: string
  readonly uri: string | null
  readonly cid: string
  readonly executed: boolean
  /** Breaking, and not told to go on all the same. */
  readonly refused: boolean
  /** The line for the zone file. */
  readonly dns: string | null
}

async function publish(options: Options): Promise<void> {
  const { execute = false, force = false, json = false } = options
  const publication = loadPublication(options.file)
  const place = readPlace(options.plc)
  const password = options.did !== undefined && execute ? readPassword(options.passwordEnv) : null
  const target = await findTarget(options.did, place)
  const plan = await planFor(target, place, publication)
  const refused = plan.action === 'breaking' && !force
  let result = resultOf(publication, target, plan, { refused, executed: false })
  if (!json) console.log(describe(result))
  if (execute && !refused) {
    const did = password === null ? await publishHere(place, publication, force) : target.did
    if (password !== null) await repoOf(place, target.pds, target.did!).publish(publication, password, force)
    result = resultOf(publication, { ...target, did }, plan, { refused, executed: true })
  }
  console.log(json ? JSON.stringify(result, null, 2) : [...dnsOf(result), verdict(result, execute)].join('\n'))
  if (refused) process.exitCode = 1
}

/** @throws DomainError `usage` */
function readPassword(name: string): string {
  const password = process.env[name]
  if (password) return password
  throw new DomainError('usage', `${name} must hold the password of the repo's account (--password-env names another)`)
}

/** @throws DomainError `usage`, `not_found`, `unavailable` */
async function findTarget(did: string | undefined, place: Place): Promise<Target> {
  const { config, plcUrl, timeoutMs, folder, embeddedPds } = place
  if (did !== undefined) {
    const found = resolveDid(did, plcUrl, timeoutMs).then((identity) =>
      identity.kind === 'known' ? identity.pds : null,
    )
    const pds = await found.catch((error: unknown) => {
      // The PDS that we are configured with is as good a guess as any: it refuses whom it does not know.
      if (error instanceof DomainError && error.code === 'unavailable' && config.remote) return config.remote.url
      throw error
    })
    if (pds === null) throw new DomainError('not_found', `${did} does not lead to a PDS (asked: ${plcUrl})`)
    return { did, pds }
  }
  if (embeddedPds !== null) return { did: storedAuthority(folder)?.did ?? null, pds: embeddedPds }
  if (config.remote) throw new DomainError('usage', '--did must name the repo to publish in')
  const message = `there is no embedded PDS in ${folder.path} yet: "npm start" makes it; or name a repo with --did`
  throw new DomainError('usage', message)
}

function repoOf({ xrpc }: Place, pds: string, did: string): LexiconRepo {
  return new LexiconRepo(xrpc, pds, did)
}

async function planFor({ did, pds }: Target, place: Place, publication: Publication): Promise<Plan> {
  const published = did === null ? null : await repoOf(place, pds, did).read(publication.document.id)
  return planOf(published, publication)
}

/** @returns the DID of the embedded authority, which may be new */
async function publishHere(place: Place, publication: Publication, force: boolean): Promise<string> {
  await using app = await openInstallation()
  const { did, password } = await openAuthority(place.folder, app.host)
  await repoOf(place, app.pdsUrl, did).publish(publication, password, force)
  return did
}

function resultOf(
  { document, cid }: Publication,
  { did, pds }: Target,
  plan: Plan,
  how: { readonly refused: boolean; readonly executed: boolean },
): Result {
  const nsid = document.id
  const uri = did === null ? null : `at://${did}/${LEXICON_COLLECTION}/${nsid}`
  return { nsid, did, pds, uri, cid, ...plan, ...how, dns: did === null ? null : txtLineOf(nsid, did) }
}

const PLANS: Readonly<Record<Plan['action'], string>> = {
  create: 'create the record; nothing is published there',
  nothing: 'nothing to do; this very document is published there',
  change: 'replace the record by a compatible one',
  breaking: 'replace the record by one that is BREAKING for what is published there',
}

function describe({ nsid, did, pds, action, changes }: Result): string {
  return [
    `lexicon   ${nsid}`,
    `repo      ${did ?? 'an account that is still to be made'}, on ${pds}`,
    `plan      ${PLANS[action]}`,
    ...describeChanges(changes),
  ].join('\n')
}

function dnsOf({ dns }: Result): string[] {
  return dns === null ? [] : [`DNS       ${dns}`]
}

function verdict({ action, refused, executed, uri }: Result, execute: boolean): string {
  if (refused) return `${execute ? 'Refused' : 'Would be refused'}: that needs a new NSID, or --force.`
  if (!executed) return action === 'nothing' ? 'All is done.' : 'Nothing was done (--execute does it).'
  return action === 'nothing' ? 'All was done already.' : `Published: ${uri}`
}

/** A line for each difference, from what is published to what would be. */
export function describeChanges(changes: readonly Change[]): string[] {
  const whom = { records: 'breaks records of before', readers: 'breaks readers of before', both: 'breaks both sides' }
  return changes.map(({ path, what, breaks }) => `  ${path}: ${what}${breaks === null ? '' : ` (${whom[breaks]})`}`)
}
