/** What operators should know of an installation now: the facts, read from the store, and what comes of them. */

import type { Erasure } from '../domain/erasure.ts'
import { type HealthFacts, healthOf } from '../domain/health.ts'
import type { Notice } from '../domain/notice.ts'
import type { Worker } from '../domain/worker.ts'
import type { ErasurePosition } from '../ports/store.ts'
import { pagesOf } from './pages.ts'
import { type StandingDeps, standingOf, whyNotErasedNow, whyNotNow } from './standing.ts'

export interface Health {
  readonly notices: readonly Notice[]
  /** All that are not forgotten, the dead too. */
  readonly workers: readonly Worker[]
}

/** Most silent hosts that are looked at. */
const HOSTS = 100

/** Reads the store, along indexes; asks no PDS, and changes nothing. */
export async function readHealth(deps: StandingDeps): Promise<Health> {
  const { store, clock } = deps
  const [policy, workers, failing, oldest, erasures] = await Promise.all([
    store.policy.get(),
    store.workers.all(),
    store.ledger.failing(HOSTS),
    oldestMood(deps),
    openErasures(deps),
  ])
  return { workers, notices: healthOf({ policy, workers, failing, oldest, erasures, now: clock.now() }) }
}

async function oldestMood(deps: StandingDeps): Promise<HealthFacts['oldest']> {
  const mood = await deps.store.work.oldestPending()
  const dueAt = mood?.sync.dueAt ?? null
  if (mood === null || dueAt === null || dueAt > deps.clock.now()) return null
  return { id: mood.id, dueAt, why: whyNotNow(await standingOf(deps, mood.user), mood) }
}

const PAGE = 500

async function openErasures(deps: StandingDeps): Promise<HealthFacts['erasures']> {
  let open = 0
  let oldest: Erasure | null = null
  const read = (after: ErasurePosition | null) => deps.store.erasures.open(after, PAGE)
  for await (const page of pagesOf({ read, positionOf: (erasure) => erasure, after: null, pageSize: PAGE })) {
    oldest ??= page[0] ?? null
    open += page.length
  }
  if (oldest === null || oldest.user === null) return null
  return { open, oldest, why: whyNotErasedNow(await standingOf(deps, oldest.user)) }
}
