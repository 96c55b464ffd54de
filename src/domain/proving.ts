/**
 * The continuous check of all repos: whose turn it is, what it makes of changes, and what it says of itself. It proves the repo
 * whose last proof is the oldest, then the next one, for ever. Pure.
 */

import { type Account, isReady } from './account.ts'
import { FURTHEST, isVoid } from './furthest.ts'
import { type GoodLook, NEVER_LOOKED, type RepoLooks } from './looks.ts'
import { Fields, isValues, OddField } from './odd.ts'
import { ageOf } from './proof.ts'
import { spell } from './spell.ts'
import { count, counted } from './tally.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Its turn comes when a proof has lasted for this much of the time within which all are proven: the rest is for the work. */
const TURN_AT = 0.75

/** How soon, at the earliest, a repo is looked at again that could not be read, or had work under way. */
const SOON_MS = 10 * MINUTE_MS

/**
 * When the turn of a repo has come, in ms since 1970: 0 where it was never looked at, or at a time that nobody can believe. One
 * that cannot be read is tried again after as long as it has not been readable.
 *
 * @param everyMs within which every repo is to be proven
 */
export function turnOf({ good, failed }: RepoLooks, everyMs: number, now: number): number {
  const usual = everyMs * TURN_AT
  if (failed !== null) {
    if (isVoid(failed.at, now, FURTHEST.look)) return 0
    return failed.at + Math.min(usual, Math.max(SOON_MS, failed.at - failed.since))
  }
  if (good === null) return 0
  const age = provenFor(good, now)
  if (age !== null) return now - age + usual
  if (isVoid(good.at, now, FURTHEST.look)) return 0
  return good.at + (good.rev === null ? Math.min(SOON_MS, usual) : usual)
}

/** For how long a repo has not been seen as it was proven, in ms; null where its last look is not borne out by a proof. */
function provenFor({ at, rev, proof }: GoodLook, now: number): number | null {
  // Work was under way at the last look: what was proven before may not hold any more.
  if (proof === null || rev === null || isVoid(at, now, FURTHEST.look)) return null
  return ageOf(proof, now)
}

/** For so many times as long as a proof may last, the list of a host's repos is enough to renew it; then it is read again. */
const READ_AGAIN_AFTER = 7

/**
 * Whether a look may be renewed where the repo is as it was, and nothing has changed in the database. What others change in the
 * database, past all programs that note changes, is found when the repo is read again.
 */
export function isRenewable({ good, failed }: RepoLooks, everyMs: number, now: number): boolean {
  if (good === null || failed !== null || good.proof === null || good.rev !== good.proof.rev) return false
  return good.at <= now && now - good.at < everyMs * READ_AGAIN_AFTER
}

/** The repos whose turn came first, as many as are kept: however many there are, a list of them takes bounded memory. */
export class FirstTurns<T extends { readonly turn: number }> {
  readonly #most: number
  #kept: T[] = []

  constructor(most: number) {
    this.#most = most
  }

  add(item: T): void {
    this.#kept.push(item)
    if (this.#kept.length >= 2 * this.#most) this.#cut()
  }

  /** The one whose turn came first comes first. */
  list(): readonly T[] {
    this.#cut()
    return this.#kept
  }

  #cut(): void {
    this.#kept = this.#kept.toSorted((a, b) => a.turn - b.turn).slice(0, this.#most)
  }
}

/** Moods of a user have not changed for so long: the author's edits, and the work that follows from them, are over. */
const SETTLED_MS = MINUTE_MS
/** A user whose moods change all the time is looked at all the same, so long after the first change. */
const CHANGING_MS = 10 * MINUTE_MS

/** Users whose moods have changed, until their repos are proven again. */
export class ChangedUsers {
  readonly #most: number
  readonly #changes = new Map<string, { readonly first: number; readonly last: number }>()

  constructor(most: number) {
    this.#most = most
  }

  /** Whether no further change can be noted: then changes are read on later. */
  get isFull(): boolean {
    return this.#changes.size >= this.#most
  }

  /** When the first of these changes was made, in ms since 1970; null where there is none. */
  get since(): number | null {
    let since: number | null = null
    for (const { first } of this.#changes.values()) since = Math.min(since ?? first, first)
    return since
  }

  /** @param at when it was made, in ms since 1970 */
  note(user: string, at: number): void {
    const known = this.#changes.get(user)
    const [first, last] = known ? [Math.min(known.first, at), Math.max(known.last, at)] : [at, at]
    this.#changes.set(user, { first, last })
  }

  /** Users whose changes have settled, or have gone on for long, with when the last one was made. */
  settled(now: number): ReadonlyMap<string, number> {
    const isOver = ({ first, last }: { first: number; last: number }): boolean =>
      now - last >= SETTLED_MS || now - first >= CHANGING_MS || isVoid(last, now, FURTHEST.skew)
    const over = [...this.#changes].filter(([, change]) => isOver(change))
    return new Map(over.map(([user, { last }]) => [user, last]))
  }

  forget(user: string): void {
    this.#changes.delete(user)
  }
}

/** Of the time within which all are proven, this much may be spent on waiting for authors' work; and for one repo, so long. */
const WAITING_SHARE = 0.1
const WAITING_MS = 30_000

/** How long the check waits for authors' work before each of so many repos, in ms: however busy a host is, it goes on. */
export function patienceMs(everyMs: number, repos: number): number {
  return Math.min(WAITING_MS, (everyMs * WAITING_SHARE) / Math.max(1, repos))
}

/** How long a host is left alone that does not answer, or asks everybody to wait, after so many times in a row; in ms. */
export function hostRestMs(times: number): number {
  return Math.min(HOUR_MS, MINUTE_MS * 2 ** Math.min(times - 1, 10))
}

/** How often all accounts and their looks are gone through, in ms. */
export function sweepEveryMs(everyMs: number): number {
  return Math.min(HOUR_MS, Math.max(MINUTE_MS, everyMs / 8))
}

/** The same where the numbers have changed, or more repos wait than were listed: the more accounts there are, the less often. */
export function sweepSoonMs(everyMs: number, accounts: number): number {
  return Math.min(sweepEveryMs(everyMs), Math.max(MINUTE_MS, accounts * MS_AN_ACCOUNT))
}

/** Ten thousand accounts a minute, and a hundred thousand in ten. */
const MS_AN_ACCOUNT = 6

/** How all repos stand. Each is in one of `proven`, `findings`, `unprovable` and `unproven`. */
export interface ProofNumbers {
  /** Accounts that have a repo. */
  readonly accounts: number
  readonly proven: number
  /** When the one of these that was not seen for the longest was last seen so, in ms since 1970; null for none. */
  readonly oldest: number | null
  /** Repos in which the last look found something. */
  readonly findings: number
  /** Repos of which nothing can be proven now: how many, by the reason. */
  readonly unprovable: Readonly<Record<string, number>>
  /** Not looked at yet, or with work under way at every look. */
  readonly unproven: number
}

/** Code of a repo that was read in a way that shows no signature. */
const UNSIGNED = 'NoSignature'

/** Counts repos by what is known of them. */
export class ProofTally {
  readonly #of = { accounts: 0, proven: 0, findings: 0, unproven: 0 }
  readonly #unprovable: Record<string, number> = {}
  #oldest: number | null = null

  /** An account without a repo is not counted. */
  add(account: Account, looks: RepoLooks = NEVER_LOOKED): void {
    if (account.did === null) return
    this.#of.accounts++
    const { good, failed } = looks
    const why = isReady(account) ? failed?.code : (account.error?.code ?? 'NotReady')
    if (why !== undefined) return count(this.#unprovable, why)
    if (good === null) return void this.#of.unproven++
    if (Object.keys(good.findings).length > 0) return void this.#of.findings++
    if (good.proof === null) return good.rev === null ? void this.#of.unproven++ : count(this.#unprovable, UNSIGNED)
    this.#of.proven++
    this.#oldest = Math.min(this.#oldest ?? good.proof.seenAt, good.proof.seenAt)
  }

  numbers(): ProofNumbers {
    return { ...this.#of, oldest: this.#oldest, unprovable: this.#unprovable }
  }
}

/** What the continuous check last saw when it went through all accounts. */
export interface ProvingNote extends ProofNumbers {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Within which it proves all repos, in ms. */
  readonly everyMs: number
  /** Users whose moods have changed since then may not be proven yet; ms since 1970. */
  readonly changedSince: number
}

/** A note as it is stored. @returns null for what is none, as if nothing had ever been proven */
export function provingIn(stored: unknown): ProvingNote | null {
  if (!isValues(stored)) return null
  try {
    const fields = new Fields(stored)
    const whole = (name: string): number => fields.whole(name, 0, Number.MAX_SAFE_INTEGER)
    const reasons = isValues(stored['unprovable']) ? Object.entries(stored['unprovable']) : []
    return {
      at: whole('at'),
      everyMs: whole('everyMs'),
      changedSince: whole('changedSince'),
      accounts: whole('accounts'),
      proven: whole('proven'),
      oldest: fields.wholeOrNull('oldest', 0, Number.MAX_SAFE_INTEGER),
      findings: whole('findings'),
      unprovable: Object.fromEntries(
        reasons.filter((reason): reason is [string, number] => Number.isSafeInteger(reason[1])),
      ),
      unproven: whole('unproven'),
    }
  } catch (error) {
    if (!(error instanceof OddField)) throw error
    return null
  }
}

/** From when on changes are read by a process that takes the check over: not further back than proofs last. */
export function changesFrom(note: ProvingNote | null, now: number): number {
  if (note === null || isVoid(note.changedSince, now, FURTHEST.skew)) return now
  return Math.max(note.changedSince, now - note.everyMs)
}

/** A proof that is older than this many times as long as it may be is trouble. */
const TROUBLE_AFTER = 2

/**
 * Since when proofs are older than they may be, in ms since 1970; null where they are not.
 *
 * @param note what the check last saw
 */
export function provenTooLongAgo(note: ProvingNote | null, now: number): number | null {
  if (note === null || note.oldest === null || isVoid(note.oldest, now, FURTHEST.look)) return null
  const since = note.oldest + TROUBLE_AFTER * note.everyMs
  return now > since ? since : null
}

/** How all repos stand, in words. */
export function proofText(
  { accounts, proven, oldest, findings, unprovable, unproven }: ProofNumbers,
  now: number,
): string {
  const reasons = Object.entries(unprovable).map(([code, n]) => `${n} ${code}`)
  const parts = [
    `${proven} of ${counted(accounts, 'repo')} proven equal`,
    ...(oldest === null ? [] : [`the oldest proof ${spell(Math.max(0, now - oldest))} old`]),
    ...(findings > 0 ? [`${findings} with findings`] : []),
    ...(reasons.length > 0 ? [`not provable: ${reasons.join(', ')}`] : []),
    ...(unproven > 0 ? [`${unproven} not proven yet`] : []),
  ]
  return parts.join(', ')
}
