/** How accounts stand with relays: whether what is written is visible. */

import { behindMs, isHidden, meaningOf, type RelayCounts, type Sighting, STANDINGS } from '../../domain/sighting.ts'
import type { RelayStanding } from '../../domain/relay-notice.ts'
import type { CrawlRequest } from '../../operate/relays-crawl.ts'
import { counted } from '../../domain/tally.ts'
import { DRY_RUN, isoTime } from '../phrases.ts'
import { age, line } from './lines.ts'

/** @param now ms since 1970 */
export function describeRelays(relays: readonly RelayStanding[], now: number): string[] {
  return relays.map(({ relay, silentSince, standings }) => {
    const silent = silentSince === null ? '' : `; has not answered since ${age(silentSince, now)}`
    return line('relay', `${relay}: ${inWords(standings)}${silent}`)
  })
}

function inWords(standings: RelayCounts['standings']): string {
  const some = STANDINGS.flatMap((standing) => (standings[standing] ? [`${standings[standing]} ${standing}`] : []))
  return some.length === 0 ? 'not asked yet' : some.join(', ')
}

/** How many of the accounts that were audited are visible on one relay. */
export function describeVisible({ relay, standings }: RelayCounts): string {
  const asked = Object.values(standings).reduce((sum, n) => sum + n, 0)
  if (asked === 0) return `visible        not known on ${relay}: no worker has asked it for these accounts`
  const { visible = 0, ...others } = standings
  const rest = visible === asked ? '' : ` (${inWords(others)})`
  return `visible        ${visible} of ${counted(asked, 'account')} on ${relay}${rest}`
}

/** @param now ms since 1970 */
export function describeSighting(sighting: Sighting, now: number): string[] {
  const { relay, at, standing } = sighting
  const { text, remedy } = meaningOf(sighting)
  const first = line('relay', `what is published ${text} on ${relay}, asked ${age(at, now)}`)
  return isHidden(standing) && remedy !== null ? [first, line('', remedy)] : [first]
}

/** The same for programs. */
export function sightingDocument(sighting: Sighting) {
  const { relay, at, standing, rev, pdsRev } = sighting
  const { text, remedy } = meaningOf(sighting)
  return { relay, at: isoTime(at), standing, text, remedy, rev, pdsRev, behindMs: behindMs(sighting) }
}

export function relaysDocument(relays: readonly RelayStanding[]) {
  return relays.map(({ relay, silentSince, standings }) => ({
    relay,
    silentSince: isoTime(silentSince),
    accounts: standings,
  }))
}

/** What came of asking relays to crawl the PDS. */
export function describeCrawl({ executed, pds, relays }: CrawlRequest): string {
  return [
    ...relays.map(({ relay, knows, status, asked, why }) => {
      const before =
        knows === null
          ? `does not tell whether it knows ${pds}`
          : knows
            ? `knows ${pds}${status === null ? '' : `, which is "${status}" there`}`
            : `does not know ${pds}`
      const now = asked === null ? '' : asked ? '; it will crawl it' : `; it refuses to crawl it: ${why ?? 'no reason'}`
      return `${relay} ${before}${now}`
    }),
    ...(executed ? [] : [DRY_RUN]),
  ].join('\n')
}
