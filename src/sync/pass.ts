/**
 * One pass over one repo, under a lease: finish pending jobs, make the account if necessary, then bring the repo to
 * what the rows want. There is no other way for a mood to reach a PDS.
 */

import { type Account, isReady, type ReadyAccount, refused } from '../domain/account.ts'
import { backoffMs } from '../domain/backoff.ts'
import type { Erasure } from '../domain/erasure.ts'
import { FURTHEST } from '../domain/furthest.ts'
import type { Intent } from '../domain/jobs.ts'
import type { Mood } from '../domain/mood.ts'
import { type Failure, isSilent, ok, type Outcome } from '../domain/outcome.ts'
import { batches, MAX_WRITES } from '../domain/batches.ts'
import { type Known, planMood, type Step } from '../domain/plan.ts'
import { type FederationPolicy, federates, inForce } from '../domain/policy.ts'
import { guardsAll, type HostFacts, mostWrites, WEAKEST } from '../domain/host-facts.ts'
import { isOdd } from '../domain/odd.ts'
import { nextTry } from '../domain/next-try.ts'
import { belonging, COLLECTION, type Desired, desiredRecord } from '../domain/record.ts'
import { isRecordCid } from '../domain/record-cid.ts'
import { delayed, type HoldReason, type MoodSync } from '../domain/sync.ts'
import { enqueueHeld } from './enqueue-held.ts'
import { applyIntent } from './intents.ts'
import { movedError } from '../domain/moved.ts'
import type { Lease, Release } from '../domain/queue.ts'
import type { AccountHost } from '../ports/pds.ts'
import type { Occasion, Places } from '../ports/places.ts'
import { erase } from './erase.ts'
import { provision } from './provision.ts'
import { rehome } from './rehome.ts'
import { removeStrays } from './remove-records.ts'
import { type SendDeps, Sender } from './send.ts'

export interface PassDeps extends SendDeps {
  readonly host: AccountHost
  readonly places: Places
  /** Whether erasing a user deletes the account on the PDS too. */
  readonly eraseAccounts: boolean
}

export interface PassSignals {
  /** The lease is gone: stop at once. */
  readonly lost: AbortSignal
  /** The process wants to end: stop between two writes. */
  readonly stopping: AbortSignal
}

/** Reasons that another process, or an operator, may end while moods are being held for them. */
const RELEASED_BY_OTHERS: readonly HoldReason[] = ['no_account', 'federation_off']

/** How long a mood waits whose record cannot be read, before it is looked at again. */
const UNREAD_WAIT_MS = 10_000

/** Rounds of one pass; a repo with more to do goes to the end of the queue, so that none has to wait for a backlog. */
const MAX_ROUNDS = 4

export class Pass {
  readonly #deps: PassDeps
  readonly #lease: Lease
  readonly #signals: PassSignals
  readonly #sender: Sender

  constructor(deps: PassDeps, lease: Lease, signals: PassSignals) {
    // However long a repo is, reading it keeps no process that is to end.
    this.#deps = { ...deps, client: deps.client.until(AbortSignal.any([signals.lost, signals.stopping])) }
    this.#lease = lease
    this.#signals = signals
    this.#sender = new Sender(deps, lease, signals.lost)
  }

  /** Works until nothing of this repo is due, or something has to be waited for. */
  async run(): Promise<Release> {
    const { store, seam } = this.#deps
    seam('after-claim')
    const seen = await this.#look()
    if (seen.erasure && isOdd(seen.erasure)) return this.#sender.release(null)
    if (seen.erasure) return this.#erase(seen.erasure)
    // It may say that nothing of the user is to be published.
    if (seen.intent && isOdd(seen.intent)) return this.#sender.release(null)
    if (seen.intent) await this.#apply(seen.intent)
    const answer = await this.#account(seen.account, seen.policy)
    if (answer.kind !== 'ok') return this.#failed(answer)
    const account = answer.value
    // A known repo that refuses us: what is due stays due until an operator has looked at the account.
    // Whose repo it is may not even be known.
    if (account !== null && (account.did !== null || account.odd) && !isReady(account))
      return this.#sender.release(null)
    const hasStrays = isReady(account) && seen.removals.length > 0
    if (hasStrays) {
      const removed = await this.#removeStrays(account)
      if (removed.kind !== 'ok') return this.#failed(removed, account)
    }
    // What was read at first will do unless something has been done since that may have changed it.
    const isStale = seen.intent !== null || account !== seen.account || account?.requeue === true || hasStrays
    let read = isStale ? null : seen
    for (let round = 0; round < MAX_ROUNDS && !this.#stopped; round++) {
      const { policy, due } = read ?? (await this.#lookAtWork())
      if (due.length === 0) return this.#sender.releaseDone(await store.work.nextDue(this.#lease.user))
      const done = await this.#round(account, policy, due)
      if (done.kind !== 'ok') return this.#failed(done, account)
      if (done.value.size > 0) await this.#lookAgain(account, done.value)
      read = null
    }
    return this.#sender.hasSettled || this.#stopped ? this.#sender.release(this.#now) : this.#inVain()
  }

  /** Nothing that was tried could be noted: rows that refuse their results must not be tried without a pause. */
  #inVain(): Release {
    const failures = this.#lease.failures + 1
    return { ...this.#sender.release(this.#now + backoffMs(failures, this.#deps.random())), failures }
  }

  /** What cannot be changed is named, and tried again when the sweep finds the intent. */
  async #apply(intent: Intent): Promise<void> {
    const { store, clock, events } = this.#deps
    const { left } = await applyIntent(store, clock, intent)
    if (left.length > 0) events.moodsRefuseChange(intent.user, left)
  }

  /**
   * Makes the account if it is still to be made, whatever the policy says: an operator has asked for it. What is due is
   * left to another pass.
   *
   * @param onSettled told that there is no account to be made any more
   */
  async makeAccount(onSettled: () => void): Promise<Release> {
    const { account, erasure } = await this.#look()
    if (account?.state === 'pending' && !erasure) {
      const made = await this.#provision(account)
      if (made.kind !== 'ok') return this.#failed(made)
    }
    onSettled()
    return this.#sender.release(this.#now)
  }

  /** All that the store knows of the work on this repo. No reading depends on another, so they share a round trip. */
  async #look() {
    const { erasures, intents, accounts, removals } = this.#deps.store
    const { user } = this.#lease
    const [erasure, intent, account, ordered, work] = await Promise.all([
      erasures.byUser(user),
      intents.get(user),
      accounts.byUser(user),
      removals.of(user),
      this.#lookAtWork(),
    ])
    return { erasure, intent, account, removals: ordered, ...work }
  }

  /** What is due, and the policy, which an operator may have changed since the last round. */
  async #lookAtWork(): Promise<{ readonly policy: FederationPolicy; readonly due: readonly Mood[] }> {
    const { policy, work } = this.#deps.store
    const [stored, due] = await Promise.all([policy.get(), work.due(this.#lease.user, this.#now, MAX_WRITES)])
    return { policy: inForce(stored), due }
  }

  async #erase(erasure: Erasure): Promise<Release> {
    const answer = await this.#sender.destroying(() =>
      erase(this.#deps, erasure, this.#lease, this.#sender.doubt.quarantine.until, this.#signals.lost),
    )
    if (answer.kind !== 'ok') return this.#failed(answer, await this.#deps.store.accounts.byUser(this.#lease.user))
    this.#deps.events.erasure(erasure.receipt, answer.value.kind)
    if (answer.value.kind === 'done') return this.#sender.release(null)
    // Where the clock was put back during the pass, its quarantine would seem to last for long.
    return this.#sender.release(Math.min(answer.value.until, this.#now + FURTHEST.quarantine))
  }

  /** Deletes the records that a repair has found to belong to no row. */
  async #removeStrays(account: ReadyAccount): Promise<Outcome> {
    const here = await this.#stillHere(account, 'usual')
    if (here.kind !== 'ok') return here
    return this.#sender.destroying(() => removeStrays(this.#deps, account, this.#lease, this.#signals.lost))
  }

  /** The account, made if it is still to be made, with its held moods put back to work. */
  async #account(seen: Account | null, policy: FederationPolicy): Promise<Outcome<Account | null>> {
    const { store, clock } = this.#deps
    let account = seen
    if (account?.state === 'pending') {
      if (federates(policy, account.user, account.handle)) {
        const made = await this.#provision(account)
        if (made.kind !== 'ok') return made
        account = made.value
        // Of the first account of a host: so that its first mood does not have to wait for this.
        if (isReady(account)) await this.#deps.hosts.of(account, this.#signals.lost)
      } else {
        // Only the policy keeps the account from being made, and the rows are to say so.
        await enqueueHeld(store.work, clock, account.user, 'no_account', () => this.#stopped)
      }
    }
    if (account?.requeue) {
      const isAll = await enqueueHeld(store.work, clock, account.user, 'no_account', () => this.#stopped)
      if (this.#stopped) return { kind: 'later', afterMs: 0, scope: 'account' }
      // Cleared last: a crash before this repeats a step that does nothing twice. If some are left, the sweep comes back.
      const rehoming = await rehome(store, clock, account)
      if (isAll && rehoming.isAll) await store.accounts.save({ ...account, requeue: false })
      this.#deps.changed()
    }
    return ok(account)
  }

  #provision(account: Account): Promise<Outcome<Account | null>> {
    const { store, host, clock, events } = this.#deps
    return provision({ accounts: store.accounts, host, clock, events }, account)
  }

  /** Plans and carries out what is due. @returns why moods were held that could be let go at any moment */
  async #round(
    account: Account | null,
    policy: FederationPolicy,
    due: readonly Mood[],
  ): Promise<Outcome<ReadonlySet<HoldReason>>> {
    const here = isReady(account) ? await this.#stillHere(account, 'usual') : ok(undefined)
    if (here.kind !== 'ok') return here
    const wanted = due.map((mood) => ({ mood, desired: this.#desired(mood, account, policy) }))
    const answer = await this.#host(account, wanted)
    if (answer.kind !== 'ok') return answer
    const host = answer.value
    const known = await this.#known(account, wanted, host)
    if (known.kind !== 'ok') return known
    const view = { did: account?.did ?? null, quarantine: this.#sender.doubt.quarantine, now: this.#now }
    const steps = wanted.map(({ mood, desired }): Step => {
      const seen = known.value(mood)
      // It waits alone: what was answered about this record cannot be believed, and says nothing of the others.
      if (seen === null) return { mood, kind: 'settle', next: delayed(mood.sync, this.#now + UNREAD_WAIT_MS) }
      return planMood(mood, desired, seen, view)
    })
    const settled = steps.filter((step) => step.kind === 'settle')
    const kept = await this.#sender.settle(
      settled.map(({ mood, next }) => ({ id: mood.id, version: mood.version, next })),
    )
    this.#report(settled.filter(({ mood }) => kept.has(mood.id)))
    if (kept.size > 0) this.#deps.seam('after-settle')
    for (const group of batches(
      steps.filter((step) => step.kind === 'write'),
      Math.min(this.#maxWrites, mostWrites(host)),
    )) {
      if (this.#stopped) break
      if (!isReady(account)) throw new Error('a write was planned for a repo that is not there')
      const written = await this.#sender.write(account, group, host)
      if (written.kind !== 'ok') return written
    }
    return ok(new Set(RELEASED_BY_OTHERS.filter((reason) => settled.some(({ next }) => next.hold === reason))))
  }

  /** A record that was sent while it might be is looked for, and noted, although the policy has changed since. */
  #desired(mood: Mood, account: Account | null, policy: FederationPolicy): Desired {
    const desired = desiredRecord(mood, account, policy)
    const sent = this.#sender.sent(mood)
    if (desired.kind !== 'hold' || sent === null) return desired
    const record = belonging(mood)
    return record.kind === 'record' && record.cid === sent.cid ? record : desired
  }

  /** Tells of records that were seen to be gone, or to be in place already. */
  #report(settled: readonly { readonly mood: Mood; readonly next: MoodSync }[]): void {
    const { events } = this.#deps
    const gone = settled.filter(({ mood, next }) => next.state === 'withdrawn' && this.#sender.hadRecord(mood))
    const found = settled.filter(({ mood, next }) => next.state === 'published' && next.cid !== mood.sync.cid)
    const sent = found.flatMap(({ mood }) => this.#sender.sent(mood)?.sentAt ?? [])
    if (gone.length > 0) events.withdrawn(this.#lease.user, gone.length)
    if (found.length > sent.length) events.adopted(this.#lease.user, found.length - sent.length)
    if (sent.length > 0) events.published(this.#lease.user, sent.length, performance.now() - Math.min(...sent))
  }

  /** What holds on the host of the repo. A test record is written there only if moods are to be written, too. */
  async #host(
    account: Account | null,
    wanted: readonly { mood: Mood; desired: Desired }[],
  ): Promise<Outcome<HostFacts>> {
    if (!isReady(account)) return ok(WEAKEST)
    const { hosts } = this.#deps
    return wanted.some(mayWrite) ? hosts.of(account, this.#signals.lost) : ok(await hosts.forDeletions(account.pds))
  }

  /**
   * What the repo holds: remembered, or read where memory will not do. A delete always reads, before and after, and so
   * does every write to a host that does not compare. Null for a record that could not be read.
   */
  async #known(
    account: Account | null,
    wanted: readonly { mood: Mood; desired: Desired }[],
    host: HostFacts,
  ): Promise<Outcome<(mood: Mood) => Known | null>> {
    const mustRead =
      this.#sender.doubt.uncertain ||
      (wanted.some(mayWrite) && !guardsAll(host)) ||
      wanted.some(({ mood, desired }) => desired.kind === 'absent' || claimsNoCid(mood))
    if (!isReady(account) || !mustRead) return ok((mood) => ({ cid: mood.sync.cid, verified: false }))
    const rkeys = wanted.map(({ mood }) => mood.sync.rkey)
    // A user's moods are numbered one after the other.
    const records = Math.max(0, ...wanted.map(({ mood }) => mood.ordinal))
    const hints = { deleted: this.#sender.deleted, records }
    const actual = await this.#deps.client.read(account, COLLECTION, rkeys, hints)
    if (actual.kind !== 'ok') return actual
    const { cids, unread } = actual.value
    for (const failure of unread.values()) this.#deps.events.recordUnread(this.#lease.user, failure, UNREAD_WAIT_MS)
    return ok(({ sync: { rkey } }) => {
      const cid = cids.get(rkey)
      return cid === undefined ? null : { cid, verified: true, isDeleted: this.#sender.deleted.has(rkey) }
    })
  }

  /**
   * An account, or a policy, that appeared while moods were being held must not miss them: whoever brought it has looked
   * for held moods too early.
   */
  async #lookAgain(before: Account | null, held: ReadonlySet<HoldReason>): Promise<void> {
    const { store, clock } = this.#deps
    const { user } = this.#lease
    const [account, stored] = await Promise.all([store.accounts.byUser(user), store.policy.get()])
    const isIncluded = federates(inForce(stored), user, account?.handle ?? null)
    if (isIncluded && held.has('federation_off')) await enqueueHeld(store.work, clock, user, 'federation_off')
    if (!held.has('no_account')) return
    const isNew = isReady(account) && account.version !== before?.version
    if (isNew) await this.#changeAccount((current) => ({ ...current, requeue: true }))
    if (isNew || (isIncluded && account?.state === 'pending')) await store.repos.mark(user, this.#now)
  }

  /** Changes the account as it is now, also while others change it. */
  async #changeAccount(change: (account: Account) => Account): Promise<void> {
    const { accounts } = this.#deps.store
    for (;;) {
      const account = await accounts.byUser(this.#lease.user)
      if (!account || account.odd || (await accounts.save(change(account)))) return
    }
  }

  /** A refusal of an account that has moved: nothing is read or written where it was. */
  async #stillHere(account: ReadyAccount, occasion: Occasion): Promise<Outcome> {
    const place = await this.#deps.places.placeOf(account, occasion)
    return place.kind === 'elsewhere' ? { kind: 'unauthorized', ...movedError(place.pds) } : ok(undefined)
  }

  /** A host that refuses, or says nothing, may be one that the account has left. */
  async #explained(failure: Failure, account: Account | null): Promise<Failure> {
    if (!isReady(account) || failure.kind === 'later') return failure
    const isRefusal = failure.kind === 'unauthorized'
    if (!isRefusal && !isSilent(failure)) return failure
    const here = await this.#stillHere(account, isRefusal ? 'refusal' : 'silence')
    return here.kind === 'ok' ? failure : here
  }

  /** Ends a failed pass. */
  async #failed(reported: Failure, account: Account | null = null): Promise<Release> {
    this.#sender.noteFailure(reported)
    // It may be our own doing: whoever claims the repo next sees for itself.
    if (this.#signals.stopping.aborted) return this.#sender.release(this.#now)
    const failure = await this.#explained(reported, account)
    const next = nextTry(failure, this.#lease.failures, account !== null, this.#deps.random)
    if (next.kind === 'needs_attention') {
      const { code, message } = next
      await this.#changeAccount((current) => refused(current, { code, message, at: this.#now }))
      this.#deps.events.accountRefused(this.#lease.user, code)
      return this.#sender.release(null)
    }
    const { afterMs, failures } = next
    if (failure.kind !== 'later') this.#deps.events.passFailed(this.#lease.user, failure, failures, afterMs)
    return { ...this.#sender.release(this.#now + afterMs), failures }
  }

  /** Smaller commits after failures: what fails together may succeed apart. */
  get #maxWrites(): number {
    return Math.max(1, MAX_WRITES >> this.#lease.failures)
  }

  get #stopped(): boolean {
    return this.#signals.stopping.aborted || this.#signals.lost.aborted
  }

  get #now(): number {
    return this.#deps.clock.now()
  }
}

/** Whether the record is not the one that the row knows of. */
function mayWrite({ mood, desired }: { readonly mood: Mood; readonly desired: Desired }): boolean {
  return desired.kind === 'record' && desired.cid !== mood.sync.cid
}

/** Whether the row names something that no record has: an existing database may claim anything. */
function claimsNoCid({ sync }: Mood): boolean {
  return sync.cid !== null && !isRecordCid(sync.cid)
}
