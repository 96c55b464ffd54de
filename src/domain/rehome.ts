/** What becomes of the copy of a mood whose author gets another account: the old record is not ours to speak of any more. Pure. */

import { enqueued, forgotten, type MoodSync } from './sync.ts'

/**
 * The copy of a mood that claims a record in one of these repos, without that claim: what is to be published is published to the
 * new repo, under the same record key, and what waits for a backfill goes on waiting.
 *
 * @param dids of accounts that were replaced
 * @param now ms since 1970
 * @returns null for one that claims no such record
 */
export function rehomed(sync: MoodSync, dids: readonly string[], now: number): MoodSync | null {
  const { uri, rkey } = sync
  if (uri === null || !dids.some((did) => uri.startsWith(`at://${did}/`))) return null
  if (sync.state === 'local' && sync.hold === 'backfill') return forgotten(sync)
  return enqueued(sync, now, { rkey, uri: null, cid: null })
}
