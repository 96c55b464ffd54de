/**
 * What operators should know of an installation at one moment: whether it publishes, whether a worker is alive, and what
 * waits for how long, and why. Pure.
 */

import { counted } from './tally.ts'
import { clockOff, type ClockOffsets } from './clocks.ts'
import { clockOffNotice } from './clock-notice.ts'
import { type FailingHost, isDead } from './budget.ts'
import type { DataCheck } from './data-check.ts'
import { type Erasure, nextStep } from './erasure.ts'
import { pdsUnwell, saidText } from './host-notices.ts'
import { type Odd, oddText } from './odd.ts'
import { type Notice, NOTICE_LEVELS } from './notice.ts'
import { extentOf, inForce, policyText, type StoredPolicy } from './policy.ts'
import { relayHides, type RelayStanding } from './relay-notice.ts'
import { provenTooLongAgo, type ProvingNote } from './proving.ts'
import { holdReason, NO_WORKER, type Reason, type Waiting } from './reasons.ts'
import { spell } from './spell.ts'
import { aliveAmong, stuckSince, type Worker, workerName } from './worker.ts'

/** All that notices are made of, as it stands at one moment. */
export interface HealthFacts {
  /** The policy in force; null where no process has stored one yet. */
  readonly policy: StoredPolicy | null
  /** All that are not forgotten, the dead too. */
  readonly workers: readonly Worker[]
  /** PDSes that have missed the last request, or do not answer as PDSes do. */
  readonly failing: readonly FailingHost[]
  /**
   * The pending mood that has been due the longest, since when, and why it still waits; null when none is due. `older`: what
   * others wait for that have been due for longer, of which operators are told elsewhere.
   */
  readonly oldest: {
    readonly id: string
    readonly dueAt: number
    readonly why: Reason
    readonly older: Reason | null
  } | null
  /** Erasures that are not finished: how many, and the oldest; null when there are none. */
  readonly erasures: { readonly open: number; readonly oldest: Erasure; readonly why: Waiting | null } | null
  /** What the last check of the data found; null where there was none. */
  readonly check: DataCheck | null
  /** What the continuous check of repos last saw; null where it is off, or there was none. */
  readonly proving: ProvingNote | null
  /** Erasures that name a user and cannot be read. */
  readonly oddErasures: readonly Odd[]
  /** How far other clocks are ahead of that of this process's machine; left out where they are not compared. */
  readonly clocks?: { readonly host: string; readonly offsets: ClockOffsets }
  /** How accounts stand with each relay that is asked. */
  readonly relays: readonly RelayStanding[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A mood that waits no longer than this is on its way. */
const WAITING_MS = 60_000
/** An erasure takes a minute or two, since a late write may still land. */
const ERASING_MS = 10 * 60_000
/** Every process follows a new policy within a second, and says so with its next beat. */
const FOLLOWING_MS = 5_000

/** @returns what there is to tell, the most urgent first; nothing where all is well and everybody's moods are published */
export function healthOf(facts: HealthFacts): readonly Notice[] {
  const all = [
    noWorker(facts),
    workerStuck(facts),
    workerBehind(facts),
    pdsSilent(facts),
    pdsUnwell(facts.failing, facts.now),
    federation(facts),
    moodsWaiting(facts),
    erasuresOpen(facts),
    oddData(facts),
    proofsOld(facts),
    erasuresOdd(facts),
    clockOffNotice(machinesOf(facts)),
    relayHides(facts.relays),
  ].filter((notice) => notice !== null)
  return all.toSorted((a, b) => NOTICE_LEVELS.indexOf(a.level) - NOTICE_LEVELS.indexOf(b.level))
}

function noWorker({ workers, oldest, erasures, now }: HealthFacts): Notice | null {
  if (aliveAmong(workers, now).length > 0) return null
  const last = workers.toSorted((a, b) => b.at - a.at)[0]
  const seen =
    last === undefined
      ? 'none is known to have run'
      : last.ended
        ? `the last one ended in peace at ${iso(last.at)}`
        : `the last one was heard of ${spell(now - last.at)} ago`
  return {
    code: 'no_worker',
    level: oldest === null && erasures === null ? 'warning' : 'problem',
    since: last?.at ?? null,
    text: `${NO_WORKER.text}, so nothing is published: ${seen}`,
    detail: last ? `the last one was ${workerName(last)}` : null,
    remedy: NO_WORKER.remedy,
  }
}

function workerStuck({ workers, now }: HealthFacts): Notice | null {
  const alive = aliveAmong(workers, now)
  const stuck = alive.filter((worker) => stuckSince(worker, now) !== null)
  if (stuck.length === 0) return null
  const since = Math.min(...stuck.map((worker) => stuckSince(worker, now)!))
  return {
    code: 'worker_stuck',
    level: 'problem',
    since,
    text: `${stuck.length} of ${counted(alive.length, 'worker')} ${stuck.length === 1 ? 'lives, but has' : 'live, but have'} not finished a round of work since ${iso(since)}`,
    detail: stuck.map(workerName).join(', '),
    remedy: 'Restart it: another worker takes over what it holds.',
  }
}

function workerBehind({ policy: stored, workers, now }: HealthFacts): Notice | null {
  if (stored === null || stored.odd) return null
  const alive = aliveAmong(workers, now)
  const behind = alive.filter(({ at, since, policyVersion }) => {
    return policyVersion !== stored.version && at - Math.max(since, stored.at) > FOLLOWING_MS
  })
  if (behind.length === 0) return null
  return {
    code: 'worker_behind',
    level: 'problem',
    since: stored.at,
    text: `${behind.length} of ${counted(alive.length, 'worker')} ${behind.length === 1 ? 'does' : 'do'} not follow the policy that was set ${iso(stored.at)}`,
    detail: behind.map(workerName).join(', '),
    remedy: 'Its log tells why it cannot read the store; where it tells nothing, restart it.',
  }
}

/** Most hosts that are named. */
const NAMED = 3

function pdsSilent({ failing, now }: HealthFacts): Notice | null {
  const sinceOf = ({ requests }: FailingHost): number => requests.silentSince ?? now
  const silent = failing.filter(({ requests }) => isDead(requests)).toSorted((a, b) => sinceOf(a) - sinceOf(b))
  const [first, ...others] = silent
  if (first === undefined) return null
  const since = sinceOf(first)
  const { probeAt = 0 } = first.requests
  const next =
    probeAt > now ? `it is probed again at ${iso(probeAt)}` : 'the next request, or a worker, probes it again'
  const named = silent.slice(0, NAMED).map((host) => `${host.host} since ${iso(sinceOf(host))}${saidText(host, now)}`)
  if (silent.length > NAMED) named.push(`${silent.length - NAMED} more`)
  return {
    code: 'pds_silent',
    level: 'problem',
    since,
    text:
      others.length === 0
        ? `the PDS has not answered since ${iso(since)}; ${next}`
        : `${silent.length} PDSes do not answer, the first since ${iso(since)}; workers probe them again`,
    detail: others.length === 0 ? `${first.host}${saidText(first, now)}` : named.join(', '),
    remedy:
      'See whether it runs, and whether the workers can reach it. They probe it by themselves: this is over once it answers.',
  }
}

function federation({ policy: stored }: HealthFacts): Notice | null {
  const extent = extentOf(inForce(stored))
  if (extent === 'all') return null
  const isOff = extent === 'nobody'
  const notice = { code: isOff ? 'federation_off' : 'federation_limited', level: isOff ? 'warning' : 'info' } as const
  if (stored === null) {
    const text = 'federation is off: no process has stored a policy yet'
    return {
      ...notice,
      since: null,
      text,
      detail: null,
      remedy: 'A server or a worker stores the first one when it starts.',
    }
  }
  const { policy, at, by, reason, odd } = stored
  if (odd) {
    const text = `federation is off: ${reason}`
    const remedy = 'Nothing new is published until another one is set: "moods federation".'
    return { ...notice, level: 'problem', since: null, text, detail: null, remedy }
  }
  return {
    ...notice,
    since: at,
    text: `federation is ${isOff ? 'off' : 'on for some users only'} since ${iso(at)}`,
    detail: `${isOff ? '' : `${policyText(policy)}; `}set by ${by}${reason === null ? '' : `: ${reason}`}`,
    remedy: isOff
      ? 'Nothing new is published until it is on: "moods federation on --execute".'
      : 'What the others post is held until they are let in: "moods federation status" says who is in, and how.',
  }
}

function moodsWaiting({ oldest, now }: HealthFacts): Notice | null {
  if (oldest === null || now - oldest.dueAt < WAITING_MS) return null
  const { id, dueAt, why, older } = oldest
  const waited = `has waited for ${spell(now - dueAt)}, because ${publicText(why)}`
  return {
    code: 'moods_waiting',
    level: isAtWork(why) ? 'info' : 'warning',
    since: dueAt,
    text:
      older === null
        ? `the oldest pending mood ${waited}`
        : `a pending mood ${waited}; older ones wait because ${publicText(older)}`,
    detail: `mood ${id}`,
    remedy: why.remedy,
  }
}

function erasuresOpen({ erasures, now }: HealthFacts): Notice | null {
  if (erasures === null) return null
  const { open, oldest, why } = erasures
  const age = now - oldest.requestedAt
  const step = (nextStep(oldest) ?? '').replaceAll('_', ' ')
  const are = counted(open, 'erasure is open, for', 'erasures are open, the oldest for')
  return {
    code: 'erasures_open',
    level: age < ERASING_MS ? 'info' : 'warning',
    since: oldest.requestedAt,
    text: `${are} ${spell(age)}, waiting for "${step}"${why === null ? '' : `, because ${publicText(why)}`}`,
    detail: null,
    remedy: why?.remedy ?? 'A worker carries it out.',
  }
}

function oddData({ check }: HealthFacts): Notice | null {
  if (check === null || check.odd === 0) return null
  const { odd, documents, mendable, at } = check
  const can = mendable === 0 ? '' : `, of which ${mendable} can be mended`
  return {
    code: 'odd_data',
    level: 'warning',
    since: at,
    text: `${odd} of ${counted(documents, 'document')} ${odd === 1 ? 'is' : 'are'} odd${can}: left alone, neither shown nor published`,
    detail: null,
    remedy: '"moods data check" names each and what mends it.',
  }
}

function proofsOld({ proving, now }: HealthFacts): Notice | null {
  const since = provenTooLongAgo(proving, now)
  if (proving?.oldest == null || since === null) return null
  const { oldest, everyMs } = proving
  return {
    code: 'proofs_old',
    level: 'warning',
    since,
    text: `a repo was last proven equal to the database ${spell(now - oldest)} ago, and each is to be proven every ${spell(everyMs)}`,
    detail: null,
    remedy: 'The log of the workers tells what keeps them from it; "moods audit" proves all repos now.',
  }
}

function erasuresOdd({ oddErasures }: HealthFacts): Notice | null {
  const [first] = oddErasures
  if (!first) return null
  const n = oddErasures.length
  return {
    code: 'erasures_odd',
    level: 'problem',
    since: null,
    text: `${counted(n, 'erasure')} cannot be read, so nobody carries ${n === 1 ? 'it' : 'them'} out`,
    detail: oddErasures.map((odd) => `${odd.id}: ${oddText(odd)}`).join('; '),
    remedy: 'Mend the documents in the database; until then nothing is published for their users.',
  }
}

/**
 * Every machine that compares its clock: that of this process, and those of the workers that are alive. Of several processes on
 * one, the one that is furthest off counts: each knows what it has heard of others.
 */
function machinesOf({ clocks, workers, now }: HealthFacts): ReadonlyMap<string, ClockOffsets> {
  const all = aliveAmong(workers, now).flatMap(({ host, clocks: offsets }) => (offsets ? [{ host, offsets }] : []))
  const inOrder = [...all, ...(clocks ? [clocks] : [])].toSorted((a, b) => offBy(a.offsets) - offBy(b.offsets))
  return new Map(inOrder.map(({ host, offsets }) => [host, offsets]))
}

/** In ms; 0 where nothing is off. */
function offBy(offsets: ClockOffsets): number {
  return Math.abs(clockOff(offsets)?.aheadMs ?? 0)
}

/** Whether workers are at it, and there is only much to do. */
function isAtWork({ code }: Reason): boolean {
  return code === 'in_turn' || code === 'at_work'
}

/** The words of a policy may name users, and those of a gateway machines. */
function publicText({ code, text }: Reason): string {
  if (code === 'pds_unwell') return 'the PDS does not answer as a PDS does'
  return code === 'federation_off' ? holdReason('federation_off').text : text
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+/, '')
}
