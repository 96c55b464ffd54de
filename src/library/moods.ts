/** What users do: post, read, delete, sign up, be forgotten. */

import { DomainError } from '../domain/errors.ts'
import { FEED_PAGE } from '../domain/mood-limits.ts'
import type { MoodDraft } from '../domain/mood.ts'
import type { ErasureView, MoodPageView, MoodView, ProfileView } from '../http/contract.ts'
import { decodeCursor, erasureView, moodPageView, moodView, profileView } from '../http/view.ts'
import { Installation } from './installation.ts'
import { requireUser } from './arguments.ts'

export interface Draft {
  /** `sub` of the author, as the sign-in provider names the user. */
  readonly user: string
  /** 1 to 280 characters (graphemes), at most 2800 bytes of UTF-8. */
  readonly mood: string
  /** 1 to 10. */
  readonly intensity?: number
  /** Up to 1000 characters. */
  readonly context?: string
  /** A private mood never leaves the database. */
  readonly isPrivate?: boolean
}

/**
 * Saves a mood; the worker publishes it. Posting the user's latest text again returns the existing mood.
 *
 * @throws DomainError `bad_request`, `invalid_mood`; `being_erased` while the user is being forgotten
 */
export async function post(installation: Installation, draft: Draft): Promise<MoodView> {
  const user = requireUser(draft.user)
  return moodView(await Installation.appOf(installation).moods.post(user, requireDraft(draft)))
}

export interface FeedOptions {
  /** Whose moods, by handle; all users' by default. */
  readonly handles?: readonly string[]
  /** `sub` of the reader, who gets his or her own private moods when asking for them by handle. */
  readonly viewer?: string
  /** 1 to 100; 50 by default. */
  readonly limit?: number
  /** `cursor` of the previous page. */
  readonly cursor?: string
}

/**
 * A page of moods, newest first.
 *
 * @throws DomainError `bad_request`, `invalid_handle`, `invalid_cursor`
 */
export async function feed(installation: Installation, options: FeedOptions = {}): Promise<MoodPageView> {
  const { handles, viewer, limit = FEED_PAGE.usual, cursor } = options
  const after = cursor === undefined ? null : decodeCursor(cursor)
  const { moods } = Installation.appOf(installation)
  return moodPageView(await moods.feed(handles ?? null, viewer ?? null, limit, after))
}

/**
 * Gives a user a handle and orders an account on the PDS; the user's moods are published once it exists. Safe to repeat.
 *
 * @throws DomainError `bad_request`, `invalid_handle`, `handle_taken`, `already_signed_up`, `being_erased`
 */
export async function signUp(
  installation: Installation,
  { user, handle }: { readonly user: string; readonly handle: string },
): Promise<ProfileView> {
  return profileView(await Installation.appOf(installation).accounts.signUp(requireUser(user), handle))
}

/**
 * Forgets a user: the texts are gone when this resolves; the worker deletes records and account. Calling it again
 * returns the same receipt until that is done.
 *
 * @throws DomainError `bad_request`
 */
export async function erase(installation: Installation, { user }: { readonly user: string }): Promise<ErasureView> {
  return erasureView(await Installation.appOf(installation).erasures.request(requireUser(user)))
}

/** The progress of an erasure. @throws DomainError `not_found` */
export async function erasure(
  installation: Installation,
  { receipt }: { readonly receipt: string },
): Promise<ErasureView> {
  return erasureView(await Installation.appOf(installation).erasures.byReceipt(receipt))
}

/** For callers without the types. */
function requireDraft({ mood, intensity, context, isPrivate }: Draft): MoodDraft {
  if (typeof mood !== 'string') throw new DomainError('bad_request', 'mood is a text')
  if (!['string', 'undefined'].includes(typeof context)) throw new DomainError('bad_request', 'context is a text')
  if (!['boolean', 'undefined'].includes(typeof isPrivate))
    throw new DomainError('bad_request', 'isPrivate is a boolean')
  return { mood, intensity, context, isPrivate }
}
