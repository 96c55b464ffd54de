/** What the commands about the lexicon print for people. */

import { counted } from '../../domain/tally.ts'
import type { Validation } from '../../lexicon/document.ts'
import type { Change, Plan } from '../../lexicon/evolution.ts'
import type { Published } from '../../lexicon/publish.ts'
import type { CheckReport, Finding } from '../../lexicon/resolve.ts'
import { colour } from '../colour.ts'
import { DRY_RUN } from '../phrases.ts'

export function describeValidation({
  file,
  ok,
  nsid,
  problems,
  samples,
}: Validation & { readonly file: string }): string {
  const rows = samples.map((sample) => {
    const what = sample.reason === null ? 'accepted' : `refused: ${sample.reason}`
    const mark = sample.ok ? colour('ok', 'ok   ') : colour('problem', 'WRONG')
    return `${mark}  ${sample.name}: ${what}${sample.ok ? '' : ` (should be ${sample.expected})`}`
  })
  const bad = samples.filter((sample) => !sample.ok).length
  return [
    `${nsid ?? 'no lexicon'}, in ${file}`,
    ...problems.map((problem) => `${colour('problem', 'WRONG')}  ${problem}`),
    ...rows,
    ok
      ? `All is well: ${counted(samples.length, 'sample record')}.`
      : `Wrong: ${problems.length + bad} of what was checked.`,
  ].join('\n')
}

export function describeCheck({ nsid, txt, did, pds, uri, cid, findings }: CheckReport, isOwn: boolean): string {
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
  return [`${colour('problem', 'FINDING')}   ${step}: ${problem}`, ...describeChanges(changes), `  remedy: ${remedy}`]
}

const PLANS: Readonly<Record<Plan['action'], string>> = {
  create: 'create the record; nothing is published there',
  nothing: 'nothing to do; this very document is published there',
  change: 'replace the record by a compatible one',
  breaking: 'replace the record by one that is BREAKING for what is published there',
}

export function describePlan({ nsid, did, pds, action, changes }: Published): string {
  return [
    `lexicon   ${nsid}`,
    `repo      ${did ?? 'an account that is still to be made'}, on ${pds}`,
    `plan      ${PLANS[action]}`,
    ...describeChanges(changes),
  ].join('\n')
}

function dnsOf({ dns }: Published): string[] {
  return dns === null ? [] : [`DNS       ${dns}`]
}

export function describePublished(result: Published, execute: boolean): string {
  return [...dnsOf(result), verdict(result, execute)].join('\n')
}

function verdict({ action, refused, executed, uri }: Published, execute: boolean): string {
  if (refused) return `${execute ? 'Refused' : 'Would be refused'}: that needs a new NSID, or --force.`
  if (!executed) return action === 'nothing' ? 'All is done.' : DRY_RUN
  return action === 'nothing' ? 'All was done already.' : `Published: ${uri}`
}

/** A line for each difference, from what is published to what would be. */
function describeChanges(changes: readonly Change[]): string[] {
  const whom = { records: 'breaks existing records', readers: 'breaks existing readers', both: 'breaks both sides' }
  return changes.map(({ path, what, breaks }) => `  ${path}: ${what}${breaks === null ? '' : ` (${whom[breaks]})`}`)
}
