/** The policy on federation as text for operators. */

import type { Extent, FederationChange, FederationStatus, PolicyView } from '../../operate/federation.ts'
import { DRY_RUN } from '../phrases.ts'

function describePolicy({ text, by, since, reason }: PolicyView): string {
  return `Federation is ${text}, since ${since} by ${by}${reason === null ? '' : `: ${reason}`}.`
}

function extent({ moods, users }: Extent): string {
  return `${counted(moods, 'mood')} of ${counted(users, 'user')}`
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

export function describeFederation({ federation, moods }: FederationStatus): string {
  return [
    describePolicy(federation),
    `on their way         ${extent(moods.underWay)}`,
    `held by federation   ${extent(moods.held)}`,
    `waiting for backfill ${extent(moods.history)}`,
  ].join('\n')
}

/** What a change would do, before it is made. */
export function describeChange({ before, after, effects }: FederationChange): string {
  return [
    describePolicy(before),
    `With federation ${after.text}:`,
    `  let out    ${extent(effects.released)}, held until now`,
    `  held       ${extent(effects.held)}, on their way until now`,
    `  unchanged  ${extent(effects.underWay)} on their way, ${extent(effects.stillHeld)} held`,
    `  history    ${extent(effects.history)} go on waiting for "moods backfill"`,
    '  withdrawn  nothing: records that are published stay where they are',
    'What is posted from then on goes by the new policy.',
  ].join('\n')
}

export function describeChanged({ executed, complete, after }: FederationChange): string {
  if (!executed) return complete ? DRY_RUN : 'Stopped: nothing was changed.'
  return `Federation is ${after.text} now. Every process follows within a second.`
}
