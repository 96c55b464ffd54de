/** `moods lexicon`: the contract of the records, checked, published, and looked up as strangers do. */

import { Command } from 'commander'
import { DomainError } from '../../domain/errors.ts'
import { storedAuthority } from '../../lexicon/embedded-authority.ts'
import { type CheckReport, checkLexicon, type Finding } from '../../lexicon/resolve.ts'
import { loadPublication, readLexiconFile } from '../../lexicon/repo.ts'
import { validateLexicon, type Validation } from '../../lexicon/document.ts'
import { type Place, readPlace, resolverOf } from './lexicon-place.ts'
import { describeChanges, publishCommand } from './lexicon-publish.ts'

export function lexiconCommand(): Command {
  return new Command('lexicon')
    .description('validates the lexicon of moods, publishes it, and checks that it can be found')
    .addCommand(
      new Command('validate')
        .description('whether the lexicon is one, accepts the records that it should and refuses the others')
        .option('--file <path>', 'another lexicon file than the product’s own')
        .option('--json', 'one JSON document on standard output')
        .addHelpText('after', '\nEnds with 0 when all is well, 1 with the reasons when it is not.')
        .action(validate),
    )
    .addCommand(publishCommand())
    .addCommand(
      new Command('check')
        .description('whether DNS, the DID, its PDS and the record lead to the lexicon that moods are written by')
        .option('--did <did>', 'look into the repo of this DID and leave out DNS')
        .option(
          '--name-server <address>',
          'ask this DNS server, as 192.0.2.1 or 192.0.2.1:53; for a change that is new',
        )
        .option('--plc <url>', 'PLC directory to ask, instead of the configured one')
        .option('--file <path>', 'another lexicon file than the product’s own')
        .option('--json', 'one JSON document on standard output')
        .addHelpText(
          'after',
          [
            '',
            'Where the embedded PDS is used, which no DNS leads to, its own repo is looked into, unless --did, --name-server',
            'or --plc says otherwise.',
            'Ends with 0 when it is found, 1 with findings and what to do about each, 3 when something does not answer.',
          ].join('\n'),
        )
        .action(check),
    )
}

async function validate(options: { file?: string; json?: boolean }): Promise<void> {
  const { file, json } = readLexiconFile(options.file)
  const result = validateLexicon(json)
  console.log(options.json ? JSON.stringify({ file, ...result }, null, 2) : describeValidation(file, result))
  if (!result.ok) process.exitCode = 1
}

function describeValidation(file: string, { ok, nsid, problems, samples }: Validation): string {
  const rows = samples.map((sample) => {
    const what = sample.reason === null ? 'accepted' : `refused: ${sample.reason}`
    const verdict = sample.ok ? 'ok   ' : 'WRONG'
    return `${verdict}  ${sample.name}: ${what}${sample.ok ? '' : ` (should be ${sample.expected})`}`
  })
  const bad = samples.filter((sample) => !sample.ok).length
  return [
    `${nsid ?? 'no lexicon'}, in ${file}`,
    ...problems.map((problem) => `WRONG  ${problem}`),
    ...rows,
    ok ? `All is well: ${samples.length} sample records.` : `Wrong: ${problems.length + bad} of what was checked.`,
  ].join('\n')
}

interface CheckOptions {
  readonly did?: string
  readonly nameServer?: string
  readonly plc?: string
  readonly file?: string
  readonly json?: boolean
}

async function check(options: CheckOptions): Promise<void> {
  const publication = loadPublication(options.file)
  const place = readPlace(options.plc)
  const resolveTxt = resolverOf(options.nameServer, place.timeoutMs)
  const did = options.did ?? (options.nameServer === undefined ? embeddedDid(place) : null)
  const report = await checkLexicon({ publication, did, resolveTxt, ...place })
  console.log(options.json ? JSON.stringify(report, null, 2) : describeCheck(report, options.did === undefined))
  if (!report.ok) process.exitCode = 1
}

/**
 * The repo that holds the lexicon on the embedded PDS; null where that is not used.
 *
 * @throws DomainError `not_found` when nothing was ever published there
 */
function embeddedDid({ embeddedPds, folder }: Place): string | null {
  if (embeddedPds === null) return null
  const did = storedAuthority(folder)?.did
  if (did) return did
  const message = 'nothing was published on the embedded PDS yet: "moods lexicon publish --execute" does it'
  throw new DomainError('not_found', message)
}

function describeCheck({ nsid, txt, did, pds, uri, cid, findings }: CheckReport, isOwn: boolean): string {
  const skipped = `not asked: ${isOwn ? 'no DNS leads to the embedded PDS' : 'the DID was given'}`
  return [
    `lexicon   ${nsid}`,
    `DNS       ${txt.asked ? `${txt.name}${did === null ? '' : ` leads to ${did}`}` : skipped}`,
    `DID       ${did ?? 'unknown'}`,
    `PDS       ${pds ?? 'unknown'}`,
    `record    ${uri ?? 'none'}${cid.published === null ? '' : ` ${cid.published}`}`,
    ...findings.flatMap(describeFinding),
    findings.length === 0 ? 'Found, signed by its repo, and the same.' : `${findings.length} to look into.`,
  ].join('\n')
}

function describeFinding({ step, problem, remedy, changes }: Finding): string[] {
  return [`FINDING   ${step}: ${problem}`, ...describeChanges(changes), `  remedy: ${remedy}`]
}
