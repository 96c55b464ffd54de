/** How accounts stand with relays, as workers have found it out. */

import { isFailing, LEDGER } from '../domain/budget.ts'
import { chunks } from '../domain/chunks.ts'
import type { RelayStanding } from '../domain/relay-notice.ts'
import type { RelayCounts, Standing } from '../domain/sighting.ts'
import { count } from '../domain/tally.ts'
import type { Store } from '../ports/store.ts'

/** All accounts with each relay. Counts along an index, and asks no relay. @param urls base URLs of the configured relays */
export async function relayStandings(
  { sightings, ledger }: Pick<Store, 'sightings' | 'ledger'>,
  urls: readonly string[],
): Promise<readonly RelayStanding[]> {
  if (urls.length === 0) return []
  const counts = await sightings.count()
  return Promise.all(
    urls.map(async (relay) => {
      const entry = await ledger.get(LEDGER.relay(relay))
      const silentSince = entry !== null && isFailing(entry) ? (entry.silentSince ?? null) : null
      return { relay, silentSince, standings: counts.find((one) => one.relay === relay)?.standings ?? {} }
    }),
  )
}

const PAGE = 500

/** These users' accounts with each relay. @param urls base URLs of the configured relays */
export async function standingsOf(
  { sightings }: Pick<Store, 'sightings'>,
  urls: readonly string[],
  users: readonly string[],
): Promise<readonly RelayCounts[]> {
  const counts = urls.map((relay) => ({ relay, standings: {} as Partial<Record<Standing, number>> }))
  if (urls.length === 0) return counts
  for (const page of chunks(users, PAGE)) {
    for (const said of (await sightings.of(page)).values()) {
      for (const { relay, standing } of said) {
        const one = counts.find((counted) => counted.relay === relay)
        if (one) count(one.standings, standing)
      }
    }
  }
  return counts
}
