/** What authors do to a mood after posting it. Each gives the whole new row, with its work order. */

import { type Deletion, type Mood, parseContext, parseIntensity } from './mood.ts'
import { enqueued } from './sync.ts'

/** What an author may change. Null removes the field. */
export interface MoodPatch {
  readonly isPrivate?: boolean | undefined
  readonly intensity?: number | null | undefined
  readonly context?: string | null | undefined
}

/**
 * The row, to be looked at by the engine. A mood that has been private from the start, and stays so, is no work: it never
 * was anywhere.
 */
function changed(mood: Mood, next: Mood, now: number): Mood {
  const neverSent = mood.sync.state === 'local' && mood.sync.hold === 'private'
  return neverSent && next.isPrivate ? next : { ...next, sync: enqueued(mood.sync, now) }
}

/** The mood, soft-deleted. */
export function softDeleted(mood: Mood, deletion: Deletion, now: number): Mood {
  return changed(mood, { ...mood, deleted: deletion }, now)
}

/** The mood as it was before it was deleted. */
export function restored(mood: Mood, now: number): Mood {
  return changed(mood, { ...mood, deleted: null }, now)
}

/** The mood as its author edited it. @throws DomainError `invalid_mood` */
export function edited(mood: Mood, patch: MoodPatch, now: number): Mood {
  const next = {
    ...mood,
    isPrivate: patch.isPrivate ?? mood.isPrivate,
    intensity: patch.intensity === undefined ? mood.intensity : parseIntensity(patch.intensity),
    context: patch.context === undefined ? mood.context : parseContext(patch.context),
  }
  const same = next.isPrivate === mood.isPrivate && next.intensity === mood.intensity && next.context === mood.context
  return same ? mood : changed(mood, next, now)
}
