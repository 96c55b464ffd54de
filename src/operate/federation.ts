/** The operator's policy: what it is, what another one would change, and changing it. */

import { counted } from '../domain/tally.ts'
import { DomainError } from '../domain/errors.ts'
import {
  entryOf,
  type FederationPolicy,
  federates,
  ignoredText,
  inForce,
  isListUsed,
  policyInForceText,
  policyText,
  type StoredPolicy,
} from '../domain/policy.ts'
import { changed, isUnchanged, type ListChange, type PolicyChange, wayIn } from '../domain/policy-change.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { type Effects, effectsOf, type Extent, type Included } from './policy-effects.ts'
import { findUsers } from './users.ts'

/** The policy in force, for people and programs. */
export interface PolicyView {
  readonly mode: FederationPolicy['mode']
  /** Null where no share counts. */
  readonly percent: number | null
  /** Entries of the list that counts. */
  readonly allow: readonly string[]
  /** Entries of a list that does not count in this mode, and is kept for a later one. */
  readonly kept: readonly string[]
  /** Completes "federation is …". */
  readonly text: string
  /** Null where the policy cannot be read. */
  readonly by: string | null
  /** ISO 8601; null where the policy cannot be read. */
  readonly since: string | null
  readonly reason: string | null
  readonly version: number
}

function policyView({ policy, by, at, reason, version, odd }: StoredPolicy): PolicyView {
  const { mode, percent, allow } = policy
  return {
    mode,
    percent: mode === 'percent' ? percent : null,
    allow: isListUsed(policy) ? allow : [],
    kept: isListUsed(policy) ? [] : allow,
    text: policyText(policy),
    by: odd ? null : by,
    since: odd ? null : new Date(at).toISOString(),
    reason,
    version,
  }
}

export interface FederationChange {
  readonly executed: boolean
  /** Whether exactly this policy was in force already, so that nothing was changed; `after` is that policy then. */
  readonly unchanged: boolean
  readonly before: PolicyView
  readonly after: PolicyView
  readonly users: Included
  /** What becomes of the moods that are there; those that have a record keep it, so none is withdrawn. */
  readonly effects: Effects & { readonly withdrawn: Extent }
  /** Whether every mood was looked at. */
  readonly complete: boolean
}

/** What an operator asks for, with users as they are named. */
export interface PolicyRequest extends Omit<PolicyChange, 'list'> {
  /** The users are `@handle`, DID or `sub`; several handles may be one name, with commas. */
  readonly list: Pick<ListChange, 'how'> & { readonly names: readonly string[] }
}

export interface ChangeOptions {
  readonly change: PolicyRequest
  /** Who asks for it. */
  readonly by: string
  readonly reason: string | null
  /** Does it; without this, only shows what would come of it. */
  readonly execute: boolean
}

type Deps = Pick<OperatorDeps, 'store' | 'clock'>

const NOTHING: Extent = { moods: 0, users: 0 }

/**
 * Shows what a policy would change, and puts it in force. Processes follow it within a second. Reads every mood. Where
 * exactly that policy is in force, it stays as it is, with whoever set it.
 *
 * @param onPlan told what would come of it, before anything is changed
 * @param stop ends it before the change
 * @throws DomainError `usage` for a user whom nobody knows, or as {@link changed}; `unavailable` when another operator has
 *   changed it meanwhile to something else
 */
export async function changeFederation(
  deps: Deps,
  { change, by, reason, execute }: ChangeOptions,
  onPlan: (planned: FederationChange) => void,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<FederationChange> {
  const { store, clock } = deps
  const stored = await requirePolicy(store)
  const list = await lookedUp(store, change.list, stored.policy)
  const policy = changed(stored.policy, { ...change, list })
  const unchanged = isUnchanged(stored.policy, policy)
  const { users, effects } = await effectsOf(store, stored.policy, policy, onProgress, stop)
  const wanted = { policy, by, at: clock.now(), reason, version: stored.version + 1 }
  const planned: FederationChange = {
    executed: false,
    unchanged,
    before: policyView(stored),
    after: policyView(unchanged ? stored : wanted),
    users,
    effects: { ...effects, withdrawn: NOTHING },
    complete: !stop.aborted,
  }
  if (unchanged) return planned
  onPlan(planned)
  if (!execute || stop.aborted) return planned
  const saved = await store.policy.save({ ...wanted, version: stored.version })
  if (saved !== null) return { ...planned, executed: true, after: policyView(saved) }
  const other = await requirePolicy(store)
  if (isUnchanged(other.policy, policy)) return { ...planned, unchanged: true, after: policyView(other) }
  throw new DomainError('unavailable', 'another operator has changed the policy meanwhile: look again')
}

async function requirePolicy({ policy }: Store): Promise<StoredPolicy> {
  const stored = await policy.get()
  if (stored !== null) return stored
  throw new DomainError('unavailable', 'the store has no policy yet: start a server or a worker')
}

/** @throws DomainError `usage` for a name that is nobody's */
async function lookedUp(
  store: Store,
  { how, names }: PolicyRequest['list'],
  { allow }: FederationPolicy,
): Promise<ListChange> {
  const each = names.flatMap((name) => (name.startsWith('@') ? name.split(',') : [name]))
  // A user who has been erased, or has taken another handle, can still be taken off the list.
  const onList = (name: string): string | undefined => entriesFor(name).find((entry) => allow.includes(entry))
  const listed = how === 'remove' ? each.flatMap((name) => onList(name) ?? []) : []
  const others = how === 'remove' ? each.filter((name) => onList(name) === undefined) : each
  const users = await findUsers(store, others)
  const handles = await store.accounts.handlesOf(users)
  const entries = users.map((user) => entryOf(user, handles.get(user) ?? null))
  // Users may have had no handle when they were put on the list.
  const bySub = how === 'remove' ? users.map((user) => entryOf(user, null)) : []
  return { how, entries: [...listed, ...entries, ...bySub] }
}

/** How a user of this name, `@handle` or `sub`, may stand on the list; a handle in another case comes last. */
function entriesFor(name: string): readonly string[] {
  if (!name.startsWith('@')) return [entryOf(name, null)]
  const handle = name.slice(1)
  return [handle, handle.toLowerCase()]
}

export interface FederationStatus {
  readonly federation: PolicyView
  /** What the environment of this process asks for, where that is not what is in force; null otherwise. */
  readonly ignored: string | null
  /** Commands that let more users in, in words. */
  readonly wayIn: string
  /** Users with a handle, an account or a mood, and how many of them the policy includes. */
  readonly users: { readonly all: number; readonly included: number }
  /**
   * Moods that workers publish now, that federation holds, that wait for a backfill, whose authors have no account, and all
   * others, which are published, private, deleted or refused.
   */
  readonly moods: Readonly<Record<'underWay' | 'held' | 'history' | 'noAccount' | 'settled', Extent>>
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
  const { users, effects } = await effectsOf(store, policy, policy, onProgress, stop)
  const { underWay, stillHeld, history, noAccount, settled } = effects
  return {
    federation: policyView(stored),
    ignored: ignoredText(configured, stored),
    wayIn: wayIn(policy),
    users: { all: users.all, included: users.after },
    moods: { underWay, held: stillHeld, history, noAccount, settled },
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
  return { users: out.length, text: out.length === 0 ? null : leftOutText(stored, out.length, users.length) }
}

/** Why users are left out, and what lets them in. @param count how many; @param all of how many; @param which what they have in common, as in “with moods” */
export function leftOutText(stored: StoredPolicy | null, count: number, all: number, which = ''): string {
  const who = `${count === all ? '' : `${count} of `}${counted(all, 'user')}${which && ` ${which}`}`
  return `${who} ${count === 1 ? 'is' : 'are'} left out: federation is ${policyInForceText(stored)}. To let more in: ${wayIn(inForce(stored))}.`
}
