/** What the configured relays said of a user's account: one that is not asked any more has nothing to say. */

import type { Sighting } from '../domain/sighting.ts'
import type { SightingStore } from '../ports/sightings.ts'

/** @param urls base URLs of the relays that workers ask */
export async function sightingsOf(
  sightings: Pick<SightingStore, 'of'>,
  urls: readonly string[],
  user: string,
): Promise<readonly Sighting[]> {
  if (urls.length === 0) return []
  const all = (await sightings.of([user])).get(user) ?? []
  return all.filter(({ relay }) => urls.includes(relay))
}
