/**
 * Business events for operators, one method each. None of them takes mood text, a token or a password; users are
 * named by a short hash of their `sub`, which `moods show` resolves.
 */

import { logId } from '../domain/log-id.ts'
import type { Notice } from '../domain/notice.ts'
import type { Failure } from '../domain/outcome.ts'
import { wayIn } from '../domain/policy-change.ts'
import { policyText, type StoredPolicy } from '../domain/policy.ts'
import type { Logger } from './log.ts'

export class Events {
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  /** @param ignored what the environment asks for, where that is not the policy in the store, which counts */
  started(address: string | null, pds: string, stored: StoredPolicy, ignored: string | null): void {
    const federation = policyFields(stored)
    const environment = ignored ?? undefined
    this.#log.info({ address, pds, ...federation, environment }, 'started')
    if (ignored !== null) {
      const message = 'FEDERATION in the environment is not followed: the policy in the store counts'
      const remedy = stored.policy.mode === 'on' ? undefined : `to let more in: ${wayIn(stored.policy)}`
      this.#log.warn({ ...federation, environment, remedy }, message)
    }
  }

  /** The policy in the store has changed, and this process follows it: whatever it is now, somebody should know. */
  policyFollowed(before: StoredPolicy, stored: StoredPolicy): void {
    this.#log.warn({ from: policyText(before.policy), ...policyFields(stored) }, 'policy followed')
  }

  /** Records were created or replaced, and noted. @param ms from sending the commit to the notes of it */
  published(user: string, count: number, ms: number): void {
    this.#log.debug({ user: logId(user), count, ms: Math.round(ms) }, 'published')
  }

  /** Records were found in place that the rows did not know of: written by a request whose answer was lost. */
  adopted(user: string, count: number): void {
    this.#log.debug({ user: logId(user), count }, 'adopted')
  }

  /** Records of moods that were taken back were seen to be gone from the repo. */
  withdrawn(user: string, count: number): void {
    this.#log.debug({ user: logId(user), count }, 'withdrawn')
  }

  /** Records whose removal a repair or a rollback had ordered were seen to be gone. */
  straysRemoved(user: string, count: number): void {
    this.#log.info({ user: logId(user), count }, 'strays removed')
  }

  /** Records whose removal was ordered stay: they may belong to moods that cannot be read for certain. */
  oddLeftAlone(user: string, count: number): void {
    this.#log.warn({ user: logId(user), count }, 'records of odd moods left alone, an audit names them')
  }

  moodRejected(moodId: string, code: string): void {
    this.#log.warn({ moodId, code }, 'mood rejected')
  }

  /** Results came too late: their moods had changed, or refuse the change, and are looked at again. @param ids at least one */
  settleDropped(user: string, ids: readonly string[]): void {
    this.#log.info({ user: logId(user), count: ids.length, moodId: ids[0] }, 'result dropped, mood had changed')
  }

  /** Rows of these moods refuse to be changed: a rule or an index of the database stands in the way. @param ids at least one */
  moodsRefuseChange(user: string, ids: readonly string[]): void {
    this.#log.warn({ user: logId(user), count: ids.length, moodId: ids[0] }, 'moods cannot be changed in the database')
  }

  accountOpened(user: string, did: string): void {
    this.#log.info({ user: logId(user), did }, 'account opened')
  }

  /** An account that was refused can be used again. @param code of the refusal */
  accountUsable(user: string, code: string): void {
    this.#log.info({ user: logId(user), code }, 'account can be used again')
  }

  accountRefused(user: string, code: string): void {
    this.#log.warn({ user: logId(user), code }, 'account needs attention')
  }

  passFailed(user: string, failure: Failure, failures: number, retryInMs: number): void {
    const { kind } = failure
    const code = 'code' in failure ? failure.code : undefined
    this.#log.warn({ user: logId(user), kind, code, failures, retryInMs }, 'the PDS did not take it, will try again')
  }

  /** A record could not be read for certain: its mood waits, and the user's others go on. */
  recordUnread(user: string, failure: Failure, retryInMs: number): void {
    const { kind } = failure
    const code = 'code' in failure ? failure.code : undefined
    this.#log.warn({ user: logId(user), kind, code, retryInMs }, 'a record cannot be read, will try again')
  }

  /** @param state `done`, or `wait` while a late write may still land */
  erasure(receipt: string, state: 'done' | 'wait'): void {
    this.#log.info({ erasure: logId(receipt), state }, 'erasure')
  }

  /** Records of a user who is being erased were seen to be gone. */
  recordsErased(receipt: string, count: number): void {
    this.#log.info({ erasure: logId(receipt), count }, 'records erased')
  }

  /** The PDS has deleted the account of a user who is being erased. */
  accountDeleted(receipt: string): void {
    this.#log.info({ erasure: logId(receipt) }, 'account deleted')
  }

  /** Other processes will take this one for dead, although it works; said once until a beat is taken again. */
  heartbeatFailed(error: unknown): void {
    this.#log.warn({ err: error }, 'heartbeat failed, others take this worker for dead')
  }

  heartbeatResumed(): void {
    this.#log.info('heartbeat resumed')
  }

  /** Something that operators should know has become the case. */
  notice({ code, level, since, text, detail, remedy }: Notice): void {
    const fields = { code, since: since === null ? undefined : new Date(since).toISOString(), detail, remedy }
    this.#log[({ problem: 'error', warning: 'warn', info: 'info' } as const)[level]](fields, text)
  }

  noticeOver({ code }: Notice): void {
    this.#log.info({ code }, `over: ${code}`)
  }

  /** What is the case cannot be read from the store; said once until it can be. */
  healthUnknown(error: unknown): void {
    this.#log.warn({ err: error }, 'health cannot be read')
  }

  leaseLost(user: string): void {
    this.#log.warn({ user: logId(user) }, 'lease lost')
  }

  /** The PDS asked to wait with this, or what it allows is used up. @param until when it is tried again, in ms since 1970 */
  askedToWait(what: string, until: number): void {
    this.#log.warn({ what, until: new Date(until).toISOString() }, 'the PDS asks to wait, will try again then')
  }

  /** The continuous check has found something else in a repo than at its last look, or nothing any more. @param found how many, by kind */
  repoCompared(user: string, found: Readonly<Record<string, number>>): void {
    if (Object.keys(found).length === 0) this.#log.info({ user: logId(user) }, 'repo is equal to the database again')
    else this.#log.warn({ user: logId(user), found }, 'repo differs from the database')
  }

  /** The continuous check has ordered repairs that are safe. @param repaired how many, by kind */
  repairedSafely(user: string, repaired: Readonly<Record<string, number>>): void {
    this.#log.warn({ user: logId(user), repaired }, 'repair ordered by itself')
  }

  /** An unexpected error; other work goes on. */
  defect(where: string, error: unknown): void {
    this.#log.error({ where, err: error }, 'unexpected error')
  }
}

function policyFields({ policy, by, at, reason, version }: StoredPolicy) {
  return { federation: policyText(policy), since: new Date(at).toISOString(), by, reason, policyVersion: version }
}
