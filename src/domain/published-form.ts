/** When a mood was first published, for moods of which earlier versions have not noted it. */

import { POSTED } from './mood.ts'
import type { FirstPublished } from './sync.ts'

/**
 * What the row of a published mood says of that: its last change, which is its first publication unless it has changed since.
 *
 * @param changedAt ms since 1970
 */
export function lastPublished(changedAt: number, version: number, ordinal: number): FirstPublished {
  return { at: changedAt, direct: version === POSTED + 1 && ordinal > 0 }
}
