/** From what a repo should hold and what it holds to what has to be done. Pure. */

import { type Desired, uriOf } from './record.ts'
import type { DesiredRecord } from './record.ts'
import type { Mood } from './mood.ts'
import { type MoodSync, parked, published, rejected, withdrawn } from './sync.ts'

/** One change to a repo. `was` is the CID that the change replaces. */
export type RepoWrite =
  | { readonly action: 'create'; readonly rkey: string; readonly value: DesiredRecord['value']; readonly cid: string }
  | {
      readonly action: 'update'
      readonly rkey: string
      readonly value: DesiredRecord['value']
      readonly cid: string
      readonly was: string
    }
  | { readonly action: 'delete'; readonly rkey: string }

/** What to do about one mood: keep a result, or change the repo. */
export type Step =
  | { readonly mood: Mood; readonly kind: 'settle'; readonly next: MoodSync }
  | { readonly mood: Mood; readonly kind: 'write'; readonly write: RepoWrite }

/** What is known of the record of a mood. */
export interface Known {
  /** CID in the repo, null when there is none. */
  readonly cid: string | null
  /** Read from the repo just now, rather than remembered. */
  readonly verified: boolean
}

/**
 * Plans one mood. A record already right is adopted without a write. A delete is asked for until a reading of the repo
 * shows the record gone: only that settles it.
 *
 * @param did the repo; null when the user has none
 * @param now ms since 1970
 */
export function planMood(mood: Mood, desired: Desired, known: Known, did: string | null, now: number): Step {
  const settle = (next: MoodSync): Step => ({ mood, kind: 'settle', next })
  switch (desired.kind) {
    case 'hold':
      return settle(parked(mood.sync, desired.reason))
    case 'invalid':
      return settle(rejected(mood.sync, { code: desired.code, message: desired.message, at: now }))
    case 'absent':
      if (did === null || (known.verified && known.cid === null)) return settle(withdrawn(mood.sync))
      return { mood, kind: 'write', write: { action: 'delete', rkey: mood.sync.rkey } }
    case 'record': {
      const { rkey, value, cid } = desired
      if (did !== null && known.cid === cid) return settle(published(mood.sync, uriOf(did, rkey), cid))
      if (known.cid === null) return { mood, kind: 'write', write: { action: 'create', rkey, value, cid } }
      return { mood, kind: 'write', write: { action: 'update', rkey, value, cid, was: known.cid } }
    }
  }
}

/** Most writes in one commit (the PDS answers 400 to 201). */
export const MAX_WRITES = 200
/** Most bytes of records in one request; the PDS refuses bodies over 1,000,000 with 413. */
export const MAX_BYTES = 900_000

/** Bytes that a write adds to a request: its record as JSON, and the envelope around it. */
function sizeOf(write: RepoWrite): number {
  return 200 + (write.action === 'delete' ? 0 : Buffer.byteLength(JSON.stringify(write.value)))
}

/** Splits writes, in order, into groups that fit one commit. */
export function batches<T extends { readonly write: RepoWrite }>(steps: readonly T[]): T[][] {
  const groups: T[][] = []
  let bytes = Infinity
  for (const step of steps) {
    const size = sizeOf(step.write)
    const last = groups.at(-1)
    if (last === undefined || last.length >= MAX_WRITES || bytes + size > MAX_BYTES) {
      groups.push([step])
      bytes = size
    } else {
      last.push(step)
      bytes += size
    }
  }
  return groups
}
