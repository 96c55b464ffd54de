/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Moods as a library: for a server that already is there, and takes moods itself. It opens an installation, posts and
 * deletes, and hands the API out as a Fetch handler. Publishing is the work of `moods worker`, which runs beside it.
 *
 * What cannot be done is a {@link DomainError} with a stable `code`. Any function may fail with `unavailable` while the
 * database cannot be reached; nothing fails because of the PDS.
 */

import { setTimeout } from 'node:timers/promises'
import { type App, createApp } from './app.ts'
import { readConfig } from './config.ts'
import { type AuditCounts, type BackfillReport, type FindingKind, REPAIRED } from './domain/audit.ts'
import { DomainError } from './domain/errors.ts'
import { FEED_PAGE } from './domain/limits.ts'
import type { Mood, MoodDraft } from './domain/mood.ts'
import type { ErasureView, MoodPageView, MoodView, ProfileView } from './http/contract.ts'
import { requireOidc } from './http/app.ts'
import { answerFetch } from './http/fetch.ts'
import { decodeCursor, erasureView, moodPageView, moodView, profileView } from './http/view.ts'
import { createLog } from './observe/log.ts'
import { auditUser, repairFindings } from './operate/audit.ts'
import { backfillUser } from './operate/backfill.ts'

export type { AuditCounts, BackfillReport, FindingKind } from './domain/audit.ts'
export { DomainError, type ErrorCode } from './domain/errors.ts'
export type { SyncState } from './domain/sync.ts'
export type { ErasureView, MoodPageView, MoodView, ProfileView } from './http/contract.ts'

/** Set by the class, so that its parts are no part of the package's types. */
let open: (parts: App) => Installation
let appOf: (installation: Installation) => App

/** An installation that is open, to be handed to the functions of this library. Dispose of it to close it. */
export class Installation implements AsyncDisposable {
  readonly #app: App

  static {
    open = (app) => new Installation(app)
    appOf = (installation) => installation.#app
  }

  private constructor(app: App) {
    this.#app = app
  }

  /** Ends streams, answers what is under way, and closes the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app[Symbol.asyncDispose]()
  }
}

export interface MoodsOptions {
  /**
   * The settings, named as the environment variables of `moods --help`; those of this process if not said. `PDS_URL`,
   * `PDS_ADMIN_PASSWORD` and `MOODS_SEAL_KEY`, and either `MOODS_DATA` or `MONGODB_URI`, must be those of the worker.
   */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * Opens an installation: its database, and what it needs to speak to the PDS. Nothing listens and nothing is published
 * by this process.
 *
 * @throws DomainError `config` naming everything that is wrong with the settings; `data_folder` when the folder cannot be
 *   used; `unavailable` when the database does not answer
 */
export async function createMoods(options: MoodsOptions = {}): Promise<Installation> {
  // oxlint-disable-next-line node/no-process-env -- only where the caller has said nothing
  const config = readConfig(options.env ?? process.env, { serves: false })
  // A guest in somebody else's process says what went wrong and nothing more, unless it is told to.
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel)
  return open(await createApp(config, 'command', { log }))
}

export interface Draft {
  /** `sub` of the author, as the sign-in provider names him or her. */
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

export interface WaitOptions {
  /** Whether to wait for the worker. */
  readonly wait?: boolean
  /** How long, in milliseconds; 30 seconds if not said. */
  readonly timeoutMs?: number
  /** Ends the waiting with its reason. What was asked for is kept, and is done all the same. */
  readonly signal?: AbortSignal
}

/**
 * Saves a mood; the worker publishes it. What says the same as the user's latest mood adds nothing and gives that one.
 *
 * @throws DomainError `bad_request`, `invalid_mood`; `being_erased` while the user is being forgotten
 */
export async function post(installation: Installation, draft: Draft): Promise<MoodView> {
  const user = requireUser(draft.user)
  return moodView(await appOf(installation).moods.post(user, requireDraft(draft)))
}

export interface FeedOptions {
  /** Whose moods, by handle; everybody's if not said. */
  readonly handles?: readonly string[]
  /** `sub` of whoever looks, who sees his or her own private moods when asking for them by handle. */
  readonly viewer?: string
  /** 1 to 100; 50 if not said. */
  readonly limit?: number
  /** `cursor` of the page before. */
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
  return moodPageView(await appOf(installation).moods.feed(handles ?? null, viewer ?? null, limit, after))
}

/**
 * Gives a user a handle, and asks for an account on the PDS, without which nothing of the user is published. Safe to repeat.
 *
 * @throws DomainError `bad_request`, `invalid_handle`, `handle_taken`, `already_signed_up`, `being_erased`
 */
export async function signUp(
  installation: Installation,
  { user, handle }: { readonly user: string; readonly handle: string },
): Promise<ProfileView> {
  return profileView(await appOf(installation).accounts.signUp(requireUser(user), handle))
}

/**
 * Forgets a user: the texts are gone when this resolves; the worker sees to records and account. Asking again gives the
 * same receipt while that lasts.
 *
 * @throws DomainError `bad_request`
 */
export async function erase(installation: Installation, { user }: { readonly user: string }): Promise<ErasureView> {
  return erasureView(await appOf(installation).erasures.request(requireUser(user)))
}

/** How far an erasure has come. @throws DomainError `not_found` */
export async function erasure(
  installation: Installation,
  { receipt }: { readonly receipt: string },
): Promise<ErasureView> {
  return erasureView(await appOf(installation).erasures.byReceipt(receipt))
}

/**
 * Has a mood published now: a new one, or one that is there, by its id. Without `wait` it only tells the worker. With it,
 * it resolves with the mood when that is published, when the worker has given it up or has nothing to do about it (private,
 * no account, rejected), or when the time is up: `atproto.state` says which, and a mood that is `pending` then is still
 * published later.
 *
 * @throws DomainError `bad_request`, `invalid_mood`, `being_erased`; `not_found` when the user has no such mood, or it was
 *   erased meanwhile; the reason of the signal
 */
export async function createAtprotoMood(
  installation: Installation,
  wanted: Draft | { readonly user: string; readonly moodId: string },
  options: WaitOptions = {},
): Promise<MoodView> {
  const app = appOf(installation)
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
 * Takes a mood back, and its record with it. With `wait` it resolves when the record was seen to be gone
 * (`atproto.state` is `withdrawn`, or `local` where there never was one), or when the time is up.
 *
 * @throws DomainError `bad_request`, `being_erased`; `not_found` when the user has no such mood; the reason of the signal
 */
export async function deleteAtprotoMood(
  installation: Installation,
  { user, id }: { readonly user: string; readonly id: string },
  options: WaitOptions = {},
): Promise<MoodView> {
  const app = appOf(installation)
  const waiting = requireWaiting(options)
  await app.moods.delete(requireUser(user), id)
  await untilSettled(waiting, async () => isUnderWay(app, await load(app, id)))
  return viewOf(app, id)
}

/**
 * Takes all moods of a user back, and their records with them: a nuke, which `POST /api/mood {nuke: false}` undoes. With
 * `wait` it resolves when nothing of the user waits for the worker, or when the time is up.
 *
 * @returns how many moods were taken back, and whether the worker has still something to do for the user
 * @throws DomainError `bad_request`, `being_erased`; the reason of the signal
 */
export async function deleteAllAtprotoMoods(
  installation: Installation,
  { user }: { readonly user: string },
  options: WaitOptions = {},
): Promise<{ readonly nuked: number; readonly pending: boolean }> {
  const { moods, store } = appOf(installation)
  const waiting = requireWaiting(options)
  const nuked = await moods.nuke(requireUser(user), 'nuke', 'withdraw')
  const isPending = async (): Promise<boolean> => (await store.work.nextDue(user)) !== null
  await untilSettled(waiting, isPending)
  return { nuked, pending: await isPending() }
}

/**
 * The API and the page as a Fetch handler, in the form that Hono, Netlify and Deno take. Users bring the tokens of an
 * OpenID Connect provider, so `AUTH_ISSUER` and `AUTH_AUDIENCE` must be set; there is no signing in by name here.
 * `/api/mood/stream` is streamed, for as long as the host lets a response last.
 *
 * The path of a request is taken as it is: mount it at the root, or take the prefix off first.
 *
 * @returns a handler that rejects with `unavailable` once the installation is closed
 * @throws DomainError `config` when no provider is set
 */
export function fetchHandler(installation: Installation): (request: Request) => Promise<Response> {
  const app = appOf(installation)
  requireOidc(app.config)
  return async (request) => answerFetch(await app.http(), request)
}

function requireUser(user: unknown): string {
  if (typeof user === 'string' && user !== '') return user
  throw new DomainError('bad_request', 'user is the sub of a user')
}

/** The types say so already, but not everybody who calls has them. */
function requireDraft({ mood, intensity, context, isPrivate }: Draft): MoodDraft {
  if (typeof mood !== 'string') throw new DomainError('bad_request', 'mood is a text')
  if (!['string', 'undefined'].includes(typeof context)) throw new DomainError('bad_request', 'context is a text')
  if (!['boolean', 'undefined'].includes(typeof isPrivate))
    throw new DomainError('bad_request', 'isPrivate is a boolean')
  return { mood, intensity, context, isPrivate }
}

interface Waiting {
  readonly timeoutMs: number
  readonly signal: AbortSignal | null
}

/** The longest time that a timer can take. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

function requireWaiting({ wait = false, timeoutMs = 30_000, signal }: WaitOptions): Waiting {
  if (!(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw new DomainError('bad_request', `timeoutMs is a number of milliseconds from 0 to ${MAX_TIMEOUT_MS}`)
  }
  return { timeoutMs: wait ? timeoutMs : 0, signal: signal ?? null }
}

const FIRST_LOOK_MS = 50
const LOOK_MS = 500

/** Looks again and again, since the worker is another process; resolves when there is nothing to wait for, or no time. */
async function untilSettled({ timeoutMs, signal }: Waiting, isPending: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(2 * pause, LOOK_MS)) {
    const left = deadline - performance.now()
    if (timeoutMs > 0) signal?.throwIfAborted()
    if (left <= 0 || !(await isPending())) return
    // Its own words of an abort say less than the signal's.
    await setTimeout(Math.min(pause, left), undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
  }
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

/** Whether the engine will come back to the mood by itself: also to one that waits for an account that is being made. */
async function isUnderWay({ store }: App, { user, sync }: Mood): Promise<boolean> {
  if (sync.state !== 'local' || sync.hold !== 'no_account') return sync.state === 'pending'
  const account = await store.accounts.byUser(user)
  return account !== null && account.state !== 'needs_attention'
}

export interface AuditFinding {
  readonly kind: FindingKind
  readonly rkey: string | null
  readonly moodId: string | null
}

/** What came of comparing a user's repo with the database. */
export type AuditResult =
  | { readonly kind: 'audited'; readonly findings: readonly AuditFinding[]; readonly counts: AuditCounts }
  /** Nothing is known of the repo, which is not to say that it is empty. */
  | { readonly kind: 'unreadable'; readonly code: string }
  | { readonly kind: 'no_account' }

/**
 * Reads a user's repo whole, every block's hash checked, and compares it with the database, by CID.
 *
 * @param options.verify checks the repo's signature as well
 * @throws DomainError `bad_request`, `unavailable` when the database does not answer
 */
export async function audit(
  installation: Installation,
  { user, verify = false }: { readonly user: string; readonly verify?: boolean },
): Promise<AuditResult> {
  const result = await auditUser(appOf(installation), requireUser(user), { verify })
  if (result.kind === 'no_account') return { kind: 'no_account' }
  if (result.kind === 'unreadable') return { kind: 'unreadable', code: result.code }
  const findings = result.audit.findings.map(({ kind, rkey, moodId }) => ({ kind, rkey, moodId }))
  return { kind: 'audited', findings, counts: result.audit.counts }
}

/**
 * Audits a user's repo and orders what mends it; the worker does it. A repo that cannot be read whole is left alone.
 *
 * @param options.kinds only these findings; all but what other clients wrote, and what nobody can read, if not said
 * @returns how many were ordered, by kind
 * @throws DomainError `bad_request`, `unavailable`
 */
export async function repair(
  installation: Installation,
  { user, kinds = REPAIRED }: { readonly user: string; readonly kinds?: readonly FindingKind[] },
): Promise<Readonly<Partial<Record<FindingKind, number>>>> {
  const deps = appOf(installation)
  const result = await auditUser(deps, requireUser(user))
  if (result.kind !== 'audited') return {}
  const chosen = result.audit.findings.filter(({ kind }) => kinds.includes(kind))
  return repairFindings(deps, result.account, chosen)
}

/**
 * Publishes a user's history: notes what is in the repo and right, has the rest published by an engine in this process (a
 * worker beside it helps), and resolves when that is done.
 *
 * @param options.delayMs milliseconds to wait after each mood; 0, if not said, leaves the pace to the budgets
 * @param options.signal ends it; what was ordered is gone on with by any worker
 * @throws DomainError `bad_request`, `unavailable`
 */
export async function backfill(
  installation: Installation,
  options: { readonly user: string; readonly delayMs?: number; readonly signal?: AbortSignal },
): Promise<BackfillReport> {
  const app = appOf(installation)
  const how = { delayMs: options.delayMs ?? 0, execute: true }
  const stop = options.signal ?? new AbortController().signal
  return backfillUser(app, requireUser(options.user), how, () => {}, stop)
}
