/** One user: the account here and on the PDS, the repository, the budgets, and all moods by what becomes of them. */

import type { Account } from '../domain/account.ts'
import { type LedgerEntry, type Limits, reserve } from '../domain/budget.ts'
import type { Mood } from '../domain/mood.ts'
import { isOdd } from '../domain/odd.ts'
import { codeOf, ok, type Outcome } from '../domain/outcome.ts'
import { accountReason, type Reason, type Waiting } from '../domain/reasons.ts'
import type { Sighting } from '../domain/sighting.ts'
import { noMoods, type SyncState } from '../domain/sync.ts'
import type { Identity, RepoStatus } from '../ports/directory.ts'
import type { StoredAudit } from '../ports/store.ts'
import { sightingsOf } from '../sync/sightings.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { histories } from './pages.ts'
import { showErasure, type ShownErasure } from './show-erasure.ts'
import { type Standing, type StandingDeps, standingOf, whyNotNow } from './standing.ts'

export type ShowUserDeps = StandingDeps & Pick<OperatorDeps, 'directory'>

/** An answer, or the code of why there is none. */
type Asked<T> = { readonly value: T; readonly code: null } | { readonly value: null; readonly code: string }

/** The account as anyone may see it. */
export interface OnNetwork {
  readonly identity: Asked<Identity>
  readonly repo: Asked<RepoStatus>
  /** The handle under which the PDS holds the repository. */
  readonly handle: Asked<string>
}

/** How much of one limit is used. */
export interface Used {
  readonly budget: keyof Limits
  readonly used: number
  readonly max: number
  readonly windowMs: number
  /** When it is forgotten, in ms since 1970; null when nothing is used. */
  readonly endsAt: number | null
}

/** Moods for which the same stands in the way. */
interface WaitingMoods extends Waiting {
  readonly state: SyncState
  readonly moods: number
  readonly oldest: Pick<Mood, 'id' | 'when'>
}

export interface ShownUser {
  readonly kind: 'user'
  readonly user: string
  readonly handle: string | null
  readonly account: Pick<Account, 'state' | 'did' | 'pds' | 'pdsHandle' | 'error' | 'former'> | null
  /** Whether the account can be used, and why not. */
  readonly reason: Reason
  /** Null where there is no DID to ask about. */
  readonly network: OnNetwork | null
  readonly repo: Standing['repo']
  /** Nothing is sent to the host before, and nothing is written to the account before; null for no such time. */
  readonly blocked: { readonly host: number | null; readonly account: number | null }
  readonly budgets: readonly Used[]
  readonly audit: StoredAudit | null
  /** What relays said last of the account. */
  readonly relays: readonly Sighting[]
  readonly moods: Readonly<Record<SyncState, number>>
  /** All moods that are not published, by what is in the way; the most first. */
  readonly waiting: readonly WaitingMoods[]
  readonly erasure: ShownErasure | null
  /** When it was looked at, in ms since 1970. */
  readonly now: number
  /** Whether every mood was counted. */
  readonly complete: boolean
}

/** @param stop ends the count of moods */
export async function showUser(
  deps: ShowUserDeps,
  user: string,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<ShownUser> {
  const { store } = deps
  const standing = await standingOf(deps, user)
  const { account, repo, handle, name, now } = standing
  const [network, audits, relays, counted] = await Promise.all([
    account === null ? null : onNetwork(deps, account),
    store.audits.of([user]),
    sightingsOf(store.sightings, deps.config.relays, user),
    countMoods(deps, standing, onProgress, stop),
  ])
  return {
    kind: 'user',
    user,
    handle,
    account: account && pick(account),
    reason: accountReason(account, name),
    network,
    repo,
    blocked: blockedOf(standing),
    budgets: budgetsOf(standing),
    audit: audits.get(user) ?? null,
    relays,
    ...counted,
    erasure: standing.erasure && !isOdd(standing.erasure) ? showErasure(standing, standing.erasure) : null,
    now,
    complete: !stop.aborted,
  }
}

function pick({ state, did, pds, pdsHandle, error, former }: Account): NonNullable<ShownUser['account']> {
  return { state, did, pds, pdsHandle, error, former }
}

async function onNetwork({ directory }: ShowUserDeps, { did, pds }: Account): Promise<OnNetwork | null> {
  if (did === null || pds === null) return null
  const [identity, repo, handle] = await Promise.all([
    directory.identity(did).then((answer) => asked(answer.kind === 'ok' ? ok(documentOf(answer.value)) : answer)),
    directory.repoStatus(pds, did).then(asked),
    directory.handleOf(pds, did).then(asked),
  ])
  return { identity, repo, handle }
}

/** What a DID document says, without keys. */
function documentOf(identity: Identity): Identity {
  return identity.kind === 'known' ? { kind: 'known', handle: identity.handle, pds: identity.pds } : identity
}

function asked<T>(answer: Outcome<T>): Asked<T> {
  return answer.kind === 'ok' ? { value: answer.value, code: null } : { value: null, code: codeOf(answer) }
}

function blockedOf({ used, now }: Standing): ShownUser['blocked'] {
  const closedUntil = (entry: LedgerEntry) => {
    return reserve(entry, { limits: [], cost: 0, share: 1, probeMs: 0 }, now).waitUntil
  }
  return { host: closedUntil(used.requests), account: closedUntil(used.points) }
}

function budgetsOf({ used, limits, now }: Standing): Used[] {
  const names = Object.keys(limits) as (keyof Limits)[]
  return names.flatMap((budget) =>
    limits[budget].map(({ max, windowMs }, i) => {
      const window = used[budget].windows[i]
      const isRunning = window !== undefined && window.endsAt > now
      return { budget, max, windowMs, used: isRunning ? window.used : 0, endsAt: isRunning ? window.endsAt : null }
    }),
  )
}

async function countMoods(
  { store }: ShowUserDeps,
  standing: Standing,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Pick<ShownUser, 'moods' | 'waiting'>> {
  const moods = noMoods().states
  const waiting = new Map<string, WaitingMoods>()
  let seen = 0
  for await (const page of histories(store, standing.user)) {
    if (stop.aborted) break
    for (const mood of page) {
      const { state } = mood.sync
      moods[state]++
      if (state !== 'published') note(waiting, standing, mood)
    }
    onProgress('moods counted', (seen += page.length), 0)
  }
  return { moods, waiting: [...waiting.values()].toSorted((a, b) => b.moods - a.moods) }
}

function note(waiting: Map<string, WaitingMoods>, standing: Standing, { id, when, ...mood }: Mood): void {
  const { state } = mood.sync
  const reason = whyNotNow(standing, { id, when, ...mood })
  const key = `${state} ${reason.code} ${reason.text}`
  const before = waiting.get(key)
  if (!before) return void waiting.set(key, { ...reason, state, moods: 1, oldest: { id, when } })
  const until = Math.min(before.until ?? Infinity, reason.until ?? Infinity)
  waiting.set(key, {
    ...before,
    until: until === Infinity ? null : until,
    moods: before.moods + 1,
    oldest: when < before.oldest.when ? { id, when } : before.oldest,
  })
}
