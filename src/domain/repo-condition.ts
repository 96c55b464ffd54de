/** How an account stands with its PDS, as the PDS itself tells it in several ways. Pure. */

import type { Failure, Outcome } from './outcome.ts'

/**
 * - `active`: it can be read and written;
 * - `gone`: the PDS has no such account, or is deleting it;
 * - `takendown`, `suspended`: shut by whoever runs the PDS;
 * - `deactivated`: shut by its owner, perhaps until it is deleted, or because it has moved;
 * - `inactive`: shut for a reason that we do not know.
 */
export type RepoCondition = 'active' | 'gone' | 'takendown' | 'suspended' | 'deactivated' | 'inactive'

/** Names for a refusal, by what the PDS says of the account where it does not refuse at once. */
const REFUSALS: Readonly<Record<Exclude<RepoCondition, 'active'>, string>> = {
  gone: 'RepoNotFound',
  takendown: 'AccountTakedown',
  suspended: 'AccountSuspended',
  deactivated: 'AccountDeactivated',
  inactive: 'AccountInactive',
}

const BY_STATUS: Readonly<Partial<Record<string, RepoCondition>>> = {
  takendown: 'takendown',
  suspended: 'suspended',
  deactivated: 'deactivated',
  deleted: 'gone',
  deleting: 'gone',
}

/** Refusals of a repo by name (https://atproto.com/specs/account#hosting-status). */
const BY_CODE: Readonly<Partial<Record<string, RepoCondition>>> = {
  RepoNotFound: 'gone',
  AccountNotFound: 'gone',
  RepoTakendown: 'takendown',
  AccountTakedown: 'takendown',
  RepoSuspended: 'suspended',
  AccountSuspended: 'suspended',
  RepoDeactivated: 'deactivated',
  AccountDeactivated: 'deactivated',
  AccountInactive: 'inactive',
}

/** @param status the PDS's own word, where it is not active; null for none */
export function conditionOf(active: boolean, status: string | null): RepoCondition {
  return active ? 'active' : (BY_STATUS[status ?? ''] ?? 'inactive')
}

/** What a refusal tells of the account; null where it is about something else, such as the password. */
export function conditionBehind(failure: Failure): Exclude<RepoCondition, 'active'> | null {
  if (failure.kind !== 'unauthorized' && failure.kind !== 'rejected') return null
  const condition = BY_CODE[failure.code]
  return condition === undefined || condition === 'active' ? null : condition
}

/** The refusal that follows from what the PDS says of an account that it does not refuse in so many words. */
export function refusalOf(condition: Exclude<RepoCondition, 'active'>): Extract<Failure, { kind: 'unauthorized' }> {
  const message = `the PDS says that the account is ${condition === 'inactive' ? 'not active' : condition}`
  return { kind: 'unauthorized', code: REFUSALS[condition], message }
}

/** The condition that a status tells, or the refusal in its place; another failure tells nothing. */
export function conditionIn(
  answer: Outcome<{ readonly active: boolean; readonly status: string | null }>,
): Outcome<RepoCondition> {
  if (answer.kind === 'ok') return { kind: 'ok', value: conditionOf(answer.value.active, answer.value.status) }
  const condition = conditionBehind(answer)
  return condition === null ? answer : { kind: 'ok', value: condition }
}
