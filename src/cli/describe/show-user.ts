/** A user as `moods show` prints one. */

import type { OnNetwork, ShownUser, Used } from '../../operate/show-user.ts'
import { isoTime } from '../phrases.ts'
import { duration } from '../progress.ts'
import { describeOneErasure } from './erasure.ts'
import { age, describeReason, line } from './lines.ts'
import { describeSighting } from './relays.ts'
import { nameOf, whoIs } from '../../domain/user-names.ts'

export function describeUser(shown: ShownUser): string[] {
  const { user, handle, network, erasure, complete } = shown
  return [
    line('user', whoIs(user, handle)),
    ...accountOf(shown),
    ...(network === null ? [] : onNetwork(network)),
    ...repoOf(shown),
    ...budgetsOf(shown),
    ...auditOf(shown),
    ...shown.relays.flatMap((sighting) => describeSighting(sighting, shown.now)),
    ...moodsOf(shown),
    ...(complete ? [] : ['Stopped: not every mood was counted.']),
    ...(erasure === null ? [] : describeOneErasure(erasure)),
  ]
}

function accountOf({ account, reason }: ShownUser): string[] {
  if (account === null) return [line('account', 'none'), ...describeReason(reason)]
  const { state, did, pds, pdsHandle, error, former } = account
  const at = did === null ? '' : `, ${did} at ${pds ?? 'no PDS'}`
  const named = pdsHandle === null ? '' : `, ${pdsHandle}`
  return [
    line('account', `${state.replace('_', ' ')}${at}${named}`),
    ...(error === null ? [] : [line('error', `${error.code} at ${isoTime(error.at)}: ${error.message}`)]),
    ...(state === 'ready' ? [] : describeReason(reason)),
    ...former.map((each) => line('before', `${each.did} at ${each.pds}, until ${isoTime(each.until)}: ${each.why}`)),
  ]
}

function onNetwork({ identity, repo, handle }: OnNetwork): string[] {
  const status = repo.value?.active ? 'active' : (repo.value?.status ?? 'not active')
  const onPds = [
    repo.value === null ? `the status cannot be read (${repo.code})` : status,
    handle.value ?? `the handle cannot be read (${handle.code})`,
  ]
  const { value } = identity
  const document =
    value === null
      ? `cannot be read (${identity.code})`
      : value.kind === 'known'
        ? `${value.handle ?? 'no handle'} at ${value.pds ?? 'no PDS'}`
        : value.kind
  return [line('on PDS', onPds.join(', ')), line('DID says', document)]
}

function repoOf({ repo, now }: ShownUser): string[] {
  if (repo === null) return [line('repo', 'never had work')]
  const { dueAt, failures, uncertain, quarantine, lease } = repo
  const facts = [
    dueAt === null ? 'no work' : `due ${isoTime(dueAt)}`,
    ...(failures > 0 ? [`${failures} failed passes in a row`] : []),
    ...(uncertain ? ['to be read before the next write'] : []),
    ...(quarantine.until > now ? [`in quarantine until ${isoTime(quarantine.until)}`] : []),
    ...(lease === null
      ? []
      : [`${lease.until > now ? 'worked on by' : 'lost by'} ${lease.owner} until ${isoTime(lease.until)}`]),
  ]
  return [line('repo', facts.join(', '))]
}

function budgetsOf({ budgets, blocked }: ShownUser): string[] {
  const waits = [
    ...(blocked.host === null ? [] : [`nothing is sent to the PDS until ${isoTime(blocked.host)}`]),
    ...(blocked.account === null ? [] : [`nothing is written to the account until ${isoTime(blocked.account)}`]),
  ]
  return [...budgets.map((used) => line('budget', budget(used))), ...waits.map((wait) => line('blocked', wait))]
}

function budget({ budget: name, used, max, windowMs, endsAt }: Used): string {
  const until = endsAt === null ? '' : `, until ${isoTime(endsAt)}`
  return `${max - used} of ${max} ${name} in ${duration(windowMs / 1000)} left${until}`
}

function auditOf({ audit, now, user, handle }: ShownUser): string[] {
  if (audit === null) return [line('audit', 'never')]
  const { good, failed } = audit
  const found = Object.entries(good?.findings ?? {}).map(([kind, n]) => `${n} ${kind}`)
  return [
    good === null
      ? line('audit', 'never read')
      : line('audit', `${age(good.at, now)}, at ${isoTime(good.at)}: ${found.join(', ') || 'nothing found'}`),
    ...(found.length > 0 ? [line('', `"moods audit ${nameOf(user, handle)}" names each and what is to be done`)] : []),
    ...(failed ? [line('', `not read since ${isoTime(failed.since)} (${failed.code})`)] : []),
  ]
}

function moodsOf({ moods, waiting }: ShownUser): string[] {
  const states = Object.entries(moods).filter(([, n]) => n > 0)
  return [
    line('moods', states.map(([state, n]) => `${n} ${state}`).join(', ') || 'none'),
    ...waiting.flatMap(({ state, moods: n, oldest, ...reason }) => [
      line('', `${n} ${state}, the oldest ${oldest.id} of ${isoTime(oldest.when)}`),
      ...describeReason(reason),
    ]),
  ]
}
