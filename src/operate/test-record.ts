/**
 * One record through the whole of the way: written into a user's repo, listed, heard of on the firehose, deleted, gone.
 *
 * Besides the engine this is the only place that writes a record. It belongs to no mood, has a key of its own, and says
 * of itself what it is. What was written is always deleted again, also after a failure or Ctrl+C, and so is what a run
 * before this one could not delete.
 */

import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { xrpc } from '@atproto/lex-client'
import type { l } from '@atproto/lex-schema'
import type { App } from '../app.ts'
import { isReady, type ReadyAccount } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import type { Mood } from '../domain/mood.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { RepoWrite } from '../domain/plan.ts'
import { COLLECTION, desiredRecord, type DesiredRecord, moodIdIn, rkeyFor } from '../domain/record.ts'
import { initial } from '../domain/sync.ts'
import { Firehose } from '../pds/firehose.ts'
import { listRecords } from '../pds/methods.ts'

/** How the `mongoId` of a test record begins: no mood has such an id. */
const MARK = 'moods-doctor-'
/** How long the firehose may take to tell. */
const FIREHOSE_MS = 10_000
const DELETE_TRIES = 5
const DELETE_WAIT_MS = 1_000

type LiveName = 'connect' | 'write' | 'list' | 'firehose' | 'delete' | 'gone'

export interface LiveStep {
  readonly name: LiveName
  readonly ok: boolean
  /** How long it took. */
  readonly ms: number
  /** What went wrong; null when nothing did. */
  readonly detail: string | null
}

/**
 * Tries the way of a record in this user's repo.
 *
 * @param onStep told each step when it is over
 * @param stop ends it early; the record is deleted all the same
 * @throws DomainError `usage` when nothing may be written there: no account to use, FEDERATION, or an erasure
 */
export async function tryLive(
  app: App,
  user: string,
  onStep: (step: LiveStep) => void,
  stop: AbortSignal,
): Promise<readonly LiveStep[]> {
  const account = await writable(app, user)
  const record = testRecord(app, account)
  const steps: LiveStep[] = []
  const step = async <T>(name: LiveName, work: () => Promise<T>): Promise<T | undefined> => {
    const started = performance.now()
    const note = (detail: string | null): void => {
      const over = { name, ok: detail === null, ms: Math.round(performance.now() - started), detail }
      steps.push(over)
      onStep(over)
    }
    try {
      const result = await work()
      note(null)
      return result
    } catch (error) {
      note(stop.aborted ? 'stopped' : error instanceof Error ? error.message : String(error))
      return undefined
    }
  }
  const soon = (ms: number): AbortSignal => AbortSignal.any([stop, AbortSignal.timeout(ms)])
  using firehose = await step('connect', () =>
    Firehose.connect(account.pds, account.did, soon(app.config.pdsTimeoutMs)),
  )
  if (stop.aborted) return steps
  const rkeys = new Set([record.rkey])
  try {
    const { rkey, value, cid } = record
    const isWritten = await step('write', async () => {
      // Not to be cut short: what was given up half-way may land after it was deleted.
      done(
        await app.client.write(
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
      const found = await list(app, account)
      for (const left of found.values()) if (left.isTest) rkeys.add(left.rkey)
      if (found.get(rkey)?.cid !== cid) throw new Error('listRecords does not show it')
    })
    if (firehose && !stop.aborted) {
      await step('firehose', () => firehose.sees('create', `${COLLECTION}/${rkey}`, soon(FIREHOSE_MS)))
    }
  } finally {
    await step('delete', () => remove(app, account, [...rkeys]))
    await step('gone', async () => {
      const found = await list(app, account)
      if ([...rkeys].some((rkey) => found.has(rkey))) throw new Error(`still there: ${[...rkeys].join(', ')}`)
    })
  }
  return steps
}

/** The account, if a record may be written there. */
async function writable({ store }: App, user: string): Promise<ReadyAccount> {
  const account = await store.accounts.byUser(user)
  if (!isReady(account)) {
    throw new DomainError('usage', 'this user has no account that can be written to: moods accounts check says why')
  }
  if (await store.erasures.byUser(user)) throw new DomainError('usage', 'this user is being forgotten')
  return account
}

/** A record such as a mood becomes, by the same code. */
function testRecord({ clock, config }: App, account: ReadyAccount): DesiredRecord {
  const when = clock.now()
  const id = MARK + randomUUID()
  const mood: Mood = {
    id,
    user: account.user,
    ordinal: 0,
    text: 'test of moods doctor',
    when,
    intensity: null,
    context: null,
    isPrivate: false,
    deleted: null,
    version: 0,
    sync: initial(rkeyFor(when, id, 0), false, when),
  }
  const desired = desiredRecord(mood, account, config.federation)
  if (desired.kind !== 'record')
    throw new DomainError('usage', 'FEDERATION keeps this user’s records from being written')
  return desired
}

/** The latest records of the repo, by record key, and which of them are tests of ours. */
async function list({ xrpc: client }: App, { did, pds }: ReadyAccount) {
  const params = { repo: did as l.DidString, collection: COLLECTION as l.NsidString, limit: 100 }
  const answer = await client.ask((signal) => xrpc(client.agent(pds), listRecords, { params, signal }))
  const { records } = done(answer).body
  const found = records.map(({ uri, cid, value }) => {
    const isTest = moodIdIn(value)?.startsWith(MARK) === true
    return { rkey: uri.slice(uri.lastIndexOf('/') + 1), cid, isTest }
  })
  return new Map(found.map((record) => [record.rkey, record]))
}

/** Deletes until a reading shows them gone: asked for once more where the answer was lost. */
async function remove({ client }: App, account: ReadyAccount, rkeys: readonly string[]): Promise<void> {
  const signal = new AbortController().signal
  for (let i = 1; ; i++) {
    try {
      for (const rkey of rkeys) {
        const write: RepoWrite = { action: 'delete', rkey }
        done(await client.write(account, COLLECTION, [write], signal))
      }
      const left = done(await client.read(account, COLLECTION, rkeys))
      if ([...left.values()].every((cid) => cid === null)) return
      throw new Error('it is still there')
    } catch (error) {
      if (i === DELETE_TRIES) throw error
      await wait(DELETE_WAIT_MS)
    }
  }
}

/** @throws Error for any other answer than `ok` */
function done<T>(outcome: Outcome<T>): T {
  if (outcome.kind === 'ok') return outcome.value
  throw new Error('code' in outcome ? `${outcome.kind}: ${outcome.code}` : outcome.kind)
}
