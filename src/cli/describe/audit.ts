/** What `moods audit` prints, and the summary that `moods repair` prints too. */

import { counted } from '../../domain/tally.ts'
import type { AuditCounts } from '../../domain/audit-counts.ts'
import { heldIn } from '../../domain/held.ts'
import { FINDING_KINDS, type FindingKind, REPAIRED } from '../../domain/finding-kinds.ts'
import { nameOf, whoIs } from '../../domain/user-names.ts'
import type { AuditReport, Summary } from '../../operate/survey.ts'
import { colour } from '../colour.ts'
import { holdReason } from '../../domain/reasons.ts'
import { describeVisible } from './relays.ts'
import { describeHeld, heldDocument } from './lines.ts'
import { INTERRUPTED, percent } from '../phrases.ts'
import { describeLastKnown, describeSilent, lastKnownDocument, silentDocument } from './silence.ts'

/** An audit's counts, and a table of its findings. @param now ms since 1970 */
export function describeSummary({ counts, findings, silent, lastKnown, ...of }: Summary, now: number): string[] {
  const checked = of.audited + of.unchanged + of.unreadable
  return [
    ...alarm(findings.leaked),
    ...(of.notReached > 0
      ? [
          `not reached    ${of.notReached} of ${counted(of.users, 'repository', 'repositories')}, of which nothing is counted here`,
        ]
      : []),
    `moods          ${counts.moods}`,
    `records        ${counts.records}`,
    // Not the rate of the report, which asks the database alone.
    `in step        ${percent(of.syncRate, checked === 0 ? 'not known' : 'nothing to sync')}${of.syncRate === null ? '' : ' of the records that should be there'}`,
    checked === 0
      ? 'checks passed  none: no repository was read'
      : `checks passed  ${of.clean} of ${counted(checked, 'repository', 'repositories')} (${of.unchanged} unchanged since ${of.unchanged === 1 ? 'its' : 'their'} last audit)`,
    ...(checked === 0 ? [] : [`proven         ${of.proven} of these, by a signed commit`]),
    `no findings    ${inWords(counts)}`,
    ...describeHeld(heldIn(counts)),
    ...(of.withoutAccount > 0
      ? [`no account     ${counted(of.withoutAccount, 'user')}, whose moods are in these numbers`]
      : []),
    ...FINDING_KINDS.flatMap((kind) => (findings[kind] ? [`${kind.padEnd(15)}${findings[kind]}`] : [])),
    ...describeSilent(silent, now),
    ...describeLastKnown(lastKnown, now),
    ...(of.notReached > 0 && silent.length === 0 ? [INTERRUPTED] : []),
  ]
}

/** How each mood is counted that has no finding of its own. */
const COUNTED_AS: Readonly<Record<Exclude<keyof AuditCounts, 'moods' | 'records'>, string>> = {
  synced: 'in step',
  legacy: 'in step with a legacy record',
  kept: 'kept',
  held: 'held',
  noAccount: 'without an account',
  history: 'waiting for a backfill',
  inFlight: 'in flight',
  private: 'private',
  absent: 'deleted',
  unpublishable: 'unpublishable',
  rejected: 'rejected',
}

function inWords(counts: AuditCounts): string {
  const names = Object.keys(COUNTED_AS) as (keyof typeof COUNTED_AS)[]
  const some = names.filter((name) => counts[name] > 0)
  return some.map((name) => `${counts[name]} ${COUNTED_AS[name]}`).join(', ') || 'none'
}

/** The same for programs. */
export function summaryDocument({ silent, lastKnown, ...numbers }: Summary) {
  return {
    ...numbers,
    held: heldDocument(heldIn(numbers.counts)),
    silent: silentDocument(silent),
    lastKnown: lastKnownDocument(lastKnown),
  }
}

/** Said first and loudly: what people believe to be private can be read by anybody. */
function alarm(leaked: number | undefined): string[] {
  if (leaked === undefined) return []
  const what = counted(leaked, 'private mood is', 'private moods are')
  return [colour('alarm', `LEAKED: ${what} in a public repository.`)]
}

/** Findings that are listed by name; more are counted. */
const LISTED = 20

type Audited = AuditReport['users'][number]

/** @param names of the users who were asked for; none for all. @param now ms since 1970 */
export function describeAudit(
  { summary, leftOut, relays, users }: AuditReport,
  names: readonly string[],
  now: number,
): string {
  const leakedFirst = users.toSorted((a, b) => Number(hasLeaked(b)) - Number(hasLeaked(a)))
  return [
    ...describeSummary(summary, now),
    ...relays.map(describeVisible),
    ...leakedFirst.flatMap(describeAudited),
    ...remedies(users, names),
    ...(leftOut === null ? [] : [`${describeLeftAlone(summary.leftAlone)} ${leftOut}`]),
  ].join('\n')
}

/** What a repair does not mend of what was found, because federation leaves the authors out. */
export function describeLeftAlone(leftAlone: Summary['leftAlone']): string {
  return `Until federation lets the authors in, a repair leaves as it is: ${countsInWords(leftAlone)}.`
}

/** How many findings there are of each kind. */
export function countsInWords(counts: Readonly<Partial<Record<FindingKind, number>>>): string {
  return FINDING_KINDS.flatMap((kind) => (counts[kind] ? [`${counts[kind]} ${kind}`] : [])).join(', ') || 'nothing'
}

function hasLeaked({ findings }: Audited): boolean {
  return findings.some(({ kind }) => kind === 'leaked')
}

function describeAudited({ user, handle, result, reason, findings }: Audited): string[] {
  const name = whoIs(user, handle)
  const worstFirst = findings.toSorted((a, b) => FINDING_KINDS.indexOf(a.kind) - FINDING_KINDS.indexOf(b.kind))
  return [
    ...(reason !== null && result === 'unreadable'
      ? [`${name}: nothing is known of this repository now, because ${reason.text}. ${reason.remedy}`]
      : []),
    ...worstFirst.slice(0, LISTED).map(({ kind, rkey, mood, odd, hold }) => {
      const shown = kind === 'leaked' ? colour('problem', kind) : kind
      const where = `${rkey === null ? '' : ` ${rkey}`}${mood === null ? '' : ` of mood ${mood}`}`
      const why = hold === null ? '' : `, left as it is: ${holdReason(hold).text}`
      return `${name}: ${shown}${where}${odd === null ? why : `: ${odd.text}. ${odd.remedy}`}`
    }),
    ...(findings.length > LISTED ? [`${name}: and ${findings.length - LISTED} more (--json lists all)`] : []),
  ]
}

/** More users are not written out on a command line: it is for all of them then. */
const NAMED = 5

/** The commands that set right what was found. */
function remedies(users: readonly Audited[], names: readonly string[]): string[] {
  const whose = (those: readonly Audited[]): string => {
    if (names.length === 0 && those.length > NAMED) return ''
    return those.map(({ user, handle }) => ` ${nameOf(user, handle)}`).join('')
  }
  const having = (kinds: readonly FindingKind[]) =>
    users.filter(({ findings }) => findings.some(({ kind, hold }) => hold === null && kinds.includes(kind)))
  const repaired = having(REPAIRED)
  const foreign = having(['foreign', 'unreadable'])
  const closed = users.filter(({ result }) => result === 'unreadable')
  return [
    ...(repaired.length > 0
      ? [`"moods repair${whose(repaired)} --execute" repairs this; without --execute it only tells what it would do.`]
      : []),
    ...(foreign.length > 0
      ? [
          `Records of other clients stay; "moods repair${whose(foreign)} --finding foreign --finding unreadable --execute" deletes them.`,
        ]
      : []),
    ...(closed.length > 0 ? [`"moods accounts check${whose(closed)}" tells why a repository cannot be read.`] : []),
  ]
}
