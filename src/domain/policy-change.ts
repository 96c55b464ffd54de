/** What the commands of an operator make of the policy in force, and which of them lets more users in. Pure. */

import { DomainError } from './errors.ts'
import { entryName, type FederationPolicy, isListUsed, isSamePolicy } from './policy.ts'

/** What is done to the list of users. */
export interface ListChange {
  /** `add` and `remove` change the list that is in use, and nothing else of the policy. */
  readonly how: 'keep' | 'replace' | 'add' | 'remove'
  /** Entries as the policy has them; none for `keep`. */
  readonly entries: readonly string[]
}

/** What an operator asks for. */
export interface PolicyChange {
  /** The mode to change to; does not count for `add` and `remove`. */
  readonly mode: FederationPolicy['mode']
  /** The new share; without one, it stays as it is. */
  readonly percent?: number
  readonly list: ListChange
}

/**
 * The policy after a change.
 *
 * @throws DomainError `usage` where the list is not in use and so there is nothing to add to or to remove from, or where a
 *   list alone would have nobody on it
 */
export function changed(before: FederationPolicy, { mode, percent, list }: PolicyChange): FederationPolicy {
  const { how, entries } = list
  const isEdit = how === 'add' || how === 'remove'
  if (isEdit && !isListUsed(before)) throw notInUse(before, entries)
  const allow = [...new Set(listAfter(before.allow, list))].toSorted()
  const after = { mode: isEdit ? before.mode : mode, percent: percent ?? before.percent, allow }
  if (after.mode === 'allow' && allow.length === 0) {
    const message = 'nobody would be on the list: name users, or "moods federation off --execute" publishes nothing new'
    throw new DomainError('usage', message)
  }
  return after
}

function listAfter(allow: readonly string[], { how, entries }: ListChange): readonly string[] {
  switch (how) {
    case 'keep':
      return allow
    case 'replace':
      return entries
    case 'add':
      return [...allow, ...entries]
    case 'remove':
      return allow.filter((entry) => !entries.includes(entry))
  }
}

function notInUse({ mode }: FederationPolicy, entries: readonly string[]): DomainError {
  const names = entries.map((entry) => entryName(entry)).join(' ')
  const alone = `"moods federation allow ${names} --execute" publishes the moods of these users alone`
  return new DomainError('usage', `no list is in use, since federation is ${mode}: ${alone}`)
}

/** Whether nothing would change, down to the list that is kept for later. */
export function isUnchanged(before: FederationPolicy, after: FederationPolicy): boolean {
  return isSamePolicy(before, after) && before.allow.join('\n') === after.allow.join('\n')
}

/** What lets more users in and leaves nobody out who is in: commands, in words that complete "to let more in: …". */
export function wayIn({ mode, percent }: FederationPolicy): string {
  const all = '"moods federation on --execute" for all'
  if (mode === 'off' || mode === 'on') return `"moods federation allow @handle --execute", or ${all}`
  const one = '"moods federation allow --add @handle --execute"'
  if (mode === 'allow') return `${one}, or ${all}`
  return `"moods federation percent ${larger(percent)} --execute" for a larger share (without --execute it counts whom that lets in), ${one} for one user, or ${all}`
}

/** The next share that is a multiple of ten. */
function larger(percent: number): number {
  return Math.min(100, 10 * (Math.floor(percent / 10) + 1))
}
