/** The operator's policy: what it is, what another one would change, and changing it. */

import type { Account } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import {
  type FederationPolicy,
  federates,
  ignoredText,
  inForce,
  policyInForceText,
  policyText,
  type StoredPolicy,
  wayIn,
} from '../domain/policy.ts'
import { type Effect, effectOf } from '../domain/rollout.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { archived } from './pages.ts'
import { noSuchUsers } from './users.ts'

/** The policy in force, for people and programs. */
export interface PolicyView {
  readonly mode: FederationPolicy['mode']
  readonly percent: number
  readonly allow: readonly string[]
  /** Completes "federation is …". */
  readonly text: string
  readonly by: string
  /** ISO 8601. */
  readonly since: string
  readonly reason: string | null
  readonly version: number
}

function policyView({ policy, by, at, reason, version }: StoredPolicy): PolicyView {
  return { ...policy, text: policyText(policy), by, since: new Date(at).toISOString(), reason, version }
}

/** Moods, and the users whose they are. */
export interface Extent {
  readonly moods: number
  readonly users: number
}

export interface FederationChange {
  readonly executed: boolean
  readonly before: PolicyView
  readonly after: PolicyView
  /** What becomes of the moods that are there; those that have a record keep it, so none is withdrawn. */
  readonly effects: Readonly<Record<Effect, Extent>> & { readonly withdrawn: Extent }
  /** Whether every mood was looked at. */
  readonly complete: boolean
}

/** What an operator asks for. A list that is not given stays as it is. */
export type PolicyChange = Pick<FederationPolicy, 'mode'> & Partial<Pick<FederationPolicy, 'percent' | 'allow'>>

export interface ChangeOptions {
  readonly change: PolicyChange
  /** Who asks for it. */
  readonly by: string
  readonly reason: string | null
  /** Does it; without this, only shows what would come of it. */
  readonly execute: boolean
}

type Deps = Pick<OperatorDeps, 'store' | 'clock'>

const none = () => ({ moods: 0, users: new Set<string>() })

/**
 * Shows what a policy would change, and puts it in force. Processes follow it within a second. Reads every mood.
 *
 * @param onEffects told what would come of it, before anything is changed
 * @param stop ends it before the change
 * @throws DomainError `usage` for a handle that no user has; `unavailable` when another operator has changed it meanwhile
 */
export async function changeFederation(
  deps: Deps,
  { change, by, reason, execute }: ChangeOptions,
  onEffects: (planned: FederationChange) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<FederationChange> {
  const { store, clock } = deps
  const stored = await requirePolicy(store)
  await requireHandles(store, change.allow ?? [])
  const policy = changed(stored.policy, change)
  const effects = await effectsOf(store, stored.policy, policy, onProgress, stop)
  const after = { policy, by, at: clock.now(), reason, version: stored.version + 1 }
  const [from, to] = [policyView(stored), policyView(after)]
  const planned = { executed: false, before: from, after: to, effects, complete: !stop.aborted }
  onEffects(planned)
  if (!execute || stop.aborted) return planned
  const saved = await store.policy.save({ ...after, version: stored.version })
  if (saved === null)
    throw new DomainError('unavailable', 'another operator has changed the policy meanwhile: look again')
  return { ...planned, executed: true, after: policyView(saved) }
}

async function requirePolicy({ policy }: Store): Promise<StoredPolicy> {
  const stored = await policy.get()
  if (stored !== null) return stored
  throw new DomainError('unavailable', 'the store has no policy yet: start a server or a worker')
}

function changed(before: FederationPolicy, { mode, percent, allow }: PolicyChange): FederationPolicy {
  return { mode, percent: percent ?? before.percent, allow: [...new Set(allow ?? before.allow)].toSorted() }
}

async function requireHandles(store: Store, handles: readonly string[]): Promise<void> {
  const users = await store.accounts.usersOf(handles)
  const unknown = handles.filter((handle) => !users.has(handle)).map((handle) => `@${handle}`)
  if (unknown.length > 0) throw await noSuchUsers(store, unknown)
}

async function effectsOf(
  store: Store,
  before: FederationPolicy,
  after: FederationPolicy,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<FederationChange['effects']> {
  const accounts = new Map<string, Account>()
  for await (const page of archived(store, 'accounts', stop)) for (const each of page) accounts.set(each.user, each)
  const counts = { released: none(), held: none(), underWay: none(), stillHeld: none(), history: none() }
  const total = await store.archive.count('moods')
  let done = 0
  for await (const page of archived(store, 'moods', stop)) {
    for (const { mood } of page) {
      const effect = effectOf(mood, accounts.get(mood.user) ?? null, before, after)
      if (effect === null) continue
      counts[effect].moods++
      counts[effect].users.add(mood.user)
    }
    onProgress('moods', (done += page.length), total)
  }
  const extent = ({ moods, users }: ReturnType<typeof none>): Extent => ({ moods, users: users.size })
  return {
    released: extent(counts.released),
    held: extent(counts.held),
    underWay: extent(counts.underWay),
    stillHeld: extent(counts.stillHeld),
    history: extent(counts.history),
    withdrawn: { moods: 0, users: 0 },
  }
}

export interface FederationStatus {
  readonly federation: PolicyView
  /** What the environment of this process asks for, where that is not what is in force; null otherwise. */
  readonly ignored: string | null
  /** Moods that workers publish now, that federation holds, and that wait for a backfill. */
  readonly moods: Readonly<Record<'underWay' | 'held' | 'history', Extent>>
  readonly complete: boolean
}

/**
 * Reads every mood.
 *
 * @param configured what the environment asks for; null for nothing
 * @throws DomainError `unavailable` when the store has no policy yet
 */
export async function federationStatus(
  { store }: Pick<OperatorDeps, 'store'>,
  configured: FederationPolicy | null,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<FederationStatus> {
  const stored = await requirePolicy(store)
  const { policy } = stored
  const { underWay, stillHeld, history } = await effectsOf(store, policy, policy, onProgress, stop)
  return {
    federation: policyView(stored),
    ignored: ignoredText(configured, stored),
    moods: { underWay, held: stillHeld, history },
    complete: !stop.aborted,
  }
}

/** Users whom federation leaves out now, and how that is said. */
export interface LeftOut {
  readonly users: number
  /** The policy, and what lets these users in; null where nobody is left out. */
  readonly text: string | null
}

/** @param users with their handles */
export async function leftOut(
  { store }: Pick<OperatorDeps, 'store'>,
  users: readonly { readonly user: string; readonly handle: string | null }[],
): Promise<LeftOut> {
  const stored = await store.policy.get()
  const policy = inForce(stored)
  const out = users.filter(({ user, handle }) => !federates(policy, user, handle))
  return { users: out.length, text: out.length === 0 ? null : leftOutText(stored, out.length) }
}

/** Why users are left out, and what lets them in. @param count how many */
export function leftOutText(stored: StoredPolicy | null, count: number): string {
  const who = count === 1 ? '1 user is' : `${count} users are`
  return `${who} left out: federation is ${policyInForceText(stored)}. To let more in: ${wayIn(inForce(stored))}.`
}
