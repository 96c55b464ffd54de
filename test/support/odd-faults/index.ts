/** All faults that have names, by kind, and what makes more of a kind. */

import type { Fault } from '../odd-server.ts'
import type { Random } from '../random.ts'
import { anyRefusal, GATEWAYS } from './gateways.ts'
import { anyLimit, LIMITS } from './limits.ts'
import { OTHERS } from './others.ts'
import { PAGES } from './pages.ts'
import { anyPortal, PORTALS } from './portals.ts'
import { anyRedirect, REDIRECTS } from './redirects.ts'
import { REPOS } from './repos.ts'
import { SLOW } from './slow.ts'
import { anyTold, TOLD } from './told.ts'
import { WAYS } from './ways.ts'

interface Kind {
  readonly named: readonly Fault[]
  /** Another one, where they can be made up. */
  readonly any?: (random: Random) => Fault
}

export const KINDS = {
  portals: { named: PORTALS, any: anyPortal },
  redirects: { named: REDIRECTS, any: anyRedirect },
  gateways: { named: GATEWAYS, any: anyRefusal },
  others: { named: OTHERS },
  limits: { named: LIMITS, any: anyLimit },
  slow: { named: SLOW },
  pages: { named: PAGES },
  repos: { named: REPOS },
  ways: { named: WAYS },
  told: { named: TOLD, any: anyTold },
} as const satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof KINDS

export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[]
