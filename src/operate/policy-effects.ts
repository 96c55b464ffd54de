/** What a policy on federation means for the users and moods that are there, counted. */

import type { Account } from '../domain/account.ts'
import { type FederationPolicy, federates } from '../domain/policy.ts'
import { type Effect, EFFECTS, effectOf } from '../domain/rollout.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress } from './deps.ts'
import { archived } from './pages.ts'

/** Moods, and the users whose they are. */
export interface Extent {
  readonly moods: number
  readonly users: number
}

/** What becomes of the moods that are there: each mood counts once. */
export type Effects = Readonly<Record<Effect, Extent>>

/** Users with a handle, an account or a mood, and how many of them each policy includes. */
export interface Included {
  readonly all: number
  readonly before: number
  readonly after: number
  /** Included after, and not before. */
  readonly joining: number
  /** Included before, and not after. */
  readonly leaving: number
}

/**
 * Counts what becomes of users and moods when one policy follows another. Reads every handle, account and mood.
 *
 * @param stop ends it early, with what was counted so far
 */
export async function effectsOf(
  store: Store,
  before: FederationPolicy,
  after: FederationPolicy,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<{ readonly users: Included; readonly effects: Effects }> {
  const handles = new Map<string, string | null>()
  const accounts = new Map<string, Account>()
  for await (const page of archived(store, 'handles', stop))
    for (const { user, handle } of page) handles.set(user, handle)
  for await (const page of archived(store, 'accounts', stop)) {
    for (const each of page) {
      accounts.set(each.user, each)
      // What the engine goes by, where there is an account.
      handles.set(each.user, each.handle || null)
    }
  }
  const counts = new Map(EFFECTS.map((effect) => [effect, { moods: 0, users: new Set<string>() }]))
  const total = await store.archive.count('moods')
  let done = 0
  for await (const page of archived(store, 'moods', stop)) {
    for (const { mood } of page) {
      if (mood.user !== '' && !handles.has(mood.user)) handles.set(mood.user, null)
      const count = counts.get(effectOf(mood, accounts.get(mood.user) ?? null, before, after))!
      count.moods++
      count.users.add(mood.user)
    }
    onProgress('moods', (done += page.length), total)
  }
  const effects = EFFECTS.map((effect) => {
    const { moods, users } = counts.get(effect)!
    return [effect, { moods, users: users.size }] as const
  })
  return { users: included(handles, before, after), effects: Object.fromEntries(effects) as Effects }
}

function included(
  handles: ReadonlyMap<string, string | null>,
  before: FederationPolicy,
  after: FederationPolicy,
): Included {
  const count = { all: handles.size, before: 0, after: 0, joining: 0, leaving: 0 }
  for (const [user, handle] of handles) {
    const [was, is] = [federates(before, user, handle), federates(after, user, handle)]
    if (was) count.before++
    if (is) count.after++
    if (is && !was) count.joining++
    if (was && !is) count.leaving++
  }
  return count
}
