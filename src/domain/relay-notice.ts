/** What operators should know of relays: accounts that are written and not visible. Pure. */

import type { Notice } from './notice.ts'
import { meaningOf, type RelayCounts, type Standing, STANDINGS } from './sighting.ts'
import { counted } from './tally.ts'

export interface RelayStanding extends RelayCounts {
  /** Since when it has not answered, in ms since 1970; null where it has answered the last time. */
  readonly silentSince: number | null
}

/** Standings that are nobody's wish. A relay that is behind catches up, and who has left has left. */
const HIDES: ReadonlySet<Standing> = new Set([
  'throttled',
  'desynchronized',
  'takendown',
  'suspended',
  'inactive',
  'unknown',
])

interface Hidden {
  readonly relay: string
  /** How many accounts were asked for. */
  readonly accounts: number
  /** Those that are not visible, the most first. */
  readonly hidden: readonly (readonly [Standing, number])[]
  readonly sum: number
}

function sumOf(all: readonly number[]): number {
  return all.reduce((sum, n) => sum + n, 0)
}

function hiddenAt({ relay, standings }: RelayCounts): Hidden {
  const found = STANDINGS.flatMap((standing) => {
    const n = standings[standing] ?? 0
    return HIDES.has(standing) && n > 0 ? [[standing, n] as const] : []
  })
  return {
    relay,
    accounts: sumOf(Object.values(standings)),
    hidden: found.toSorted(([, a], [, b]) => b - a),
    sum: sumOf(found.map(([, n]) => n)),
  }
}

/** The relay that hides the most accounts; null where none does. */
export function relayHides(relays: readonly RelayCounts[]): Notice | null {
  const hiding = relays.map(hiddenAt).filter(({ sum }) => sum > 0)
  const [worst, ...others] = hiding.toSorted((a, b) => b.sum - a.sum)
  if (worst === undefined) return null
  const { relay, accounts, hidden, sum } = worst
  const { remedy } = meaningOf({ standing: hidden[0]![0], rev: null, pdsRev: null })
  return {
    code: 'relay_hides',
    level: 'warning',
    since: null,
    text: `a relay does not show ${sum} of ${counted(accounts, 'account')}: what they publish is written, and not visible there`,
    detail: `${relay}: ${hidden.map(([standing, n]) => `${n} ${standing}`).join(', ')}${others.length > 0 ? `; ${counted(others.length, 'more relay hides some', 'more relays hide some')}` : ''}`,
    remedy: `docs/guides/relays.md tells what each means. What helps most here: ${remedy}.`,
  }
}
