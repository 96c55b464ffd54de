/** Whose moods are published at all: the operator's policy on federation, which all processes find in the store. */

import { createHash } from 'node:crypto'
import { type Odd, oddText } from './odd.ts'
import { nameOf } from './user-names.ts'

export const POLICY_MODES = ['off', 'allow', 'percent', 'on'] as const
export type PolicyMode = (typeof POLICY_MODES)[number]

export interface FederationPolicy {
  /** `off`: nobody; `allow`: only those on the list; `percent`: a share of the users, and those on the list; `on`: all. */
  readonly mode: PolicyMode
  /** The share of the users, from 0 to 100; counts in mode `percent` alone. */
  readonly percent: number
  /** Entries as {@link entryOf} writes them, in order. A list stays when the mode changes, so that it need not be entered again. */
  readonly allow: readonly string[]
}

export const FEDERATE_ALL: FederationPolicy = { mode: 'on', percent: 100, allow: [] }

const USER = 'user:'

/** A user as an entry of the list: the handle without `@`, or, for a user without one, `user:` and the sub. */
export function entryOf(user: string, handle: string | null): string {
  return handle ?? USER + user
}

/** The user of an entry as a command line takes one: `@handle`, or the sub. */
export function entryName(entry: string): string {
  return entry.startsWith(USER) ? nameOf(entry.slice(USER.length), null) : nameOf('', entry)
}

/** Whether the list counts under this policy. */
export function isListUsed({ mode }: FederationPolicy): boolean {
  return mode === 'allow' || mode === 'percent'
}

/** Nothing new is published. Withdrawals and erasures run all the same. */
export const FEDERATE_NONE: FederationPolicy = { mode: 'off', percent: 0, allow: [] }

/** The policy in force, and where it comes from. */
export interface StoredPolicy {
  readonly policy: FederationPolicy
  /** Who set it: a person on a machine, or the process that found none. */
  readonly by: string
  /** When, in ms since 1970. */
  readonly at: number
  /** Why, in the words of whoever set it; null where none were given. */
  readonly reason: string | null
  /** Grows by one with each change; 0 of one that cannot be read. */
  readonly version: number
  /** What is odd about it; only where it cannot be read. */
  readonly odd?: Odd
}

/** Stands for a policy that cannot be read: nothing new is published until an operator sets another one. */
export function unreadablePolicy(odd: Odd): StoredPolicy {
  const reason = `the policy in the store cannot be read: ${oddText(odd)}`
  return { policy: FEDERATE_NONE, by: 'nobody', at: 0, reason, version: 0, odd }
}

/**
 * Whether this user's moods are published. The same user gets the same answer each time, and a user who is in at
 * one share stays in at every larger one.
 */
export function federates({ mode, percent, allow }: FederationPolicy, user: string, handle: string | null): boolean {
  if (mode === 'on' || mode === 'off') return mode === 'on'
  if ((handle !== null && allow.includes(handle)) || allow.includes(entryOf(user, null))) return true
  if (mode === 'allow') return false
  const bucket = createHash('sha256').update(`federation\n${user}`).digest().readUInt32BE(0) % 10_000
  return bucket < percent * 100
}

/** The policy in force; without one, nothing is published: what nobody has decided is not decided in favour. */
export function inForce(stored: StoredPolicy | null): FederationPolicy {
  return stored?.policy ?? FEDERATE_NONE
}

/** Whether both publish the same users. */
export function isSamePolicy(one: FederationPolicy, other: FederationPolicy): boolean {
  if (one.mode !== other.mode) return false
  if (one.mode === 'on' || one.mode === 'off') return true
  if (one.allow.join() !== other.allow.join()) return false
  return one.mode === 'allow' || one.percent === other.percent
}

/** What a store holds that has no policy yet. */
export interface Unseeded {
  /** What the environment of the process says; null where it says nothing. */
  readonly configured: FederationPolicy | null
  /** Whether there are neither users nor moods. */
  readonly isEmpty: boolean
  /** Whether an engine has worked here before: an installation from the time when each process had its own policy. */
  readonly hasRun: boolean
}

/**
 * The first policy of a store. An application that brings its users along must not publish what they have posted, or post
 * meanwhile, before an operator says so: an environment can hold some of them back or name some, and no environment lets
 * all of them out.
 */
export function firstPolicy({ configured, isEmpty, hasRun }: Unseeded): Pick<StoredPolicy, 'policy' | 'reason'> {
  const isExisting = !isEmpty && !hasRun
  const existing = { policy: FEDERATE_NONE, reason: 'a new installation on an existing database' }
  if (configured !== null) {
    if (isExisting && extentOf(configured) === 'all') return existing
    return { policy: configured, reason: 'the environment says so, and the store had no policy' }
  }
  if (isExisting) return existing
  if (hasRun) return { policy: FEDERATE_ALL, reason: 'as before: earlier versions published everything by default' }
  return { policy: FEDERATE_ALL, reason: 'a new installation on an empty database' }
}

export type PolicyExtent = 'nobody' | 'some' | 'all'

/** Whom a policy includes, roughly. */
export function extentOf({ mode, percent, allow }: FederationPolicy): PolicyExtent {
  if (mode === 'on' || (mode === 'percent' && percent === 100)) return 'all'
  return mode === 'off' || (allow.length === 0 && (mode === 'allow' || percent === 0)) ? 'nobody' : 'some'
}

/** Users of a list who are shown. */
const SHOWN = 5

/** The users of a list, or the first of them and how many more there are. */
export function listText(allow: readonly string[]): string {
  const more = allow.length - SHOWN
  const shown = allow.slice(0, SHOWN).map((entry) => entryName(entry))
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** The policy in words that complete "federation is …". */
export function policyText({ mode, percent, allow }: FederationPolicy): string {
  if (mode === 'on') return 'on for all users'
  if (mode === 'off') return 'off'
  if (mode === 'allow') return allow.length === 0 ? 'on for nobody' : `on for ${listText(allow)} only`
  return `on for ${percent} % of the users${allow.length === 0 ? '' : ` and for ${listText(allow)}`}`
}

/**
 * What the environment of a process asks for and does not get, since another policy is in force, in words that complete
 * "federation is …".
 *
 * @param configured what it asks for; null where it asks for nothing
 * @returns null where it gets what it asks for
 */
export function ignoredText(configured: FederationPolicy | null, { policy }: StoredPolicy): string | null {
  return configured === null || isSamePolicy(configured, policy) ? null : policyText(configured)
}

/** The policy in force, with who set it, when and why, in words that complete "federation is …". */
export function policyInForceText(stored: StoredPolicy | null): string {
  if (stored === null) return 'off: the store has no policy yet'
  if (stored.odd) return `off: ${stored.reason}`
  const why = stored.reason === null ? '' : ` (${stored.reason})`
  return `${policyText(stored.policy)}, since ${new Date(stored.at).toISOString()} by ${stored.by}${why}`
}
