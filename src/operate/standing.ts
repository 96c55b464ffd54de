/** How a user stands at one moment: all that decides when moods and an erasure go on, read from the store. */

import type { Account } from '../domain/account.ts'
import { LEDGER, type LedgerEntry, type Limits, UNUSED } from '../domain/budget.ts'
import type { Erasure } from '../domain/erasure.ts'
import { isOdd, type Odd } from '../domain/odd.ts'
import type { Mood } from '../domain/mood.ts'
import { federates, inForce, policyInForceText, type StoredPolicy } from '../domain/policy.ts'
import { bounded, type RepoState } from '../domain/queue.ts'
import { oddErasureReason } from '../domain/odd-reasons.ts'
import { whyNotErased } from '../domain/erasure-reasons.ts'
import { type Waiting, whyNot } from '../domain/reasons.ts'
import { nameOf } from '../domain/user-names.ts'
import { type Desired, desiredRecord } from '../domain/record.ts'
import { aliveAmong, type Worker } from '../domain/worker.ts'
import type { OperatorDeps } from './deps.ts'
import { handleOf } from './users.ts'

export interface StandingDeps extends Pick<OperatorDeps, 'store' | 'clock'> {
  /** What the PDS allows, and the relays that are asked about our accounts. */
  readonly config: { readonly limits: Limits; readonly relays: readonly string[] }
  /** The PDS of accounts that are still to be made. */
  readonly pdsUrl: string
}

export interface Standing {
  readonly user: string
  readonly handle: string | null
  /** As commands take the user. */
  readonly name: string
  readonly account: Account | null
  readonly repo: RepoState | null
  /** The erasure under way. */
  readonly erasure: Erasure | Odd | null
  /** The policy in force; null where the store has none yet. */
  readonly policy: StoredPolicy | null
  /** What is used of each budget. */
  readonly used: Readonly<Record<keyof Limits, LedgerEntry>>
  readonly limits: Limits
  /** How many workers are alive. */
  readonly workers: number
  /** When all of this was read, in ms since 1970. */
  readonly now: number
}

/** What is the same for all users. */
export interface Surroundings {
  readonly policy: StoredPolicy | null
  /** All that are not forgotten, the dead too. */
  readonly workers: readonly Worker[]
}

export async function surroundingsOf({ store }: Pick<StandingDeps, 'store'>): Promise<Surroundings> {
  const [policy, workers] = await Promise.all([store.policy.get(), store.workers.all()])
  return { policy, workers }
}

/**
 * Reads how a user stands. Another process may change it at any time.
 *
 * @param around what is the same for all users, as it was read just now; read here where it is not given
 */
export async function standingOf(deps: StandingDeps, user: string, around?: Surroundings): Promise<Standing> {
  const { store, clock, config, pdsUrl } = deps
  const [account, handle, repo, erasure, { policy, workers }] = await Promise.all([
    store.accounts.byUser(user),
    handleOf(store, user),
    store.repos.get(user),
    store.erasures.byUser(user),
    around ?? surroundingsOf(deps),
  ])
  const now = clock.now()
  const host = account?.pds ?? pdsUrl
  const did = account?.did ?? null
  const read = async (key: string): Promise<LedgerEntry> => (await store.ledger.get(key)) ?? UNUSED
  const [points, requests, logins, events] = await Promise.all([
    did === null ? UNUSED : read(LEDGER.points(did)),
    read(LEDGER.requests(host)),
    read(LEDGER.logins(user)),
    read(LEDGER.events(host)),
  ])
  const used = { points, requests, logins, events }
  const name = nameOf(user, handle)
  const alive = aliveAmong(workers, now).length
  return { user, handle, name, account, repo, erasure, policy, used, limits: config.limits, workers: alive, now }
}

/** What the repository should hold for a mood of the user. */
export function desiredOf({ account, policy }: Standing, mood: Mood): Desired {
  return desiredRecord(mood, account, inForce(policy))
}

/** Why the network does not show what the mood's row wants, or that it does. */
export function whyNotNow(standing: Standing, mood: Mood): Waiting {
  const { account, erasure, policy, user, handle } = standing
  return whyNot({
    ...factsOf(standing),
    mood,
    desired: desiredOf(standing, mood),
    isErased: erasure !== null,
    federation: {
      includes: federates(inForce(policy), user, account?.handle ?? handle),
      words: policyInForceText(policy),
    },
  })
}

/** What the next step of the user's erasure waits for; null when none is under way. */
export function whyNotErasedNow(standing: Standing): Waiting | null {
  const { erasure } = standing
  if (erasure === null) return null
  return isOdd(erasure) ? oddErasureReason(erasure) : whyNotErased(erasure, factsOf(standing))
}

/** A deadline that is void keeps nothing waiting, so that none is named. */
function factsOf({ account, repo, used, limits, workers, now }: Standing) {
  return {
    account,
    repo: repo && bounded(repo, now),
    workers,
    requests: used.requests,
    points: used.points,
    limits,
    now,
  }
}
