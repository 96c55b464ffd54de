/** Ways in which a repo and the primary come to differ, each done to a real repo and a real store. */

import { randomUUID } from 'node:crypto'
import type { App } from '../../src/app.ts'
import { isReady, type ReadyAccount } from '../../src/domain/account.ts'
import type { FindingKind } from '../../src/domain/finding-kinds.ts'
import type { Mood } from '../../src/domain/mood.ts'
import type { RepoWrite } from '../../src/domain/plan.ts'
import { cidOf, COLLECTION, rkeyFor } from '../../src/domain/record.ts'

export async function readyAccount(app: App, user: string): Promise<ReadyAccount> {
  const account = await app.store.accounts.byUser(user)
  if (!isReady(account)) throw new Error(`${user} has no account that is ready`)
  return account
}

/** Writes as another client of the same account would. */
async function writeRecord(app: App, user: string, write: RepoWrite): Promise<void> {
  const account = await readyAccount(app, user)
  const outcome = await app.client.write(account, COLLECTION, [write], new AbortController().signal)
  if (outcome.kind !== 'ok') throw new Error(`the record was not written: ${JSON.stringify(outcome)}`)
}

export async function putRecord(app: App, user: string, fields: Record<string, unknown>): Promise<string> {
  const rkey = rkeyFor(Date.now(), randomUUID(), 0)
  const value = { $type: COLLECTION, ...fields }
  await writeRecord(app, user, { action: 'create', rkey, value, cid: cidOf(value) })
  return rkey
}

/** Puts a row as it is given, past all use cases. */
export async function saveRow(app: App, mood: Mood, now = Date.now()): Promise<void> {
  const kept = await app.store.moods.save([mood], now)
  if (kept.size !== 1) throw new Error(`the row of ${mood.id} was not saved`)
}

/** The row as it would be if the engine had never seen it. */
export function unlinked(mood: Mood): Mood {
  const sync = { ...mood.sync, state: 'local', hold: 'backfill', uri: null, cid: null, dueAt: null } as const
  return { ...mood, sync }
}

/** What the PDS holds under the mood's key. */
export async function recordOf(app: App, mood: Mood): Promise<Record<string, unknown>> {
  const outcome = await app.client.get(await readyAccount(app, mood.user), COLLECTION, mood.sync.rkey)
  if (outcome.kind !== 'ok' || !outcome.value) throw new Error(`${mood.id} has no record`)
  return outcome.value.value as Record<string, unknown>
}

/** Does this to a mood that is published, or beside it; an audit has to call it by the same name. */
export async function damage(app: App, kind: FindingKind, mood: Mood, now = Date.now()): Promise<void> {
  const { user, sync } = mood
  switch (kind) {
    case 'leaked':
      return saveRow(app, { ...unlinked(mood), isPrivate: true }, now)
    case 'missing':
      await saveRow(app, unlinked(mood), now)
      return writeRecord(app, user, { action: 'delete', rkey: sync.rkey })
    case 'drift': {
      const value = { ...(await recordOf(app, mood)), text: 'somebody else’s words' } as never
      return writeRecord(app, user, { action: 'update', rkey: sync.rkey, value, cid: cidOf(value), was: sync.cid! })
    }
    case 'dangling':
      return writeRecord(app, user, { action: 'delete', rkey: sync.rkey })
    case 'unlinked':
      return saveRow(app, unlinked(mood), now)
    case 'duplicate':
      return void (await putRecord(app, user, await recordOf(app, mood)))
    case 'stray':
      return void (await putRecord(app, user, {
        text: 'whose?',
        createdAt: new Date().toISOString(),
        mongoId: randomUUID(),
      }))
    case 'foreign':
      return void (await putRecord(app, user, { text: 'by another client', createdAt: new Date().toISOString() }))
    case 'odd':
      throw new Error('that is done to the database, past the store')
    case 'unreadable':
      return void (await putRecord(app, user, { nothing: 'of ours' }))
  }
}
