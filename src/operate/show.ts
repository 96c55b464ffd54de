/** Everything about one thing, whatever an operator has in hand: the answer to "why is this mood not on the network?". */

import { needsOperator } from '../domain/account.ts'
import type { OnProgress } from './deps.ts'
import { showErasure, type ShownErasure } from './show-erasure.ts'
import { readRecord, type SeenRecord, showMood, type ShowMoodDeps, type ShownMood } from './show-mood.ts'
import { showUser, type ShownUser, type ShowUserDeps } from './show-user.ts'
import { standingOf } from './standing.ts'
import { findThings, type Thing, type ThingsDeps } from './things.ts'

export type ShowDeps = ThingsDeps & ShowMoodDeps & ShowUserDeps

/** A record key that is no mood's own, and what stands there. */
export interface ShownRecord {
  readonly kind: 'record'
  readonly user: string
  readonly handle: string
  readonly rkey: string
  readonly record: SeenRecord
}

export type Shown = ShownUser | ShownMood | ShownRecord | ShownErasure

export interface ShowOptions {
  /** Whether to give the first words of a mood's text: for a terminal, never for a log or a file. */
  readonly withWords: boolean
}

/**
 * Shows all that the name may mean. Reads the store and asks the PDS; changes nothing.
 *
 * @param name see {@link findThings}
 * @throws DomainError `usage` when there is nothing of that name
 */
export async function show(
  deps: ShowDeps,
  name: string,
  { withWords }: ShowOptions,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<readonly Shown[]> {
  const shown: Shown[] = []
  for (const thing of await findThings(deps, name, onProgress, stop)) {
    shown.push(await showThing(deps, thing, withWords, onProgress, stop))
  }
  return shown
}

async function showThing(
  deps: ShowDeps,
  thing: Thing,
  withWords: boolean,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Shown> {
  switch (thing.kind) {
    case 'user':
      return showUser(deps, thing.user, onProgress, stop)
    case 'mood':
      return showMood(deps, thing.mood, withWords)
    case 'record': {
      const { account, rkey } = thing
      const { record } = await readRecord(deps.client, account, rkey)
      return { kind: 'record', user: account.user, handle: account.handle, rkey, record }
    }
    case 'erasure': {
      const { user } = thing.erasure
      return showErasure(user === null ? null : await standingOf(deps, user), thing.erasure)
    }
  }
}

/** Whether the PDS has told all that it was asked. */
export function isWhole(shown: Shown): boolean {
  switch (shown.kind) {
    case 'mood':
    case 'record':
      return shown.record.kind !== 'unread'
    case 'user': {
      const { network, complete } = shown
      return (
        complete &&
        (network === null || [network.identity, network.repo, network.handle].every((each) => each.code === null))
      )
    }
    case 'erasure':
      return true
  }
}

/** Whether something of it needs an operator. */
export function needsSomebody(shown: Shown): boolean {
  switch (shown.kind) {
    case 'mood':
      return shown.finding !== null || shown.mood.sync.state === 'rejected'
    // An audit tells whether it should be there.
    case 'record':
      return false
    case 'user':
      return needsOperator(shown.account) || shown.moods.rejected > 0
    case 'erasure':
      return shown.reason?.code === 'account_refused'
  }
}
