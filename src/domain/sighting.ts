/**
 * What a relay says of an account: whether what is written to its repo is visible to those who read the network through that
 * relay. Written and visible are two things: a PDS serves what a relay may never pass on. Pure.
 */

import { CROWD_REMEDY } from './relay.ts'
import { spell } from './spell.ts'
import { type Standing, STANDINGS } from './standings.ts'

export { type Standing, STANDINGS } from './standings.ts'

/** What a relay answered when it was asked for one account. */
export type RelayAnswer =
  | { readonly kind: 'known'; readonly active: boolean; readonly status: string | null; readonly rev: string | null }
  | { readonly kind: 'unknown' }

/** What one relay said last of one account. */
export interface Sighting {
  readonly user: string
  /** Base URL of the relay. */
  readonly relay: string
  /** DID that was asked for. */
  readonly did: string
  /** When it was asked, in ms since 1970. */
  readonly at: number
  readonly standing: Standing
  /** Newest revision that the relay has seen; null where it does not tell. */
  readonly rev: string | null
  /** Newest revision on the PDS at that time; null where that is not known. */
  readonly pdsRev: string | null
  /** When it is asked again, in ms since 1970. */
  readonly dueAt: number
}

/** A relay that lags by less is not behind: each commit takes a moment. In ms. */
const LAG_MS = 60_000
/** An account that is visible is asked for again after so long, in ms. */
const VISIBLE_MS = 6 * 60 * 60_000
/** Any other, which somebody may be mending. */
const HIDDEN_MS = 10 * 60_000

/** One that was never asked for before and is not visible: it may be so new that the relay is just hearing of it. */
const NEW_MS = 60_000

/**
 * @param now when the relay was asked, in ms since 1970
 * @param isFirst whether it was asked for this account for the first time
 */
export function sightingOf(
  of: Pick<Sighting, 'user' | 'relay' | 'did' | 'pdsRev'>,
  answer: RelayAnswer,
  now: number,
  isFirst = false,
): Sighting {
  const rev = answer.kind === 'known' ? answer.rev : null
  const standing = standingOf(answer, of.pdsRev, now)
  const hiddenMs = isFirst ? NEW_MS : HIDDEN_MS
  return { ...of, at: now, standing, rev, dueAt: now + (standing === 'visible' ? VISIBLE_MS : hiddenMs) }
}

function standingOf(answer: RelayAnswer, pdsRev: string | null, now: number): Standing {
  if (answer.kind === 'unknown') return 'unknown'
  const { active, status, rev } = answer
  if (!active) return STANDINGS.find((standing) => standing === status && !CLAIMS.has(standing)) ?? 'inactive'
  if (rev === null || pdsRev === null || rev >= pdsRev) return 'visible'
  // What was written a moment ago is on its way.
  const newestAt = timeOfRev(pdsRev)
  return newestAt !== null && newestAt > now - LAG_MS ? 'visible' : 'behind'
}

/** Standings of ours that no relay can give itself by its word for a status. */
const CLAIMS: ReadonlySet<Standing> = new Set(['visible', 'behind', 'unknown'])

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'
const LENGTH = 13

/** The time in a revision, which is a TID (https://atproto.com/specs/tid), in ms since 1970; null for one that is none. */
export function timeOfRev(rev: string): number | null {
  const digits = Array.from(rev, (digit) => ALPHABET.indexOf(digit))
  if (digits.length !== LENGTH || digits.includes(-1) || digits[0]! > 15) return null
  const bits = digits.reduce((sum, digit) => (sum << 5n) | BigInt(digit), 0n)
  return Number(bits >> 10n) / 1_000
}

/** By how much the newest commit of the relay is older than that of the PDS, in ms; null where it is not, or nobody tells. */
export function behindMs({ standing, rev, pdsRev }: Pick<Sighting, 'standing' | 'rev' | 'pdsRev'>): number | null {
  if (standing !== 'behind') return null
  const [theirs, ours] = [timeOfRev(rev ?? ''), timeOfRev(pdsRev ?? '')]
  return theirs === null || ours === null ? null : Math.max(0, Math.round(ours - theirs))
}

/** Whether those who read the network through the relay do not see what is written now. */
export function isHidden(standing: Standing): boolean {
  return standing !== 'visible'
}

const MEANS: Readonly<Record<Exclude<Standing, 'behind'>, { readonly text: string; readonly remedy: string | null }>> =
  {
    visible: { text: 'is visible', remedy: null },
    throttled: {
      text: 'is written and not visible: the relay has the account, and throttles it',
      remedy: CROWD_REMEDY,
    },
    desynchronized: {
      text: 'is written and not visible: the relay has lost track of the repository',
      remedy: 'the next post mends it as a rule; where it does not, tell the operator of the relay',
    },
    takendown: {
      text: 'is written and not visible: the operator of the relay has taken the account down',
      remedy: 'only the operator of the relay can undo that',
    },
    suspended: {
      text: 'is written and not visible: the operator of the relay has suspended the account',
      remedy: 'only the operator of the relay can undo that',
    },
    deleted: {
      text: 'is not visible: the relay takes the account for deleted',
      remedy:
        '"moods accounts check" tells what the PDS says of the account; ask for a crawl: "moods relays crawl --execute"',
    },
    deactivated: {
      text: 'is not visible: the relay takes the account for deactivated',
      remedy:
        '"moods accounts check" tells what the PDS says of the account; ask for a crawl: "moods relays crawl --execute"',
    },
    inactive: {
      text: 'is written and not visible: the relay does not say why',
      remedy: 'ask the operator of the relay',
    },
    unknown: {
      text: 'is written and not visible: the relay does not know the account',
      remedy:
        'ask the relay to crawl the PDS: "moods relays crawl --execute"; it learns of the account with its next post',
    },
  }

/** What a sighting means, in words that can follow what was written, and what to do about it; null for nothing. */
export function meaningOf(sighting: Pick<Sighting, 'standing' | 'rev' | 'pdsRev'>): {
  readonly text: string
  readonly remedy: string | null
} {
  const { standing } = sighting
  if (standing !== 'behind') return MEANS[standing]
  const ms = behindMs(sighting)
  return {
    text: `is visible up to a point: the relay is ${ms === null ? 'behind' : `${spell(ms)} behind`}`,
    remedy: 'wait; where it stays so for an hour, ask the relay to crawl the PDS again: "moods relays crawl --execute"',
  }
}

/** How many accounts stand how with one relay. */
export interface RelayCounts {
  readonly relay: string
  readonly standings: Readonly<Partial<Record<Standing, number>>>
}
