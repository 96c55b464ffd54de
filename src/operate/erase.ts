/** What operators do about forgetting: have a user forgotten, keep the tombstones, and forget again after a restore. */

import { createHash } from 'node:crypto'
import type { App } from '../app.ts'
import { type Account, isReady } from '../domain/account.ts'
import { softDeleted } from '../domain/changes.ts'
import { type Erasure, type ErasureStep, nextStep } from '../domain/erasure.ts'
import { DomainError } from '../domain/errors.ts'
import type { Mood } from '../domain/mood.ts'
import { COLLECTION } from '../domain/record.ts'
import { enqueued } from '../domain/sync.ts'
import type { OnProgress } from './deps.ts'
import { archived, histories } from './pages.ts'
import { allUsers } from './users.ts'
import { pause, whileEngineRuns } from './watch.ts'

/** How much of a user there is to forget. */
export interface Extent {
  readonly handle: string | null
  readonly did: string | null
  /** Deleted ones too. */
  readonly moods: number
  /** In the repo, ours or not; null where that is not known. */
  readonly records: number | null
  /** Whether the account on the PDS is deleted as well (ERASE_PDS_ACCOUNT). */
  readonly account: boolean
}

/** Looks at what an erasure would take, and changes nothing. */
export async function extentOf({ store, client, config }: App, user: string): Promise<Extent> {
  let moods = 0
  for await (const page of histories(store, user)) moods += page.length
  const account = await store.accounts.byUser(user)
  const listed = isReady(account) ? await client.list(account, COLLECTION) : null
  const records = account?.did ? (listed?.kind === 'ok' ? listed.value.size : null) : 0
  const handle = (await store.accounts.handlesOf([user])).get(user) ?? null
  const did = account?.did ?? null
  return { handle, did, moods, records, account: config.eraseAccounts && did !== null }
}

/** Told each step of an erasure when it is finished. */
export type OnStep = (receipt: string, step: ErasureStep, needed: boolean) => void

export interface Watched {
  readonly receipt: string
  /** `stuck`: the PDS refuses the account; `waiting`: it did not answer for long, or the command was stopped. */
  readonly state: 'done' | 'waiting' | 'stuck'
  /** What it waits for, or why it is stuck; null when it is done. */
  readonly reason: string | null
}

const LOOK_EVERY_MS = 100
/** Without a step in this time, the rest is left to the workers: a quarantine and the longest back-off fit in. */
const PATIENCE_MS = 120_000

/**
 * Runs the engine until these erasures are done, or get no further. What is left then is done by any worker, or by
 * watching again.
 *
 * @param receipts of erasures that were requested
 */
export async function watchErasures(
  app: App,
  receipts: readonly string[],
  onStep: OnStep,
  stop: AbortSignal,
): Promise<readonly Watched[]> {
  const open = new Map<string, number>(receipts.map((receipt) => [receipt, 0]))
  const watched: Watched[] = []
  let lastAt = performance.now()
  await whileEngineRuns(app, stop, async () => {
    while (open.size > 0) {
      for (const [receipt, seen] of open) {
        const erasure = await app.erasures.byReceipt(receipt)
        const done = Object.entries(erasure.done) as [ErasureStep, { needed: boolean }][]
        for (const [step, { needed }] of done.slice(seen)) onStep(receipt, step, needed)
        if (done.length > seen) lastAt = performance.now()
        open.set(receipt, done.length)
        const end = await endOf(app, erasure)
        if (!end) continue
        open.delete(receipt)
        watched.push(end)
      }
      if (open.size === 0 || stop.aborted || performance.now() - lastAt > PATIENCE_MS) break
      await pause(LOOK_EVERY_MS, stop)
    }
  })
  const reason = stop.aborted ? 'stopped' : 'the PDS does not answer'
  return [...watched, ...[...open.keys()].map((receipt) => ({ receipt, state: 'waiting' as const, reason }))]
}

/** How it ended; null while it goes on. */
async function endOf({ store }: App, erasure: Erasure): Promise<Watched | null> {
  const { receipt, user } = erasure
  if (user === null || nextStep(erasure) === null) return { receipt, state: 'done', reason: null }
  const account = await store.accounts.byUser(user)
  // The engine leaves such an account alone until somebody has looked at it.
  const isStuck = account?.state === 'needs_attention' && account.did !== null
  return isStuck ? { receipt, state: 'stuck', reason: account.error?.code ?? 'the account needs attention' } : null
}

/** What is kept beside backups, so that a restored one can be told who is gone. Names nobody. */
export interface Tombstone {
  readonly tombstone: string
  /** ISO 8601. */
  readonly requestedAt: string
}

/** Of all erasures that are finished, as they come from the store. */
export async function* tombstones({ store }: Pick<App, 'store'>, stop: AbortSignal): AsyncGenerator<Tombstone> {
  for await (const page of archived(store, 'erasures', stop)) {
    for (const erasure of page) {
      if (nextStep(erasure) !== null) continue
      yield { tombstone: erasure.tombstone, requestedAt: new Date(erasure.requestedAt).toISOString() }
    }
  }
}

/**
 * Reads what `moods erase --tombstones` wrote.
 *
 * @throws DomainError `usage` naming the line that is none
 */
export function parseTombstones(text: string): readonly Tombstone[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.flatMap((line, i) => {
    if (line === '') return []
    try {
      const { tombstone, requestedAt } = JSON.parse(line) as Tombstone
      if (/^[\w-]{43}$/.test(tombstone) && Number.isFinite(Date.parse(requestedAt))) return [{ tombstone, requestedAt }]
    } catch {
      // Said below.
    }
    throw new DomainError('usage', `line ${i + 1} is no tombstone: the file is what "moods erase --tombstones" prints`)
  })
}

/** Somebody who had been forgotten, and of whom there is something again. */
export interface RestoredUser {
  readonly user: string
  readonly tombstone: string
  /** When the erasure was asked for, in ms since 1970. */
  readonly requestedAt: number
  /** Moods from before that. */
  readonly older: number
  /**
   * - `erase`: all of it is from before, and goes again;
   * - `purge`: the user has come back since; only what is from before goes;
   * - `leave`: nothing is from before.
   */
  readonly action: 'erase' | 'purge' | 'leave'
}

/**
 * Compares everybody in the store with the tombstones of the store and of a file. Reads all of the store, changes nothing.
 *
 * A backup from before an erasure does not know of it; so where the file knows a later erasure than the store does, handle
 * and account are from before it as well. Where the store itself has seen the erasure, they came after it, and go only
 * together with moods from before, none of them newer.
 */
export async function findReturned(
  app: App,
  fromFile: readonly Tombstone[],
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<readonly RestoredUser[]> {
  const inStore = new Map<string, number>()
  const latest = new Map<string, number>()
  const note = (into: Map<string, number>, { tombstone, requestedAt }: Tombstone): void => {
    into.set(tombstone, Math.max(into.get(tombstone) ?? 0, Date.parse(requestedAt)))
  }
  for await (const tombstone of tombstones(app, stop)) {
    note(inStore, tombstone)
    note(latest, tombstone)
  }
  for (const tombstone of fromFile) note(latest, tombstone)
  const found: RestoredUser[] = []
  for (const { user } of await allUsers(app.store, onProgress, stop)) {
    const tombstone = app.erasures.tombstoneOf(user)
    const requestedAt = latest.get(tombstone)
    // Being forgotten already: that takes all there is.
    if (requestedAt === undefined || (await app.store.erasures.byUser(user))) continue
    let [older, newer] = [0, 0]
    for await (const page of histories(app.store, user)) {
      for (const mood of page) {
        if (mood.when >= requestedAt) newer++
        else if (!isEmptied(mood)) older++
      }
    }
    const isRestored = older > 0 || (inStore.get(tombstone) ?? 0) < requestedAt
    const action = newer > 0 ? (older > 0 ? 'purge' : 'leave') : isRestored ? 'erase' : 'leave'
    found.push({ user, tombstone, requestedAt, older, action })
  }
  return found
}

/**
 * Takes the contents of the user's moods from before the erasure, and has their records deleted. The store has no way to
 * remove single moods without trace: of each, its id and its time stay, deleted.
 *
 * @returns how many moods were emptied
 */
export async function purgeOlder(app: App, { user, requestedAt }: RestoredUser, stop: AbortSignal): Promise<number> {
  const { store, clock, engine } = app
  let emptied = 0
  for await (const page of histories(store, user)) {
    if (stop.aborted) break
    const older = page.filter((mood) => mood.when < requestedAt && !isEmptied(mood))
    // Deleted first, by the way of every deletion: that gives a key of its own to whichever lacks one.
    const deletion = { by: 'author', records: 'withdraw' } as const
    const now = clock.now()
    await store.moods.save(
      older.map((mood) => softDeleted(mood, deletion, now)),
      now,
    )
    for (const { id } of older) {
      const mood = await store.moods.byId(id)
      if (!mood) continue
      await store.archive.put('moods', [{ mood: withoutContent(mood, now), changedAt: now }])
      emptied++
    }
  }
  await engine.nudge(user)
  return emptied
}

/**
 * Runs the engine until the records of the moods that were emptied are gone.
 *
 * @returns how many users have some left, which any worker goes on with
 */
export async function waitForEmptied(app: App, users: readonly string[], stop: AbortSignal): Promise<number> {
  const open = new Set(users)
  const started = performance.now()
  await whileEngineRuns(app, stop, async () => {
    while (open.size > 0) {
      for (const user of open) if (!(await hasEmptied(app, user))) open.delete(user)
      if (open.size === 0 || stop.aborted || performance.now() - started > PATIENCE_MS) break
      await pause(LOOK_EVERY_MS, stop)
    }
  })
  return open.size
}

/** Whether some emptied mood of the user still waits for its record to go. */
async function hasEmptied({ store }: App, user: string): Promise<boolean> {
  if ((await store.work.nextDue(user)) === null) return false
  for await (const page of histories(store, user)) {
    if (page.some((mood) => isEmptied(mood) && mood.sync.state === 'pending')) return true
  }
  return false
}

/**
 * The mood without what it said, to be withdrawn. Those of an existing database have no number, and a store wants each
 * number once: they get one below all others, which follows from the id.
 */
function withoutContent(mood: Mood, now: number): Mood {
  const content = { text: '', intensity: null, context: null }
  const deleted = { by: 'author', records: 'withdraw' } as const
  const ordinal = mood.ordinal === 0 ? -createHash('sha256').update(mood.id).digest().readUIntBE(0, 6) : mood.ordinal
  return { ...mood, ...content, ordinal, deleted, version: mood.version + 1, sync: enqueued(mood.sync, now) }
}

function isEmptied({ text, deleted }: Mood): boolean {
  return text === '' && deleted?.records === 'withdraw'
}

/**
 * Requests the erasure once more.
 *
 * With ERASE_PDS_ACCOUNT, the erasure of before has deleted the account on the PDS, and the restored one names a repo
 * that is not there, which the engine would take for an account to be looked at. Once the PDS has confirmed that it has
 * no such account, the DID is dropped, and nothing is left to wait for.
 */
export async function eraseAgain(app: App, user: string): Promise<Erasure> {
  const { store, host, config } = app
  const account = await store.accounts.byUser(user)
  if (account?.did && config.eraseAccounts && (await isGone(app, account))) {
    const confirmed = await host.deleteAccount(account.did)
    if (confirmed.kind === 'ok') {
      const nothing = { did: null, pds: null, pdsHandle: null, sealedPassword: null, sealedSession: null }
      // Not pending: a worker would make a new one before the erasure is requested.
      const error = { code: 'Erased', message: 'the account was deleted by an erasure', at: app.clock.now() }
      await store.accounts.save({ ...account, ...nothing, state: 'needs_attention', requeue: false, error })
    }
  }
  return app.erasures.request(user)
}

/** Whether our PDS answers that it has no such repo; no answer proves nothing. */
async function isGone({ directory, pdsUrl }: App, { did, pds }: Account): Promise<boolean> {
  if (pds !== pdsUrl || did === null) return false
  const status = await directory.repoStatus(pdsUrl, did)
  return 'code' in status && status.code === 'RepoNotFound'
}
