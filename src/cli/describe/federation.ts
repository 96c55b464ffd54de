/** The policy on federation as text for operators. */

import { counted } from '../../domain/tally.ts'
import { listText } from '../../domain/policy.ts'
import type { FederationChange, FederationStatus, PolicyView } from '../../operate/federation.ts'
import type { Extent } from '../../operate/policy-effects.ts'
import { DRY_RUN } from '../phrases.ts'

/** Completes "federation is …". */
function policyWords({ text, by, since, reason }: PolicyView): string {
  if (since === null) return `${text}: ${reason}`
  return `${text}, since ${since} by ${by}${reason === null ? '' : `: ${reason}`}`
}

function extent({ moods, users }: Extent): string {
  return `${counted(moods, 'mood')} of ${counted(users, 'user')}`
}

const NO_ACCOUNT = 'let in, but without an account ("moods accounts provision --execute" makes one)'
const SETTLED = 'published, private, deleted or refused'

export function describeFederation({ federation, wayIn, users, moods }: FederationStatus): string {
  const all = Object.values(moods).reduce((sum, each) => sum + each.moods, 0)
  return [
    `Federation is ${policyWords(federation)}.`,
    ...(federation.kept.length > 0 ? [`The list is kept for later: ${listText(federation.kept)}.`] : []),
    ...(federation.mode === 'on' ? [] : [`To let more in: ${wayIn}.`]),
    `includes             ${users.included} of ${counted(users.all, 'user')}`,
    `on their way         ${extent(moods.underWay)}`,
    `held by federation   ${extent(moods.held)}`,
    `waiting for backfill ${extent(moods.history)}`,
    `without account      ${extent(moods.noAccount)} ${NO_ACCOUNT}`,
    `all others           ${extent(moods.settled)}, ${SETTLED}`,
    `together             ${counted(all, 'mood')}`,
  ].join('\n')
}

/** What a change would do, before it is made. */
export function describeChange({ before, after, users, effects }: FederationChange): string {
  const { all, joining, leaving } = users
  const out = counted(leaving, 'falls out', 'fall out')
  return [
    `Federation is ${policyWords(before)}.`,
    `With federation ${after.text}:`,
    `  includes   ${users.after} of ${counted(all, 'user')}: ${joining} more, and ${out}`,
    ...describeShare(before, after),
    ...describeList(before, after),
    `  let out    ${extent(effects.released)}, held until now`,
    `  held       ${extent(effects.held)}, on their way until now`,
    `  unchanged  ${extent(effects.underWay)} on their way, ${extent(effects.stillHeld)} held`,
    `  history    ${extent(effects.history)} go on waiting for "moods backfill --execute"`,
    `  no account ${extent(effects.noAccount)} ${NO_ACCOUNT}`,
    `  others     ${extent(effects.settled)}, ${SETTLED}`,
    '  withdrawn  nothing: records that are published stay where they are',
    'What is posted from then on goes by the new policy.',
  ].join('\n')
}

function describeShare(before: PolicyView, after: PolicyView): string[] {
  if (before.percent === null || after.percent !== null) return []
  return [`  the share  of ${before.percent} % ends`]
}

/** What becomes of the list, where there was one or is one now. */
function describeList(before: PolicyView, after: PolicyView): string[] {
  const [was, is] = [before.allow.concat(before.kept), after.allow.concat(after.kept)]
  const added = is.filter((entry) => !was.includes(entry))
  const removed = was.filter((entry) => !is.includes(entry))
  if (was.length === 0 && is.length === 0) return []
  const how = [
    after.kept.length > 0 ? `kept for later: ${listText(after.kept)}` : listText(after.allow) || 'nobody any more',
    ...(added.length > 0 ? [`added ${listText(added)}`] : []),
    ...(removed.length > 0 ? [`taken off ${listText(removed)}`] : []),
  ]
  return [`  the list   ${how.join('; ')}`]
}

export function describeChanged({ executed, unchanged, complete, after }: FederationChange): string {
  if (unchanged) return `Federation is already ${policyWords(after)}. Nothing was changed.`
  if (!executed) return complete ? DRY_RUN : 'Stopped: nothing was changed.'
  return `Federation is ${after.text} now. Every process follows within a second.`
}
