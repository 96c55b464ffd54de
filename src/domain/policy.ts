/** Whose moods are published at all: the operator's switch. */

import { createHash } from 'node:crypto'

export interface FederationPolicy {
  /** 0 for no user, 100 for all. */
  readonly percent: number
  /** Handles that are published whatever the share. */
  readonly allow: ReadonlySet<string>
}

export const FEDERATE_ALL: FederationPolicy = { percent: 100, allow: new Set() }

/** While the operator has switched publishing off. Withdrawals and erasures run all the same. */
export const FEDERATE_NONE: FederationPolicy = { percent: 0, allow: new Set() }

/**
 * Whether this user's moods are published. The same user gets the same answer each time, and a user who is in at
 * one share stays in at every larger one.
 */
export function federates(policy: FederationPolicy, user: string, handle: string | null): boolean {
  if (handle !== null && policy.allow.has(handle)) return true
  const bucket = createHash('sha256').update(`federation\n${user}`).digest().readUInt32BE(0) % 10_000
  return bucket < policy.percent * 100
}
