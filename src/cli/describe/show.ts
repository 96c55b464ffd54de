/** What `moods show` prints. Times are in UTC. */

import { counted } from '../../domain/tally.ts'
import { holdReason } from '../../domain/reasons.ts'
import type { Shown, ShownRecord } from '../../operate/show.ts'
import type { SeenRecord, ShownMood } from '../../operate/show-mood.ts'
import { isoTime } from '../phrases.ts'
import { describeOneErasure } from './erasure.ts'
import { describeReason, line } from './lines.ts'
import { nameOf, whoIs } from '../../domain/user-names.ts'
import { describeUser } from './show-user.ts'

export function describeShown(all: readonly Shown[]): string {
  return all.map((shown) => describeOne(shown).join('\n')).join('\n\n')
}

function describeOne(shown: Shown): readonly string[] {
  switch (shown.kind) {
    case 'user':
      return describeUser(shown)
    case 'mood':
      return describeMood(shown)
    case 'record':
      return describeRecord(shown)
    case 'erasure':
      return describeOneErasure(shown)
  }
}

function describeMood(shown: ShownMood): string[] {
  const { mood, handle, changedAt, words, finding, record, twins } = shown
  const { sync } = mood
  const first = sync.firstPublished === null ? '' : `, first published ${isoTime(sync.firstPublished.at)}`
  const changed = changedAt === null ? '' : `, last changed ${isoTime(changedAt)}`
  return [
    line('mood', mood.id),
    line('author', whoIs(mood.user, handle)),
    ...(words === null ? [] : [line('text', words)]),
    line(
      'history',
      `number ${mood.ordinal} of its author, posted ${isoTime(mood.when)}${first}${changed}, version ${mood.version}`,
    ),
    ...marksOf(mood),
    line(
      'state',
      `${sync.state}${sync.dueAt === null ? '' : `, due ${isoTime(sync.dueAt)}`}${attempts(sync.attempts)}`,
    ),
    ...(sync.error === null
      ? []
      : [line('error', `${sync.error.code} at ${isoTime(sync.error.at)}: ${sync.error.message}`)]),
    ...describeReason(shown.reason),
    line('key', sync.rkey),
    line('row', sync.cid ?? 'names no record'),
    line('wanted', wanted(shown)),
    line('on PDS', `${there(record)}${comparison(shown)}`),
    ...(finding === null ? [] : [line('finding', finding)]),
    ...(twins.length === 0 ? [] : [line('same key', describeTwins(twins))]),
  ]
}

/** Documents that are named; more are counted. */
const NAMED = 5

function describeTwins(ids: readonly string[]): string {
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ''
  return `${ids.slice(0, NAMED).join(', ')}${more}: odd, since this mood has the key; "moods data check" tells what to do`
}

function attempts(n: number): string {
  return n === 0 ? '' : `, ${counted(n, 'attempt')}`
}

function marksOf({ isPrivate, deleted }: ShownMood['mood']): string[] {
  const gone =
    deleted === null
      ? []
      : [`deleted by ${deleted.by === 'nuke' ? 'a nuke' : 'its author'}, record: ${deleted.records}`]
  const marks = [...(isPrivate ? ['private'] : []), ...gone]
  return marks.length === 0 ? [] : [line('marks', marks.join(', '))]
}

function wanted({ desired }: ShownMood): string {
  switch (desired.kind) {
    case 'record':
      return desired.cid
    case 'absent':
      return 'no record'
    case 'hold':
      return `as it is: ${holdReason(desired.reason).text}`
    case 'invalid':
      return `impossible (${desired.code}): ${desired.message}`
  }
}

function there(record: SeenRecord): string {
  switch (record.kind) {
    case 'there':
      return record.cid
    case 'none':
      return 'no record'
    case 'no_account':
      return 'no repository'
    case 'unread':
      return `not read: the PDS does not answer, or refuses to (${record.code})`
  }
}

function comparison({ isDesired, differs }: ShownMood): string {
  if (isDesired === null) return ''
  return isDesired ? ' (equal)' : ` (differs in ${differs.join(', ')})`
}

function describeRecord({ user, handle, rkey, record }: ShownRecord): string[] {
  const names =
    record.kind !== 'there' ? '' : record.moodId === null ? ', names no mood' : `, names mood ${record.moodId}`
  return [
    line('key', `${rkey} in the repository of ${whoIs(user, handle)}: no mood’s own`),
    line('on PDS', `${there(record)}${names}`),
    line('', `"moods audit ${nameOf(user, handle)}" tells whether it should be there.`),
  ]
}
