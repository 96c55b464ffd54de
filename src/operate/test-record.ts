/**
 * Writes one test record and follows it end to end: written into a user's repo, listed, seen on the firehose, deleted, gone.
 *
 * Besides the engine this is the only place that writes a record of a repo. It belongs to no mood, has a key of its own, and
 * is marked as a test. It is always deleted again, also after a failure or Ctrl+C, together with test records that an earlier
 * run could not delete.
 */

import { randomUUID } from 'node:crypto'
import type { Config } from '../config.ts'
import { isReady, type ReadyAccount } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import { codeOf, isSilent, type Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import { COLLECTION, type DesiredRecord, moodIdIn, recordFor, rkeyFor } from '../domain/record.ts'
import { nameOf, whoIs } from '../domain/user-names.ts'
import { pause } from '../pause.ts'
import type { OperatorDeps } from './deps.ts'
import { handleOf } from './users.ts'
import { leftOut } from './federation.ts'

/** How the `mongoId` of a test record begins: no mood has such an id. */
const MARK = 'moods-doctor-'
/** How long the firehose may take. */
const FIREHOSE_MS = 10_000
const DELETE_TRIES = 5
const DELETE_WAIT_MS = 1_000

/** What the test needs of an installation. */
type TestDeps = Pick<OperatorDeps, 'store' | 'client' | 'directory' | 'clock'> & {
  readonly config: Pick<Config, 'pdsTimeoutMs'>
}

type LiveName = 'connect' | 'write' | 'list' | 'firehose' | 'delete' | 'gone'

export interface LiveStep {
  readonly name: LiveName
  readonly ok: boolean
  /** How long it took. */
  readonly ms: number
  /** Cut short by `stop`: it tells nothing. The record is deleted all the same, so those steps never are. */
  readonly stopped: boolean
  /** Whether the PDS has said anything; true for a step that went well. */
  readonly answered: boolean
  /** What went wrong; null when nothing did. */
  readonly detail: string | null
}

/**
 * Sends a test record through this user's repo.
 *
 * @param onStep called after each step
 * @param stop ends it early; the record is deleted all the same
 * @throws DomainError `usage` when nothing may be written there: no account to use, federation leaves the user out, or an erasure
 */
export async function tryLive(
  deps: TestDeps,
  user: string,
  onStep: (step: LiveStep) => void,
  stop: AbortSignal,
): Promise<readonly LiveStep[]> {
  const account = await writable(deps, user)
  const record = await testRecord(deps, account)
  const steps: LiveStep[] = []
  const step = async <T>(name: LiveName, work: () => Promise<T>): Promise<T | undefined> => {
    const started = performance.now()
    const note = (detail: string | null, answered: boolean): void => {
      const stopped = detail !== null && stop.aborted && name !== 'delete' && name !== 'gone'
      const ms = Math.round(performance.now() - started)
      const over = { name, ok: detail === null, ms, stopped, answered, detail: stopped ? 'stopped' : detail }
      steps.push(over)
      onStep(over)
    }
    try {
      const result = await work()
      note(null, true)
      return result
    } catch (error) {
      note(error instanceof Error ? error.message : String(error), !(error instanceof Unanswered))
      return undefined
    }
  }
  const soon = (ms: number): AbortSignal => AbortSignal.any([stop, AbortSignal.timeout(ms)])
  using firehose = await step('connect', () =>
    deps.directory.follow(account.pds, account.did, soon(deps.config.pdsTimeoutMs)),
  )
  if (stop.aborted) return steps
  const rkeys = new Set([record.rkey])
  try {
    const { rkey, value, cid } = record
    const isWritten = await step('write', async () => {
      // Never aborted: a late write could land after the deletion.
      done(
        await deps.client.write(
          account,
          COLLECTION,
          [{ action: 'create', rkey, value, cid }],
          new AbortController().signal,
        ),
      )
      return true
    })
    if (isWritten !== true) return steps
    await step('list', async () => {
      const found = await list(deps, account)
      for (const left of found.values()) if (left.isTest) rkeys.add(left.rkey)
      if (found.get(rkey)?.cid !== cid) throw new Error('listRecords does not show it')
    })
    if (firehose && !stop.aborted) {
      await step('firehose', () => firehose.sees('create', `${COLLECTION}/${rkey}`, soon(FIREHOSE_MS)))
    }
  } finally {
    await step('delete', () => remove(deps, account, [...rkeys]))
    await step('gone', async () => {
      const found = await list(deps, account)
      if ([...rkeys].some((rkey) => found.has(rkey))) throw new Error(`still there: ${[...rkeys].join(', ')}`)
    })
  }
  return steps
}

/** The account, if a record may be written there. */
async function writable({ store }: TestDeps, user: string): Promise<ReadyAccount> {
  const account = await store.accounts.byUser(user)
  const handle = await handleOf(store, user)
  if (!isReady(account)) {
    const where = `"moods show ${nameOf(user, handle)}" tells why`
    throw new DomainError('usage', `${whoIs(user, handle)} has no account that can be written to: ${where}`)
  }
  if (await store.erasures.byUser(user)) throw new DomainError('usage', `${whoIs(user, handle)} is being erased`)
  return account
}

/** A record in the form of every mood's, marked as a test. */
async function testRecord({ store, clock }: TestDeps, account: ReadyAccount): Promise<DesiredRecord> {
  const { text } = await leftOut({ store }, [account])
  if (text !== null) throw new DomainError('usage', text)
  const when = clock.now()
  const id = MARK + randomUUID()
  const content = { text: 'test of moods doctor', intensity: null, context: null }
  const record = recordFor({ id, when, ...content }, rkeyFor(when, id, 0))
  if (record.kind === 'invalid') throw new Error(`the test record is not valid: ${record.message}`)
  return record
}

/** The latest records of the repo, by record key, and which of them are our tests. */
async function list({ directory }: TestDeps, { did, pds }: ReadyAccount) {
  const records = done(await directory.latestRecords(pds, did, COLLECTION))
  const found = [...records].map(([rkey, { cid, value }]) => {
    return { rkey, cid, isTest: moodIdIn(value)?.startsWith(MARK) === true }
  })
  return new Map(found.map((record) => [record.rkey, record]))
}

/** Deletes until a reading shows them gone; tries again where an answer was lost. */
async function remove({ client }: TestDeps, account: ReadyAccount, rkeys: readonly string[]): Promise<void> {
  const signal = new AbortController().signal
  for (let i = 1; ; i++) {
    try {
      for (const rkey of rkeys) {
        const write: RepoWrite = { action: 'delete', rkey }
        done(await client.write(account, COLLECTION, [write], signal))
      }
      const { cids } = done(await client.read(account, COLLECTION, rkeys))
      if (rkeys.every((rkey) => cids.get(rkey) === null)) return
      throw new Error('it is still there')
    } catch (error) {
      if (i === DELETE_TRIES) throw error
      await pause(DELETE_WAIT_MS, signal)
    }
  }
}

/** @throws Error for any other answer than `ok` */
function done<T>(outcome: Outcome<T>): T {
  if (outcome.kind === 'ok') return outcome.value
  throw new (isSilent(outcome) ? Unanswered : Error)(`${outcome.kind}: ${codeOf(outcome)}`)
}

/** The PDS has not answered. */
class Unanswered extends Error {}

/**
 * What the steps tell of the PDS. One that does not even take the record for want of an answer has shown nothing, and is to be
 * asked again; one that falls silent later may have left the record in public.
 */
export function verdictOf(steps: readonly LiveStep[]): { readonly isWell: boolean; readonly isReached: boolean } {
  const isSilentAtOnce = steps.some(({ name, answered }) => name === 'write' && !answered)
  const isWell = isSilentAtOnce || steps.every(({ ok, stopped }) => ok || stopped)
  return { isWell, isReached: steps.every(({ answered }) => answered) }
}
