/** Publishing and deleting records of moods now, and waiting until the worker has done it. */

import { needsOperator } from '../domain/account.ts'
import type { App } from '../app.ts'
import { DomainError } from '../domain/errors.ts'
import type { Mood } from '../domain/mood.ts'
import type { MoodView } from '../http/contract.ts'
import { moodView } from '../http/view.ts'
import { Installation } from './installation.ts'
import { type Draft, post } from './moods.ts'
import { requireUser } from './arguments.ts'
import { requireWaiting, untilSettled, type WaitOptions } from './waiting.ts'

/**
 * Publishes a mood now: a new one, or an existing one by its id. Without `wait` it only tells the worker. With `wait` it
 * resolves when the mood is published, when the worker has nothing to do for it (private, no account, rejected), or when
 * the time is up: `atproto.state` tells which. A mood that is still `pending` is published later.
 *
 * @throws DomainError `bad_request`, `invalid_mood`, `being_erased`; `not_found` when the user has no such mood, or it was
 *   erased meanwhile; the reason of the signal
 */
export async function createAtprotoMood(
  installation: Installation,
  wanted: Draft | { readonly user: string; readonly moodId: string },
  options: WaitOptions = {},
): Promise<MoodView> {
  const app = Installation.appOf(installation)
  const waiting = requireWaiting(options)
  const user = requireUser(wanted.user)
  let id: string
  if ('moodId' in wanted) {
    id = wanted.moodId
    const mood = await load(app, id)
    if (mood.user !== user || mood.deleted) throw new DomainError('not_found', 'no such mood')
    await app.engine.nudge(user)
  } else {
    id = (await post(installation, wanted)).id
  }
  await untilSettled(waiting, async () => isUnderWay(app, await load(app, id)))
  return viewOf(app, id)
}

/**
 * Deletes a mood and its record. With `wait` it resolves when the worker has seen that the record is gone
 * (`atproto.state` is `withdrawn`, or `local` where there never was one), or when the time is up.
 *
 * @throws DomainError `bad_request`, `being_erased`; `not_found` when the user has no such mood; the reason of the signal
 */
export async function deleteAtprotoMood(
  installation: Installation,
  { user, id }: { readonly user: string; readonly id: string },
  options: WaitOptions = {},
): Promise<MoodView> {
  const app = Installation.appOf(installation)
  const waiting = requireWaiting(options)
  await app.moods.delete(requireUser(user), id)
  await untilSettled(waiting, async () => isUnderWay(app, await load(app, id)))
  return viewOf(app, id)
}

/**
 * Deletes all moods of a user and their records: a nuke, which `POST /api/mood {nuke: false}` undoes. With `wait` it
 * resolves when the worker has nothing left to do for the user, or when the time is up.
 *
 * @returns how many moods were deleted, and whether the worker still has work for the user
 * @throws DomainError `bad_request`, `being_erased`; the reason of the signal
 */
export async function deleteAllAtprotoMoods(
  installation: Installation,
  { user }: { readonly user: string },
  options: WaitOptions = {},
): Promise<{ readonly nuked: number; readonly pending: boolean }> {
  const { moods, store } = Installation.appOf(installation)
  const waiting = requireWaiting(options)
  const nuked = await moods.nuke(requireUser(user), 'nuke', 'withdraw')
  const isPending = async (): Promise<boolean> => (await store.work.nextDue(user)) !== null
  await untilSettled(waiting, isPending)
  return { nuked, pending: await isPending() }
}

async function load({ store }: App, id: string): Promise<Mood> {
  const mood = await store.moods.byId(id)
  if (!mood) throw new DomainError('not_found', 'no such mood')
  return mood
}

async function viewOf(app: App, id: string): Promise<MoodView> {
  const [entry] = await app.moods.entries([await load(app, id)])
  return moodView(entry!)
}

/** Whether the engine still works on the mood; also when it waits for an account that is being made. */
async function isUnderWay({ store }: App, { user, sync }: Mood): Promise<boolean> {
  if (sync.state !== 'local' || sync.hold !== 'no_account') return sync.state === 'pending'
  const account = await store.accounts.byUser(user)
  return account !== null && !needsOperator(account)
}
