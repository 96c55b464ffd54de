/** Domain values as the API shows them. A user's `sub` is never shown. */

import { type DoneStep, type Erasure, ERASURE_STEPS, type ErasureStep, mayBeLeft } from '../domain/erasure.ts'
import { foundText, troubleReason } from '../domain/erasure-reasons.ts'
import { DomainError } from '../domain/errors.ts'
import { TIMES } from '../domain/odd.ts'
import { moodReason } from '../domain/mood-reasons.ts'
import { behindMs, meaningOf, type Sighting } from '../domain/sighting.ts'
import { isSynced } from '../domain/sync.ts'
import type { Profile, ProvenRepo } from '../accounts.ts'
import type { Entry, Page } from '../moods.ts'
import type { FeedPosition } from '../ports/store.ts'
import type { ErasureView, MoodPageView, MoodView, ProfileView, ProofView } from './contract.ts'

export function moodView({ mood, handle, isLeftOut }: Entry): MoodView {
  const { sync } = mood
  return {
    id: mood.id,
    mood: mood.text,
    when: new Date(mood.when).toISOString(),
    handle,
    ...(mood.intensity === null ? {} : { intensity: mood.intensity }),
    ...(mood.context === null ? {} : { context: mood.context }),
    isPrivate: mood.isPrivate,
    atproto: {
      synced: isSynced(sync),
      state: sync.state,
      reason: moodReason(mood, isLeftOut).text,
      ...(sync.uri === null ? {} : { uri: sync.uri }),
      ...(sync.cid === null ? {} : { cid: sync.cid }),
      // Without the message: the PDS may put more into it than a stranger should read.
      ...(sync.error === null ? {} : { error: { code: sync.error.code } }),
    },
  }
}

export function moodPageView({ entries, next }: Page): MoodPageView {
  return { moods: entries.map(moodView), ...(next ? { cursor: encodeCursor(next) } : {}) }
}

export function profileView({ handle, account, relays: said }: Profile): ProfileView {
  const relays = said.map(relayView)
  if (!account) return { handle, account: { state: 'none' }, relays }
  const { state, did, pdsHandle, error } = account
  return {
    handle,
    account: {
      state,
      ...(did === null ? {} : { did }),
      ...(pdsHandle === null || state !== 'ready' ? {} : { handle: pdsHandle }),
      ...(error === null ? {} : { error: { code: error.code, message: error.message } }),
    },
    relays,
  }
}

function relayView(sighting: Sighting): ProfileView['relays'][number] {
  const { relay, standing, at } = sighting
  const behind = behindMs(sighting)
  return {
    relay,
    standing,
    text: meaningOf(sighting).text,
    ...(behind === null ? {} : { behindMs: behind }),
    checkedAt: new Date(at).toISOString(),
  }
}

export function proofView({ account, proof, why }: ProvenRepo): ProofView {
  if (proof === null) return { proof: null, ...(why && { reason: { code: why.code, text: why.text } }) }
  const { did, rev, commit, records, at, seenAt } = proof
  const times = { provenAt: new Date(at).toISOString(), seenAt: new Date(seenAt).toISOString() }
  return { proof: { did, pds: account?.pds ?? '', rev, commit, records, ...times } }
}

export function erasureView({ receipt, requestedAt, done, trouble }: Erasure): ErasureView {
  return {
    receipt,
    state: done.forgotten ? 'done' : 'running',
    requestedAt: new Date(requestedAt).toISOString(),
    ...(trouble === null ? {} : { reason: troubleReason(trouble).text }),
    steps: ERASURE_STEPS.map((name) => stepView(name, done[name])),
  }
}

function stepView(name: ErasureStep, step: DoneStep | undefined): ErasureView['steps'][number] {
  if (!step) return { name, state: 'waiting' }
  const found = step.found === undefined ? {} : { found: foundText(step.found) }
  return { name, state: endOf(step), at: new Date(step.at).toISOString(), ...found }
}

function endOf(step: DoneStep): 'done' | 'not_needed' | 'not_possible' {
  if (step.needed) return 'done'
  return mayBeLeft(step) ? 'not_possible' : 'not_needed'
}

/** A position in the feed, as an opaque text. */
function encodeCursor(position: FeedPosition): string {
  return Buffer.from(`${position.when}.${position.id}`).toString('base64url')
}

/** @throws DomainError `invalid_cursor` for anything but the `cursor` of a {@link moodPageView} */
export function decodeCursor(cursor: string): FeedPosition {
  const match = /^(\d{1,16})\.(.+)$/s.exec(Buffer.from(cursor, 'base64url').toString())
  const position = match && { when: Number(match[1]), id: match[2]! }
  if (!position || position.when >= TIMES.before || encodeCursor(position) !== cursor) {
    throw new DomainError('invalid_cursor', 'cursor is not one that this list has given')
  }
  return position
}
