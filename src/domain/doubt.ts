/**
 * What a pass does not know for certain about its repo: one value, and a function for each thing that changes it. Pure.
 *
 * A request whose answer was lost may still be carried out later (a *late write*). Until that can no longer happen, the
 * repo is in quarantine: see `docs/decisions/0008-quarantine.md`.
 */

import { isLostSwap, type Outcome } from './outcome.ts'

/**
 * How long a repo is in quarantine after a request whose answer was lost. Such a late write may land seconds after its
 * sender gave it up: the reference PDS finishes what it has begun, and a network delays.
 */
export const QUARANTINE_MS = 15_000

/** A late write may still land: a request whose answer was lost, and which the PDS may carry out yet. */
export interface Quarantine {
  /** Until then, in ms since 1970; 0 for none. */
  readonly until: number
  /** Among what may still happen is a deletion or a replacement, so not even a right record is sure to stay. */
  readonly destructive: boolean
}

/** What a request does to the repo if it lands late: `destruction` deletes or replaces records. */
export type InFlight = 'creations' | 'destruction'

export interface Doubt {
  /** The rows may be wrong about the repo: read it before writing. */
  readonly uncertain: boolean
  readonly quarantine: Quarantine
  /** The request that was sent and has no answer yet; null for none. */
  readonly inFlight: InFlight | null
}

/** What a release keeps of it in the queue, and a lease brings back. */
export type KeptDoubt = Pick<Doubt, 'uncertain' | 'quarantine'>

/** At the begin of a pass: what earlier passes over this repo left. */
export function inherited({ uncertain, quarantine }: KeptDoubt): Doubt {
  return { uncertain, quarantine, inFlight: null }
}

/** A request is about to be sent. */
export function sending(doubt: Doubt, inFlight: InFlight): Doubt {
  return { ...doubt, inFlight }
}

/**
 * A request was answered, or its answer was lost; also one that only reads, and then nothing is in flight.
 *
 * An uncertain outcome of a write begins a quarantine, or prolongs it. A lost swap does not: the write was refused, so
 * nothing can land late; only the rows were wrong.
 *
 * @param now in ms since 1970
 */
export function answered(doubt: Doubt, outcome: Outcome<unknown>, now: number): Doubt {
  if (outcome.kind !== 'uncertain') return { ...doubt, inFlight: null }
  const mayLand = doubt.inFlight !== null && !isLostSwap(outcome)
  const quarantine = mayLand ? prolonged(doubt, now) : doubt.quarantine
  return { uncertain: true, quarantine, inFlight: null }
}

function prolonged({ quarantine, inFlight }: Doubt, now: number): Quarantine {
  const isDestructive = quarantine.destructive && quarantine.until > now
  return { until: now + QUARANTINE_MS, destructive: isDestructive || inFlight === 'destruction' }
}

/** A result was dropped because its mood had changed: the repo may differ from its rows. */
export function resultDropped(doubt: Doubt): Doubt {
  return { ...doubt, uncertain: true }
}

/** Nothing is due any more: all that was uncertain has been read, except for what may still land. */
export function workedOff(doubt: Doubt, now: number): Doubt {
  return { ...doubt, uncertain: doubt.quarantine.until > now }
}

/** At the end of a pass: what the next one over this repo has to know. */
export function handedOn({ uncertain, quarantine }: Doubt): KeptDoubt {
  return { uncertain, quarantine }
}

/** After a pass that broke off at an unknown place: anything may have been sent. */
export function brokenOff(now: number): KeptDoubt {
  return { uncertain: true, quarantine: { until: now + QUARANTINE_MS, destructive: true } }
}
