/** Erasures as text for operators. */

import { type DoneStep, type ErasureStep, mayBeLeft } from '../../domain/erasure.ts'
import { foundText } from '../../domain/erasure-reasons.ts'
import { whoIs } from '../../domain/user-names.ts'
import { countBy, counted } from '../../domain/tally.ts'
import type { ErasedUser, Extent, Watched } from '../../operate/erase.ts'
import type { ErasedAgain, RestoredPlan } from '../../operate/erase-again.ts'
import type { OpenErasures } from '../../operate/erase-open.ts'
import type { ShownErasure } from '../../operate/show-erasure.ts'
import type { Ending } from '../exit.ts'
import { DRY_RUN, isoTime } from '../phrases.ts'
import { age, describeReason, line } from './lines.ts'

export function describeExtent(
  { user, handle, did, moods, shared, records, account }: Extent,
  execute: boolean,
): string {
  const inRepo = records === null ? 'all records' : counted(records, 'record')
  const parts = [counted(moods, 'mood'), ...(did === null ? [] : [`${inRepo} of ${did}`])]
  if (handle !== null) parts.push('the handle')
  if (did !== null) parts.push(account ? 'the account on the PDS' : 'our access to the account, which stays on the PDS')
  const extent = `${execute ? 'Erasing' : 'Would erase'} ${whoIs(user, handle)}: ${parts.join(', ')}.`
  return [extent, ...(shared.length > 0 ? [describeShared(shared)] : [])].join('\n')
}

/** Moods that are named; more are counted. */
const LISTED = 20

function describeShared(ids: readonly string[]): string {
  const more = ids.length > LISTED ? ` and ${ids.length - LISTED} more` : ''
  const which = `${ids.slice(0, LISTED).join(', ')}${more}`
  return `These moods stay, since a list that holds the user stands in the place of their author: ${which}. Correct their "user" in the database.`
}

export function describeStep(step: ErasureStep, done: DoneStep): string {
  const state = done.needed ? 'done' : mayBeLeft(done) ? 'not possible' : 'not needed'
  const found = done.found === undefined ? '' : `: ${foundText(done.found)}`
  return `${state.padEnd(10)}  ${step.replaceAll('_', ' ')}${found}`
}

export function describeErased({ erasure }: ErasedUser, isInterrupted: boolean): string {
  if (erasure) return describeEnd(erasure)
  return isInterrupted ? 'Stopped: nothing was done.' : DRY_RUN
}

function describeEnd({ state, reason }: Watched): string {
  if (state === 'done') return 'Erased.'
  if (state === 'stuck') return `The PDS refuses the account (${reason}). Fix that, then: "moods retry --execute"`
  return `Not finished: ${reason}. Any worker resumes it; so does the same command.`
}

/** How a command ends that has watched erasures. @param someStay whether moods stay that may be the user's */
export function endingOf(state: Watched['state'], someStay = false): Ending {
  return { needsSomebody: state === 'stuck' || someStay, complete: state === 'done' }
}

export function describePlan({ erase, purge, older }: RestoredPlan, execute: boolean): string {
  const plan = `${counted(erase, 'restored user')}, and ${counted(older, 'older mood')} of ${counted(purge, 'user who has', 'users who have')} come back since`
  return `${execute ? 'Erasing' : 'Would erase'} ${plan}.`
}

export function describeAgain(
  { executed, returned, purged, waiting, erasures }: ErasedAgain,
  isInterrupted: boolean,
): string {
  if (!executed) return isInterrupted ? 'Stopped: nothing was done.' : DRY_RUN
  const states = Object.entries(countBy(erasures.map(({ state }) => state))).map(([state, n]) => `${n} ${state}`)
  const odd = returned.reduce((sum, user) => sum + (user.action === 'erase' ? 0 : user.odd), 0)
  return [
    `Erased again: ${states.join(', ') || 'no user'}. Purged: ${counted(purged, 'mood')}.`,
    ...(odd > 0
      ? [
          `${counted(odd, 'mood')} of users who have come back left alone: what cannot be read for certain may be newer. An audit names it.`,
        ]
      : []),
    ...(waiting > 0
      ? [
          `${counted(waiting, 'user has', 'users have')} older moods whose records are still on the PDS: repeat the command once it answers.`,
        ]
      : []),
  ].join('\n')
}

/** Erasures under way, the oldest first. */
export function describeOpen({ open, now }: OpenErasures, isInterrupted: boolean): string {
  const blocks = open.map((erasure) => [...describeOneErasure(erasure), line('age', age(erasure.requestedAt, now))])
  return [
    ...blocks.map((lines) => `${lines.join('\n')}\n`),
    `${counted(open.length, 'erasure is', 'erasures are')} under way.`,
    ...(isInterrupted ? ['Stopped: there may be more.'] : []),
  ].join('\n')
}

/** An erasure as a list of its steps. */
export function describeOneErasure({ receipt, user, handle, requestedAt, done, next, reason }: ShownErasure): string[] {
  return [
    line('erasure', `${receipt}, requested ${isoTime(requestedAt)}`),
    ...(user === null ? [] : [line('user', whoIs(user, handle))]),
    ...done.map(({ step, at, needed, found }) => {
      const state = needed ? 'done' : mayBeLeft({ found }) ? 'not done' : 'no need'
      return line(state, `${step.replaceAll('_', ' ')}  ${isoTime(at)}${found === null ? '' : `: ${foundText(found)}`}`)
    }),
    ...(next === null ? [] : [line('next', next.replaceAll('_', ' '))]),
    ...(reason === null ? [] : describeReason(reason)),
  ]
}
