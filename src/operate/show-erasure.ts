/** One erasure: what is done, what is next, and what that waits for. */

import { type DoneStep, type Erasure, type ErasureStep, type Found, nextStep } from '../domain/erasure.ts'
import type { Waiting } from '../domain/reasons.ts'
import { type Standing, whyNotErasedNow } from './standing.ts'

export interface ShownErasure {
  readonly kind: 'erasure'
  readonly receipt: string
  /** Null once it is finished: nothing names the user any more. */
  readonly user: string | null
  readonly handle: string | null
  readonly requestedAt: number
  readonly done: readonly {
    readonly step: ErasureStep
    readonly at: number
    readonly needed: boolean
    /** Why nothing could be done. */
    readonly found: Found | null
  }[]
  /** The step that it waits at; null when it is finished. */
  readonly next: ErasureStep | null
  /** What that step waits for. */
  readonly reason: Waiting | null
}

/** @param standing of its user; null when it is finished, or the user has no more to do with it */
export function showErasure(standing: Standing | null, erasure: Erasure): ShownErasure {
  const { receipt, user, requestedAt, done } = erasure
  const steps = Object.entries(done) as [ErasureStep, DoneStep][]
  return {
    kind: 'erasure',
    receipt,
    user,
    handle: standing?.handle ?? null,
    requestedAt,
    done: steps.map(([step, { at, needed, found = null }]) => ({ step, at, needed, found })),
    next: nextStep(erasure),
    reason: standing && whyNotErasedNow(standing),
  }
}
