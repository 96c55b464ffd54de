/** The state of an installation, for people and for programs. */

import { counted } from '../../domain/tally.ts'
import type { Notice } from '../../domain/notice.ts'
import { proofText } from '../../domain/proving.ts'
import { aliveAmong, isAlive, isDead, type Worker, workerName } from '../../domain/worker.ts'
import type { Status } from '../../operate/status.ts'
import { colour } from '../colour.ts'
import { isoTime } from '../phrases.ts'
import { documentStates } from './accounts.ts'
import { describeRelays, relaysDocument } from './relays.ts'
import { checkDocument, describeLastCheck } from './data.ts'
import { age, describeHeld, heldDocument, line } from './lines.ts'
import { proofDocument } from './proofs.ts'

export function documentStatus({
  at,
  held,
  extent,
  accounts,
  notices,
  workers,
  check,
  proving,
  relays,
  ...rest
}: Status) {
  return {
    ...rest,
    held: heldDocument(held, extent),
    accounts: documentStates(accounts),
    workers: workers.map((worker) => {
      const { at: lastSeen, since, ended = false, progressedAt = null, clocks: _, ...self } = worker
      return {
        ...self,
        since: isoTime(since),
        lastSeen: isoTime(lastSeen),
        alive: isAlive(worker, at),
        ended,
        progressedAt: isoTime(progressedAt),
      }
    }),
    proofs: proving && { ...proofDocument(proving), countedAt: isoTime(proving.at), everyMs: proving.everyMs },
    data: checkDocument(check),
    relays: relaysDocument(relays),
    notices: notices.map(({ since, ...notice }) => Object.assign(notice, { since: isoTime(since) })),
  }
}

export function describeStatus(status: Status): string {
  const { rejected, needsAttention } = status.reasons
  return [
    line('server', `${status.address ?? 'never started'}${status.running ? '' : ' (not running)'}`),
    line('PDS', status.pds ?? 'none yet'),
    line('PLC', status.plc ?? 'none yet'),
    line('store', status.store),
    ...describeWorkers(status.workers, status.at),
    line('moods', `${status.total}: ${counts(status.moods)}`),
    ...(status.deleted > 0 ? [line('', describeDeleted(status))] : []),
    ...describeLocal(status),
    line('accounts', counts(status.accounts)),
    ...Object.entries(rejected).map(([code, n]) => `  ${n} rejected: ${code}`),
    ...Object.entries(needsAttention).map(
      ([code, n]) => `  ${counted(n, 'account needs', 'accounts need')} attention: ${code}`,
    ),
    ...(Object.keys({ ...rejected, ...needsAttention }).length > 0 ? ['"moods retry --execute" tries them again'] : []),
    ...describeProofs(status),
    line('data', describeLastCheck(status.check)),
    ...describeRelays(status.relays, status.at),
    ...status.notices.flatMap(describeNotice),
  ].join('\n')
}

/** Deleted moods are in every state, and are no further moods. */
function describeDeleted({ deleted, total }: Status): string {
  return `${deleted} of these ${total} ${deleted === 1 ? 'is' : 'are'} deleted by their authors, and counted by their state as all others`
}

/** What becomes of the local moods, in numbers that add up to them. A local mood has no record of ours that could be kept. */
function describeLocal({ held: { kept, ...held }, extent }: Status): string[] {
  const gone = `  ${kept} deleted: their authors deleted them before they were published. Nothing has to be done.`
  return [...describeHeld(held, extent), ...(kept === 0 ? [] : [gone])]
}

function describeProofs({ proving, at }: Status): string[] {
  return proving === null ? [] : [line('proofs', proofText(proving, at))]
}

/** Most dead workers that are named. */
const DEAD_NAMED = 3

function describeWorkers(workers: readonly Worker[], now: number): string[] {
  const alive = aliveAmong(workers, now)
  const dead = workers.filter((worker) => isDead(worker, now)).toSorted((a, b) => b.at - a.at)
  const named = dead.slice(0, DEAD_NAMED)
  return [
    line('workers', `${alive.length} alive${dead.length > 0 ? `, ${dead.length} dead` : ''}`),
    ...alive.map((worker) => `  ${workerName(worker)}, version ${worker.version}, since ${isoTime(worker.since)}`),
    ...named.map(
      (worker) => `  ${workerName(worker)} did not end in peace, and was last heard of ${age(worker.at, now)}`,
    ),
    ...(dead.length > named.length
      ? [`  ${counted(dead.length - named.length, 'more has', 'more have')} died in the last day`]
      : []),
  ]
}

/** What is the case, and what to do about it. */
function describeNotice({ level, text, detail, remedy }: Notice): string[] {
  return [colour(level, line(level, '')) + text + (detail === null ? '' : ` (${detail})`), line('', remedy)]
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
    .join(', ')
}
