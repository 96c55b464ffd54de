/** Erases a user, step by step: the texts, the records, the account, and all that still names the user. */

import { type Account, isReady, opened, type ReadyAccount } from '../domain/account.ts'
import { LEDGER } from '../domain/budget.ts'
import {
  type Erasure,
  type ErasureStep,
  finished,
  type Found,
  isMoveBelieved,
  nextStep,
  troubled,
} from '../domain/erasure.ts'
import { DomainError } from '../domain/errors.ts'
import { MOVED } from '../domain/moved.ts'
import { isOdd } from '../domain/odd.ts'
import { codeOf, type Failure, ok, type Outcome } from '../domain/outcome.ts'
import type { Store } from '../ports/store.ts'
import type { Events } from '../observe/events.ts'
import type { Lease } from '../domain/queue.ts'
import { COLLECTION } from '../domain/record.ts'
import type { AccountHost, RepoClient } from '../ports/pds.ts'
import type { Occasion, Places } from '../ports/places.ts'
import type { Clock } from '../ports/clock.ts'
import type { KnownHosts } from './known-hosts.ts'
import { deleteUntilGone } from './remove-records.ts'

/** Moods removed from the primary in one step. */
const PURGE_PAGE = 500

/** Nobody knows which repo it is, or whose: neither it nor what is stored of the account can be deleted. */
const ODD_ACCOUNT = { kind: 'unauthorized', code: 'OddAccount', message: 'the account cannot be read' } as const

export interface EraseDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly host: AccountHost
  readonly places: Places
  readonly hosts: KnownHosts
  readonly clock: Clock
  readonly events: Events
  /** Whether accounts on the PDS go as well. */
  readonly eraseAccounts: boolean
}

/** `wait`: a late write may bring records back, so look again at this time, in ms since 1970. */
export type EraseResult = { readonly kind: 'done' } | { readonly kind: 'wait'; readonly until: number }

/**
 * Resumes the job at its next step.
 *
 * @param quarantineUntil until when a late write may still land, in ms since 1970
 * @returns that it is done, when to look again, or how the PDS failed
 */
export async function erase(
  deps: EraseDeps,
  job: Erasure,
  lease: Lease,
  quarantineUntil: number,
  signal: AbortSignal,
): Promise<Outcome<EraseResult>> {
  const { store, clock } = deps
  const user = job.user!
  let erasure = job
  for (let step = nextStep(erasure); step !== null; step = nextStep(erasure)) {
    if (step === 'texts_removed') {
      erasure = await removeTexts(store, clock, erasure)
      continue
    }
    const account = await findAccount(deps, user)
    if (account.kind !== 'ok') return account
    if (account.value?.odd) return ODD_ACCOUNT
    if (step === 'repo_verified' && isReady(account.value) && quarantineUntil > clock.now()) {
      return ok({ kind: 'wait', until: quarantineUntil })
    }
    const result = await carryOut(deps, erasure, step, account.value, lease, signal)
    if (result.kind !== 'ok') {
      await noteTrouble(deps, erasure, result)
      return result
    }
    if (step === 'forgotten') await forget(store, user, account.value)
    const { needed, found = null } = result.value
    const saved = await store.erasures.save(finished(erasure, step, needed, clock.now(), found))
    if (!saved) return { kind: 'later', afterMs: 0, scope: 'account' }
    erasure = saved
  }
  return ok({ kind: 'done' })
}

/** Whoever waits for the erasure is told what stands in its way. */
async function noteTrouble({ store, clock }: EraseDeps, erasure: Erasure, failure: Failure): Promise<void> {
  if (failure.kind === 'later') return
  const noted = troubled(erasure, codeOf(failure), clock.now())
  // A save that is missed is made up for by the next try.
  if (noted !== erasure) await store.erasures.save(noted)
}

/** Removes every mood of the user from the primary, and notes that it is done. */
export async function removeTexts(store: Store, clock: Clock, erasure: Erasure): Promise<Erasure> {
  const user = erasure.user!
  await purge(store, user)
  const isShared = (await store.odd.of(user)).some((mood) => mood.user !== user)
  const done = finished(erasure, 'texts_removed', true, clock.now(), isShared ? 'shared' : null)
  const saved = await store.erasures.save(done)
  const now = saved ?? (await store.erasures.byReceipt(erasure.receipt))
  if (now === null || isOdd(now))
    throw new DomainError('unavailable', 'the erasure is not what it was: look at it again')
  return now
}

async function purge(store: Store, user: string): Promise<void> {
  while ((await store.moods.purge(user, PURGE_PAGE)) > 0);
  await store.intents.finish(user)
}

/** The account; one that a crash left on the PDS, but not in the store, is looked for there. */
async function findAccount({ store, host }: EraseDeps, user: string): Promise<Outcome<Account | null>> {
  const account = await store.accounts.byUser(user)
  if (!account || account.did !== null || account.credentials === null) return ok(account)
  const found = await host.find(account)
  if (found.kind !== 'ok') return found
  if (!found.value) return ok(account)
  const { did, pds, sealedSession } = found.value
  const saved = await store.accounts.save(opened(account, did, pds, sealedSession))
  return saved ? ok(saved) : { kind: 'later', afterMs: 0, scope: 'account' }
}

/** What a step came to: whether there was anything to do, or why nothing could be done. */
interface Carried {
  readonly needed: boolean
  readonly found?: Found
}

async function carryOut(
  deps: EraseDeps,
  erasure: Erasure,
  step: ErasureStep,
  account: Account | null,
  lease: Lease,
  signal: AbortSignal,
): Promise<Outcome<Carried>> {
  const { receipt } = erasure
  if (step === 'forgotten') return ok({ needed: true })
  if (account === null) return ok({ needed: false })
  if (step === 'account_deleted') return deleteAccounts(deps, receipt, account)
  if (account.did === null || account.pds === null) return ok({ needed: false })
  const repo: ReadyAccount = { ...account, state: 'ready', did: account.did, pds: account.pds }
  // What refused us before may have an end by now, or be the end of this.
  const before = await (isReady(account) ? whetherMoved(deps, erasure, repo, 'usual') : whatIsShut(deps, erasure, repo))
  if (before.kind !== 'ok' || before.value !== null) return foundIn(before)
  const emptied = await emptyRepo(deps, receipt, repo, lease, signal)
  if (emptied.kind === 'ok') return ok({ needed: true })
  if (emptied.kind !== 'unauthorized') return emptied
  const now = await whatIsShut(deps, erasure, repo)
  return now.kind === 'ok' && now.value === null ? emptied : foundIn(now)
}

function foundIn(shut: Outcome<Found | null>): Outcome<Carried> {
  return shut.kind === 'ok' ? ok({ needed: false, found: shut.value! }) : shut
}

/** @returns `uncertain` where that is not believed yet: the PDS has the account as active */
async function whetherMoved(
  { places, host, clock }: EraseDeps,
  erasure: Erasure,
  repo: ReadyAccount,
  occasion: Occasion,
): Promise<Outcome<Found | null>> {
  let place = await places.placeOf(repo, occasion)
  // A document that was wrong for a moment is not gone by for ten minutes.
  if (place.kind === 'elsewhere') place = await places.placeOf(repo, 'silence')
  if (place.kind !== 'elsewhere') return ok(null)
  const condition = await host.condition(repo)
  const isShut = condition.kind === 'ok' && condition.value !== 'active'
  if (isShut || isMoveBelieved(erasure, clock.now())) return ok('moved')
  return { kind: 'uncertain', code: MOVED, answered: true }
}

/** Whether the account is gone or shut, by its DID document and by what its PDS says; null for one that can be used. */
async function whatIsShut(deps: EraseDeps, erasure: Erasure, repo: ReadyAccount): Promise<Outcome<Found | null>> {
  const moved = await whetherMoved(deps, erasure, repo, 'refusal')
  if (moved.kind !== 'ok' || moved.value !== null) return moved
  const condition = await deps.host.condition(repo)
  if (condition.kind !== 'ok') return condition
  return ok(condition.value === 'active' ? null : condition.value)
}

/** Deletes every record of the collection, ours or not. */
async function emptyRepo(
  deps: EraseDeps,
  receipt: string,
  repo: ReadyAccount,
  lease: Lease,
  signal: AbortSignal,
): Promise<Outcome> {
  let before = 0
  return deleteUntilGone(deps, repo, lease, signal, async (deleted) => {
    const there = await deps.client.list(repo, COLLECTION, { deleted })
    if (there.kind !== 'ok') return there
    const rkeys = [...there.value.keys()]
    if (rkeys.length < before) deps.events.recordsErased(receipt, before - rkeys.length)
    before = rkeys.length
    return ok(rkeys)
  })
}

/** Deletes the account, and those that it has taken the place of. */
async function deleteAccounts(deps: EraseDeps, receipt: string, account: Account): Promise<Outcome<Carried>> {
  const { did, pds, former } = account
  const repos = did === null || pds === null ? former : [...former, { did, pds }]
  if (!deps.eraseAccounts || repos.length === 0) return ok({ needed: false })
  const ours = repos.filter((repo) => deps.host.administers(repo.pds))
  for (const repo of ours) {
    const removed = await deps.host.deleteAccount(repo.did)
    if (removed.kind !== 'ok') return removed
    deps.events.accountDeleted(receipt)
  }
  return ok({ needed: ours.length > 0, ...(ours.length < repos.length ? { found: 'foreign' } : {}) })
}

/** Removes what is left, and also what the user has added in the meantime. */
async function forget(store: Store, user: string, account: Account | null): Promise<void> {
  await purge(store, user)
  for (const key of [LEDGER.logins(user), LEDGER.repairs(user), LEDGER.withdrawals(user)])
    await store.ledger.forget(key)
  const dids = account === null ? [] : [account.did, ...account.former.map(({ did }) => did)]
  for (const did of dids) if (did !== null) await store.ledger.forget(LEDGER.points(did))
  await store.accounts.forget(user)
  await store.audits.forget(user)
  await store.sightings.forget(user)
  await store.data.forget(user)
  await store.removals.forget(user)
  await store.repos.forget(user)
}
