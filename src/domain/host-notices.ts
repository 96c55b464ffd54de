/** What operators should know of a PDS that answers, and not as a PDS does. */

import { type FailingHost, isDead } from './budget.ts'
import type { Notice } from './notice.ts'
import { answerText, isRecent, known, noted, type Unwell } from './unwell.ts'

/** Most hosts that are named. */
const NAMED = 3

interface UnwellHost {
  readonly host: string
  readonly notes: readonly Unwell[]
}

/** When it was first answered so, in ms since 1970. */
function sinceOf({ notes }: UnwellHost): number {
  return Math.min(...notes.map((note) => note.since))
}

/** PDSes that do not answer some method as a PDS does; those that do not answer at all are told of elsewhere. */
export function pdsUnwell(failing: readonly FailingHost[], now: number): Notice | null {
  const unwell = failing
    .flatMap(({ host, requests }): UnwellHost[] => {
      const notes = isDead(requests) ? [] : known(requests.unwell, now)
      return notes.length === 0 ? [] : [{ host, notes }]
    })
    .toSorted((a, b) => sinceOf(a) - sinceOf(b))
  const [first] = unwell
  if (first === undefined) return null
  const isNow = unwell.some(({ notes }) => notes.some((note) => isRecent(note, now)))
  const since = new Date(sinceOf(first)).toISOString().replace(/\.\d+/, '')
  const named = unwell.slice(0, NAMED).map(({ host, notes }) => `${host} answered ${answersText(notes)}`)
  if (unwell.length > NAMED) named.push(`${unwell.length - NAMED} more`)
  return {
    code: 'pds_unwell',
    level: isNow ? 'problem' : 'warning',
    since: sinceOf(first),
    text:
      unwell.length === 1
        ? `the PDS does not answer as a PDS does, since ${since}`
        : `${unwell.length} PDSes do not answer as PDSes do, the first since ${since}`,
    detail: named.join('; '),
    remedy:
      'See what stands between the workers and the PDS, such as a gateway, a portal or a redirect. Nothing is rejected meanwhile, no account is flagged, and all is tried again: this is over once it answers well.',
  }
}

/** What a dead host has said in place of answers, in brackets; empty for one that has said nothing. @param now ms since 1970 */
export function saidText({ requests }: FailingHost, now: number): string {
  const notes = known(noted(requests.unwell, requests.silentSince), now)
  return notes.length === 0 ? '' : ` (it answered ${answersText(notes)})`
}

function answersText(notes: readonly Unwell[]): string {
  return notes.map(answerText).join(', ')
}
