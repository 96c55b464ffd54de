/** What operators should know of an installation now: the facts, read from the store, and what comes of them. */

import { hostname } from 'node:os'
import type { Config } from '../config.ts'
import type { ClockOffsets } from '../domain/clocks.ts'
import type { DataCheck } from '../domain/data-check.ts'
import type { Erasure } from '../domain/erasure.ts'
import { type HealthFacts, healthOf } from '../domain/health.ts'
import type { Mood } from '../domain/mood.ts'
import type { Notice } from '../domain/notice.ts'
import type { ProvingNote } from '../domain/proving.ts'
import type { Reason } from '../domain/reasons.ts'
import type { RelayStanding } from '../domain/relay-notice.ts'
import type { Worker } from '../domain/worker.ts'
import { openErasures } from './pages.ts'
import { relayStandings } from './relays.ts'
import {
  type StandingDeps,
  standingOf,
  type Surroundings,
  surroundingsOf,
  whyNotErasedNow,
  whyNotNow,
} from './standing.ts'

export interface Health {
  readonly notices: readonly Notice[]
  /** All that are not forgotten, the dead too. */
  readonly workers: readonly Worker[]
  /** What the last check of the data found; null where there was none. */
  readonly check: DataCheck | null
  /** How accounts stand with each relay that is asked. */
  readonly relays: readonly RelayStanding[]
  /** What the continuous check of repos last saw; null where it is off, or there was none. */
  readonly proving: ProvingNote | null
}

/** What the health of an installation is read with. */
export type HealthDeps = StandingDeps & { readonly config: Pick<Config, 'proveEveryMs'> }

/** Most silent hosts that are looked at. */
const HOSTS = 100
/** Most odd erasures that are named. */
const ODD_ERASURES = 20

/**
 * Reads the store, along indexes, each thing once; asks no PDS, and changes nothing.
 *
 * @param offsets how far other clocks are ahead of this machine's, where they are compared
 */
export async function readHealth(deps: HealthDeps, offsets: ClockOffsets | null = null): Promise<Health> {
  const { store, clock } = deps
  const [around, failing, check, proving, oddErasures, relays] = await Promise.all([
    surroundingsOf(deps),
    store.ledger.failing(HOSTS),
    store.tasks.last('check'),
    deps.config.proveEveryMs === null ? null : store.tasks.last('proving'),
    store.erasures.odd(ODD_ERASURES),
    relayStandings(store, deps.config.relays),
  ])
  const [oldest, erasures] = await Promise.all([oldestMood(deps, around), erasuresUnderWay(deps, around)])
  const clocks = offsets ? { clocks: { host: hostname(), offsets } } : {}
  const notices = healthOf({
    ...around,
    failing,
    oldest,
    erasures,
    check,
    proving,
    oddErasures,
    relays,
    ...clocks,
    now: clock.now(),
  })
  return { workers: around.workers, check, proving, notices, relays }
}

/** Reasons of which operators are told elsewhere: they must not hide what else is waiting. */
const TOLD: ReadonlySet<Reason['code']> = new Set(['account_refused', 'account_odd', 'pds_silent', 'pds_unwell'])
/** How far behind such moods one that waits for something else is looked for: so many moods, of so many users. */
const BEHIND = { moods: 200, users: 10 } as const

/** The mood that has waited the longest, if possible one that waits for something of which nobody is told otherwise. */
async function oldestMood(deps: StandingDeps, around: Surroundings): Promise<HealthFacts['oldest']> {
  const { work } = deps.store
  const [first] = await work.oldestPending(1)
  if (first === undefined) return null
  const oldest = await waitingOf(deps, around, first)
  if (oldest === null || !TOLD.has(oldest.why.code)) return oldest
  const users = new Set([first.user])
  for (const mood of await work.oldestPending(BEHIND.moods)) {
    if (users.has(mood.user)) continue
    const next = await waitingOf(deps, around, mood)
    if (next === null) break
    if (!TOLD.has(next.why.code)) return { ...next, older: oldest.why }
    if (users.add(mood.user).size === BEHIND.users) break
  }
  return oldest
}

/** Null while it is not due. */
async function waitingOf(deps: StandingDeps, around: Surroundings, mood: Mood): Promise<HealthFacts['oldest']> {
  const { dueAt } = mood.sync
  if (dueAt === null || dueAt > deps.clock.now()) return null
  return { id: mood.id, dueAt, why: whyNotNow(await standingOf(deps, mood.user, around), mood), older: null }
}

async function erasuresUnderWay(deps: StandingDeps, around: Surroundings): Promise<HealthFacts['erasures']> {
  let open = 0
  let oldest: Erasure | null = null
  for await (const page of openErasures(deps.store)) {
    oldest ??= page[0] ?? null
    open += page.length
  }
  if (oldest === null || oldest.user === null) return null
  return { open, oldest, why: whyNotErasedNow(await standingOf(deps, oldest.user, around)) }
}
