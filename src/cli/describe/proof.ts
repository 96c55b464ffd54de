/** What `moods proof` prints. */

import type { Proof } from '../../domain/proof.ts'
import { counted } from '../../domain/tally.ts'
import { whoIs } from '../../domain/user-names.ts'
import type { Checked, ShownProof } from '../../operate/proof.ts'
import type { DocumentOf } from '../json/documents.ts'
import { isoTime } from '../phrases.ts'
import { duration } from '../progress.ts'
import { countsInWords } from './audit.ts'
import { describeReason, line } from './lines.ts'

/** One user's proof, for people. */
export function describeProof(shown: ShownProof): string {
  const { user, handle, account, mood, proof, age, why, look, commands, checked } = shown
  return [
    line('user', whoIs(user, handle)),
    ...(account === null ? [] : [line('account', accountOf(account))]),
    ...(mood === null ? [] : [line('mood', `${mood.id}, ${mood.state}, record ${mood.rkey}${cidOf(mood.cid)}`)]),
    ...(checked === null ? [] : [line('checked', CHECKED[checked.result](checked))]),
    ...(proof === null ? [line('proven', 'no')] : describeHeld(proof, age)),
    ...(why === null ? [] : describeReason({ ...why, code: 'out_of_step' })),
    ...(why !== null && look !== null ? [line('last read', isoTime(look.at))] : []),
    ...(commands.length === 0
      ? []
      : ['', 'What anyone can ask, without this program (docs/guides/proof.md has the rest):']),
    ...commands.flatMap(({ shows, command }) => [`  # ${shows}`, `  ${command}`]),
  ].join('\n')
}

function accountOf({ did, pds, pdsHandle }: NonNullable<ShownProof['account']>): string {
  if (did === null) return 'none yet'
  return `${did} at ${pds ?? 'no PDS'}${pdsHandle === null ? '' : `, ${pdsHandle}`}`
}

function cidOf(cid: string | null): string {
  return cid === null ? '' : `, ${cid}`
}

function describeHeld({ rev, commit, records, at, seenAt }: Proof, age: number | null): string[] {
  const old = age === null ? 'by a clock that was wrong: nobody knows how old it is' : `${duration(age / 1000)} ago`
  return [
    line('proven', `${counted(records, 'record')} equal to what the database wants, by a signed commit`),
    line('commit', commit),
    line('rev', rev),
    line('proven at', isoTime(at)),
    line('last seen', `${isoTime(seenAt)} unchanged, ${old}`),
  ]
}

const CHECKED: Readonly<Record<Checked['result'], (checked: Checked) => string>> = {
  holds: () => 'the proof holds: the newest commit is the one that was proven',
  proven: () => 'the newest commit is another one than before, and was proven now',
  in_flight: () => 'nothing differs, but changes are on their way: nothing was proven now',
  not_signed: () => 'nothing differs, but the signature could not be checked: nothing was proven now',
  differs: ({ findings }) => `the proof does not hold: ${countsInWords(findings)}`,
  unread: ({ code }) => `the repository could not be read (${code})`,
}

/** The same for programs. */
export function proofAsJson(shown: ShownProof): DocumentOf<'proof'>['proofs'][number] {
  const { proof, age, look, ...rest } = shown
  return {
    ...rest,
    proof: proof && { ...proof, at: isoTime(proof.at), seenAt: isoTime(proof.seenAt), ageMs: age },
    look: look && { at: isoTime(look.at), findings: look.findings },
  }
}
