/**
 * Why a mood is not on the network, or not gone from it, in words: one table for every hold, state and cause of waiting, and
 * {@link whyNot}, which finds the one that applies. Pure. A text is a clause that can follow "because"; a remedy is for
 * operators, whole sentences, with commands in double quotes. Neither ever holds what a mood says.
 */

import type { Account } from './account.ts'
import { repoFaultWords } from './repo-faults.ts'
import { isReady, needsOperator } from './account.ts'
import { refusalRemedy, refusalText } from './account-reasons.ts'
import { oddAccountReason } from './odd-reasons.ts'
import { type LedgerEntry, type Limits, POINTS_OF_ONE, RESERVED_FOR_DELETES, reserve } from './budget.ts'
import { FURTHEST, orNow } from './furthest.ts'
import type { Mood } from './mood.ts'
import type { PolicyExtent } from './policy.ts'
import type { RepoState } from './queue.ts'
import type { Desired } from './record.ts'
import { HOLD_REASONS, type HoldReason, INVALID_RECORD, type MoodSync, SYNC_STATES } from './sync.ts'
import { noted, unwellText } from './unwell.ts'
import { nameOf } from './user-names.ts'

/** Stable names, for programs. `docs/guides/why-not-published.md` explains each. */
export const REASON_CODES = [
  ...SYNC_STATES,
  ...HOLD_REASONS,
  'account_pending',
  'account_refused',
  'account_ready',
  'account_odd',
  'erasure_odd',
  'repo_unreadable',
  'row_refused',
  'being_erased',
  'no_worker',
  'pds_silent',
  'pds_unwell',
  'pds_busy',
  'budget_used',
  'refused_so_far',
  'backing_off',
  'late_write',
  'not_due',
  'at_work',
  'in_turn',
  'released',
  'out_of_step',
] as const
type ReasonCode = (typeof REASON_CODES)[number]

export interface Reason {
  readonly code: ReasonCode
  readonly text: string
  readonly remedy: string
}

/** A reason that may pass by itself. */
export interface Waiting extends Reason {
  /** When that is next looked at, in ms since 1970; null where no time is set for it. */
  readonly until: number | null
}

/**
 * Why nothing is done about moods that are held for this reason.
 *
 * @param who whom the remedy names, as {@link nameOf} does; empty for all users
 * @param extent whom the policy includes, where the moods are of several users: to end this reason may not be enough
 */
export function holdReason(hold: HoldReason, who = '', extent: PolicyExtent = 'all'): Reason {
  const { text, remedy } = HOLDS[hold](who === '' ? '' : ` ${who}`)
  const isEnough = extent === 'all' || (hold !== 'no_account' && hold !== 'backfill')
  return { code: hold, text, remedy: isEnough ? remedy : `${remedy} ${LET_IN[extent]}` }
}

const LET_IN: Readonly<Record<Exclude<PolicyExtent, 'all'>, string>> = {
  nobody: 'Federation leaves everybody out now: the authors have to be let in as well.',
  some: 'Authors whom federation leaves out have to be let in as well.',
}

const NOTHING = 'Nothing has to be done.'
const NOTHING_WANTED = 'nothing is to be published'

type Words = Omit<Reason, 'code'>

const HOLDS: Readonly<Record<HoldReason, (who: string) => Words>> = {
  private: () => ({ text: 'private moods never leave the database', remedy: NOTHING }),
  kept: () => ({ text: 'the author deleted it, and wanted the record left as it is', remedy: NOTHING }),
  no_account: (who) => ({
    text: 'the author has no account on a PDS yet',
    remedy: `An account is made by a sign-up, or by "moods accounts provision${who} --execute".`,
  }),
  federation_off: () => ({
    text: 'federation leaves the author out',
    remedy:
      'See who is in, and what lets in one more: "moods federation status". To let in all: "moods federation on --execute".',
  }),
  backfill: (who) => ({
    text: 'moods from before the engine wait for a backfill',
    remedy: `Publish them: "moods backfill${who} --execute".`,
  }),
}

/** Why an account cannot be used, or that it can. */
export function accountReason(account: Pick<Account, 'state' | 'did' | 'error' | 'odd'> | null, who = ''): Reason {
  if (account === null) return { ...holdReason('no_account', who), text: 'there is no account on a PDS yet' }
  switch (account.state) {
    case 'ready':
      return { code: 'account_ready', text: 'the account can be used', remedy: NOTHING }
    case 'pending':
      return {
        code: 'account_pending',
        text: 'the account is still to be made on the PDS',
        remedy: 'A worker makes it, once federation lets the user in: see "moods federation status".',
      }
    case 'odd':
      return oddAccountReason(account.odd)
    case 'needs_attention':
      return { code: 'account_refused', text: refusalText(account), remedy: refusalRemedy(account, who) }
  }
}

/** Why a repository could not be read, though the PDS has answered. @param code of the PDS, or of what was wrong with the answer */
export function unreadableReason(
  account: Pick<Account, 'state' | 'did' | 'error' | 'odd'>,
  code: string,
  who: string,
): Reason {
  if (account.state !== 'ready') return accountReason(account, who)
  const fault = repoFaultWords(code)
  const text = fault === null ? 'the repository cannot be read' : `the repository cannot be read: ${fault}`
  const remedy =
    fault === null
      ? `See what the PDS says of the account: "moods accounts check ${who}".`
      : 'The PDS, or a server in front of it, has sent a damaged repository: have it repaired there, then run "moods audit" again.'
  return { code: 'repo_unreadable', text: `${text} (${code})`, remedy }
}

/** Why a repository could not be read: the PDS has not answered. */
export function silentReason(code: string): Reason {
  return {
    code: 'pds_silent',
    text: `the PDS does not answer (${code})`,
    remedy: 'Run the command again once it does.',
  }
}

/** What a mood's row alone tells about its copy: enough for lists, which cannot read more for each mood. */
export function rowReason({ state, hold, error, attempts }: MoodSync, who = ''): Reason {
  const words = (text: string, remedy: string): Reason => ({ code: state, text, remedy })
  switch (state) {
    case 'published':
      return words('the record is in the author’s repository', NOTHING)
    case 'withdrawn':
      return words('its record was deleted on purpose, and seen to be gone', NOTHING)
    case 'rejected': {
      const code = error?.code ?? 'unknown'
      const retry = `"moods retry --reason ${code} --execute"`
      return code === INVALID_RECORD
        ? words(
            `the lexicon allows no such record (${code})`,
            `It stays here. If the lexicon has changed since: ${retry}.`,
          )
        : words(`the PDS refused it for good (${code})`, `Remove the cause, then ${retry}.`)
    }
    case 'pending':
      return error === null
        ? words('its repository is about to be brought up to date', 'A worker does it.')
        : words(`the PDS has refused it ${times(attempts)} (${error.code})`, 'It is tried again.')
    case 'local':
      return hold === null ? words(NOTHING_WANTED, NOTHING) : holdReason(hold, who)
  }
}

/** All that decides when a mood reaches its repository, as it stands at one moment. */
export interface Facts {
  readonly mood: Pick<Mood, 'user' | 'sync' | 'isPrivate'>
  /** What the repository should hold (`desiredRecord`). */
  readonly desired: Desired
  readonly account: Account | null
  /** Its repository in the queue; null when it was never marked. */
  readonly repo: RepoState | null
  /** The author is being erased. */
  readonly isErased: boolean
  /** Whether the policy includes the author, and the policy in words, as in "federation is off since …". */
  readonly federation: { readonly includes: boolean; readonly words: string }
  /** Workers that are alive; null where that is not known. */
  readonly workers: number | null
  /** The host's requests, and the account's points, as the ledger has them. */
  readonly requests: LedgerEntry
  readonly points: LedgerEntry
  readonly limits: Pick<Limits, 'requests' | 'points'>
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Why the network does not show what the mood's row wants: the one cause that stands in the way now, the nearest first.
 * For a mood that is where it should be, that it is.
 */
export function whyNot(facts: Facts): Waiting {
  const { mood, account, isErased } = facts
  if (isErased) {
    return still('being_erased', 'the author is being erased', 'What that waits for: "moods erase --open".')
  }
  if (mood.sync.state !== 'pending') return { ...settledReason(facts), until: null }
  return (
    refusal(account, facts) ??
    leftOut(facts) ??
    noWorker(facts) ??
    hostTrouble(facts, facts.desired.kind === 'absent') ??
    notYet(mood.sync, facts) ??
    atWork(facts) ??
    (account === null || isReady(account) ? IN_TURN : { ...accountReason(account, whoOf(facts)), until: null })
  )
}

/** All that decides when an erasure takes its next step. */
export type ErasureFacts = Omit<Facts, 'mood' | 'desired' | 'isErased' | 'federation'>

export function still(code: ReasonCode, text: string, remedy: string, until: number | null = null): Waiting {
  return { code, text, remedy, until }
}

function whoOf({ mood, account }: Pick<Facts, 'mood' | 'account'>): string {
  return nameOf(mood.user, account?.handle ?? null)
}

/** For a mood about which the engine has nothing to do. */
function settledReason(facts: Facts): Reason {
  const { mood, desired, account } = facts
  const { state, hold } = mood.sync
  const who = whoOf(facts)
  const isWanted = desired.kind === 'record'
  if (state === 'local' && isWanted && hold !== 'backfill') {
    const remedy = 'The workers’ next sweep puts it back to work, within a minute.'
    return { code: 'released', text: 'what held it back has ended, and it is not back at work yet', remedy }
  }
  if (hold === 'backfill') return historyReason(facts)
  if (state === 'local' && isLeftOut(facts)) return leftOutReason(facts)
  if (state === 'local' && isWithoutAccount(facts)) return withOthers(accountReason(account, who), facts)
  if (state === 'withdrawn' && isWanted) {
    const text = 'its record was deleted, and is wanted again'
    return { code: 'withdrawn', text, remedy: `Order it again: "moods repair ${who} --execute".` }
  }
  return rowReason(mood.sync, who)
}

/** A known account that is refused: the engine leaves its repository alone, also what is to be deleted there. */
function refusal(account: Account | null, facts: Facts): Waiting | null {
  if (account === null || !needsOperator(account)) return null
  if (!account.odd && account.did === null && facts.desired.kind !== 'record') return null
  return { ...accountReason(account, whoOf(facts)), until: null }
}

function leftOut(facts: Facts): Waiting | null {
  return isLeftOut(facts) ? { ...leftOutReason(facts), until: null } : null
}

/** A backfill leaves history alone that is private or deleted. */
function historyReason(facts: Facts): Reason {
  const { mood, desired } = facts
  if (mood.isPrivate) return holdReason('private')
  if (desired.kind === 'absent') return { code: 'local', text: NOTHING_WANTED, remedy: NOTHING }
  if (desired.kind === 'hold' && desired.reason === 'kept') return holdReason('kept')
  return withOthers(rowReason(mood.sync, whoOf(facts)), facts)
}

/** Only the policy stands in the way. */
function isLeftOut({ desired }: Facts): boolean {
  return desired.kind === 'hold' && desired.reason === 'federation_off'
}

function isWithoutAccount({ desired }: Facts): boolean {
  return desired.kind === 'hold' && desired.reason === 'no_account'
}

/** A reason with the others that stand in the way as well: to end one of them alone publishes nothing. */
function withOthers(reason: Reason, facts: Facts): Reason {
  const { desired, federation, account } = facts
  if (desired.kind !== 'hold') return reason
  const isAccount = isWithoutAccount(facts) && reason.code === 'backfill'
  const others = [
    ...(isAccount ? [accountReason(account, whoOf(facts))] : []),
    ...(federation.includes ? [] : [leftOutReason(facts)]),
  ]
  const text = [reason, ...others].map((each) => each.text).join(', and ')
  // A backfill comes last.
  const inOrder = reason.code === 'backfill' ? [...others, reason] : [reason, ...others]
  return { code: reason.code, text, remedy: inOrder.map((each) => each.remedy).join(' ') }
}

function leftOutReason({ federation: { words } }: Facts): Reason {
  return { ...holdReason('federation_off'), text: `federation is ${words}, which leaves the author out` }
}

export function noWorker({ workers }: ErasureFacts): Waiting | null {
  return workers === 0 ? { ...NO_WORKER, until: null } : null
}

/** The engine runs nowhere. */
export const NO_WORKER: Reason = {
  code: 'no_worker',
  text: 'no worker is alive',
  remedy: 'Start one: "moods worker", or "moods all" in place of "moods serve".',
}

/** What keeps requests of this kind from being sent: to this host at all, or for this account. */
export function hostTrouble({ requests, points, limits, now }: ErasureFacts, isDeletion: boolean): Waiting | null {
  const host = reserve(requests, { limits: limits.requests, cost: 1, share: 1, probeMs: 0 }, now)
  if (host.dead) {
    const { silentSince } = requests
    const since = silentSince === undefined ? '' : `, since ${new Date(silentSince).toISOString()}`
    const remedy =
      'It is tried again by itself. If that takes long, see whether the PDS runs, and whether the workers can reach it.'
    const said = unwellText(noted(requests.unwell, silentSince), now)
    const text = said === null ? `the PDS does not answer${since}` : `the PDS ${said}`
    return still('pds_silent', text, remedy, host.waitUntil)
  }
  if (host.waitUntil !== null) {
    const text = requests.blockedUntil > now ? 'the PDS asked to wait' : 'the requests that the PDS allows are used up'
    return still('pds_busy', text, RESUMED, host.waitUntil)
  }
  const price = isDeletion
    ? { cost: POINTS_OF_ONE.delete, share: 1 }
    : { cost: POINTS_OF_ONE.put, share: 1 - RESERVED_FOR_DELETES }
  const account = reserve(points, { limits: limits.points, ...price, probeMs: 0 }, now)
  if (account.waitUntil === null) return null
  return still('budget_used', 'the writes that the PDS allows the account are used up', RESUMED, account.waitUntil)
}

/** Nothing is in the way. */
export const IN_TURN = still(
  'in_turn',
  'it waits for its turn',
  'A worker takes it up in its turn: "moods status" shows how many wait.',
)

const RESUMED = 'Nothing has to be done: it is resumed then.'

/** The last pass over the repository failed, and its host does not answer as a PDS does. @param until when it is tried again */
function hostUnwell({ repo, requests, now }: ErasureFacts, until: number): Waiting | null {
  const said = repo !== null && repo.failures > 0 ? unwellText(requests.unwell, now) : null
  if (said === null) return null
  const remedy =
    'It is tried again by itself. See what stands between the workers and the PDS, such as a gateway, a portal or a redirect.'
  return still('pds_unwell', `the PDS ${said}`, remedy, until > now ? until : null)
}

/** What has a time of its own: the mood, where it is about one, or the repository. */
export function notYet(sync: MoodSync | null, facts: ErasureFacts): Waiting | null {
  const { repo, now } = facts
  const dueAt = sync === null || sync.dueAt === null ? null : orNow(sync.dueAt, now, FURTHEST.moodDue)
  if (dueAt !== null && dueAt > now && sync?.error) {
    const text = `the PDS has refused it ${times(sync.attempts)} (${sync.error.code})`
    return still('refused_so_far', text, 'It is tried again by itself.', dueAt)
  }
  const repoDue = repo?.dueAt ?? null
  const unwell = hostUnwell(facts, Math.max(dueAt ?? 0, repoDue ?? 0))
  if (unwell !== null) return unwell
  if (repo !== null && repo.failures > 0 && repoDue !== null && repoDue > now) {
    const text = `work on the repository failed ${times(repo.failures)} in a row`
    return still('backing_off', text, 'It is tried again by itself. The log has each failure with its code.', repoDue)
  }
  const until = Math.max(dueAt ?? 0, repoDue ?? 0)
  if (until <= now) return null
  const isLate = repo !== null && repo.quarantine.until > now
  return isLate
    ? still('late_write', 'an earlier request may still be carried out by the PDS', 'It is read again then.', until)
    : still('not_due', 'it is due later', RESUMED, until)
}

export function atWork({ repo, now }: ErasureFacts): Waiting | null {
  if (repo === null || repo.lease === null || repo.lease.until <= now) return null
  return still('at_work', 'a worker is at the repository just now', NOTHING, repo.lease.until)
}

function times(n: number): string {
  return n === 1 ? 'once' : `${n} times`
}
