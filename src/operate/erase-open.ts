/** Erasures under way: how old each is, the step it waits at, and what for. */

import type { OnProgress } from './deps.ts'
import { openErasures as pagesOfOpen } from './pages.ts'
import { showErasure, type ShownErasure } from './show-erasure.ts'
import { type StandingDeps, standingOf } from './standing.ts'

export interface OpenErasures {
  /** The oldest first. */
  readonly open: readonly ShownErasure[]
  /** When they were looked at, in ms since 1970. */
  readonly now: number
}

/** All erasures that are not finished. @param stop ends it early, with the oldest that were seen by then */
export async function openErasures(
  deps: StandingDeps,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<OpenErasures> {
  const { store, clock } = deps
  const open: ShownErasure[] = []
  for await (const page of pagesOfOpen(store, stop)) {
    for (const erasure of page) {
      if (stop.aborted) break
      open.push(showErasure(erasure.user === null ? null : await standingOf(deps, erasure.user), erasure))
      onProgress('erasures under way', open.length, 0)
    }
  }
  return { open, now: clock.now() }
}
