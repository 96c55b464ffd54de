/** Plans the writes that bring a repo to what it should hold. Pure. */

import type { Quarantine } from './doubt.ts'
import { type Desired, uriOf } from './record.ts'
import type { DesiredRecord } from './record.ts'
import { isAsPosted, type Mood } from './mood.ts'
import {
  delayed,
  type FirstPublished,
  type HoldReason,
  type MoodSync,
  held,
  published,
  rejected,
  withdrawn,
} from './sync.ts'

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
  /** It was deleted in this pass; false by default. */
  readonly isDeleted?: boolean
}

/** A reading may come from a copy that is behind the PDS by so much, and show as absent what has just been written. */
export const COPIES_LAG_MS = 15_000

export interface RepoView {
  /** The repo; null when the user has none. */
  readonly did: string | null
  readonly quarantine: Quarantine
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Plans one mood. A record already right is adopted without a write. A delete is asked for until a reading of the repo
 * shows the record gone, and no late write can bring it back: only that settles it.
 */
export function planMood(mood: Mood, desired: Desired, known: Known, view: RepoView): Step {
  const { did, quarantine, now } = view
  const settle = (next: MoodSync): Step => ({ mood, kind: 'settle', next })
  const quarantined = quarantine.until > now
  switch (desired.kind) {
    case 'hold':
      return settle(heldBack(mood, desired.reason, known, view))
    case 'invalid':
      return settle(rejected(mood.sync, { code: desired.code, message: desired.message, at: now }))
    case 'absent':
      if (did === null) return settle(withdrawn(mood.sync))
      if (known.verified && known.cid === null) {
        const believedFrom = Math.max(quarantined ? quarantine.until : 0, caughtUpAt(mood.sync, known, now))
        return settle(believedFrom > now ? delayed(mood.sync, believedFrom) : withdrawn(mood.sync))
      }
      return { mood, kind: 'write', write: { action: 'delete', rkey: mood.sync.rkey } }
    case 'record': {
      const { rkey, value, cid } = desired
      if (did !== null && known.cid === cid) return settle(inPlace(mood, uriOf(did, rkey), cid, { quarantine, now }))
      if (known.cid === null) return { mood, kind: 'write', write: { action: 'create', rkey, value, cid } }
      return { mood, kind: 'write', write: { action: 'update', rkey, value, cid, was: known.cid } }
    }
  }
}

/** From when on a reading shows what was published, in ms since 1970: not before it, where nobody has deleted it since. */
function caughtUpAt({ cid, firstPublished }: MoodSync, { isDeleted = false }: Known, now: number): number {
  // One that lies ahead was noted by another clock: it says nothing.
  if (isDeleted || cid === null || firstPublished === null || firstPublished.at > now) return 0
  return firstPublished.at + COPIES_LAG_MS
}

/** The desired record is there. It is there to stay unless something destructive may still happen. */
export function inPlace(mood: Mood, uri: string, cid: string, { quarantine, now }: Omit<RepoView, 'did'>): MoodSync {
  const mayGo = quarantine.destructive && quarantine.until > now
  return mayGo ? delayed(mood.sync, quarantine.until) : published(mood.sync, uri, cid, firstTime(mood, now))
}

function firstTime(mood: Mood, now: number): FirstPublished {
  return { at: now, direct: isAsPosted(mood) }
}

/** A record that is kept stays published; any other mood on hold becomes local. */
function heldBack(mood: Mood, reason: HoldReason, known: Known, { did, now }: RepoView): MoodSync {
  if (reason === 'kept' && known.cid !== null && did !== null) {
    return published(mood.sync, uriOf(did, mood.sync.rkey), known.cid, firstTime(mood, now))
  }
  return held(mood.sync, reason)
}
