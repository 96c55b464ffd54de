/**
 * The way back, in three steps: stop publishing, forget the references, delete the records. The first two can be undone;
 * each is checked after it was done.
 */

import { type Account, isReady } from '../domain/account.ts'
import type { Mood } from '../domain/mood.ts'
import type { Outcome } from '../domain/outcome.ts'
import { COLLECTION, moodIdIn } from '../domain/record.ts'
import { forgotten } from '../domain/sync.ts'
import type { Store } from '../ports/store.ts'
import { type AuditDeps, auditUser, repairFindings } from './audit.ts'
import { historyOf } from './pages.ts'

/** Whether a row says that there is a record, and nothing is about to be done about it. */
function isMeant({ sync }: Mood): boolean {
  return sync.state !== 'pending' && (sync.uri !== null || sync.cid !== null || sync.state === 'published')
}

/** The row as if the engine had never seen it. Its record key stays: the record is found again by it. */
function stripped(mood: Mood): Mood {
  return { ...mood, sync: forgotten(mood.sync) }
}

const PAGE = 500

/**
 * Takes the references out of a user's rows; records stay where they are. A mood that has still to be withdrawn keeps its
 * work order: switching off delays nobody's deletion.
 *
 * @returns how many rows said that there was a record, and how many still do afterwards
 */
export async function stripReferences(
  store: Store,
  user: string,
  now: number,
  execute: boolean,
): Promise<{ readonly found: number; readonly left: number }> {
  const meant = [...(await historyOf(store, user)).values()].filter(isMeant)
  if (!execute) return { found: meant.length, left: meant.length }
  for (let i = 0; i < meant.length; i += PAGE) await store.moods.save(meant.slice(i, i + PAGE).map(stripped), now)
  const left = [...(await historyOf(store, user)).values()].filter(isMeant).length
  return { found: meant.length, left }
}

/** Notes the records again that are there, by reading the repo: the way back from {@link stripReferences}. */
export async function restoreReferences(
  deps: AuditDeps,
  user: string,
  execute: boolean,
): Promise<{ found: number; left: number }> {
  const found = await auditUser(deps, user)
  if (found.kind !== 'audited') return { found: 0, left: 0 }
  const lost = found.audit.findings.filter(({ kind }) => kind === 'unlinked')
  if (execute) await repairFindings(deps, found.account, lost)
  return { found: lost.length, left: execute ? 0 : lost.length }
}

/**
 * Orders the removal of every record that is ours: that carries the id of a mood, in today's form or the older one. What
 * other clients wrote stays.
 *
 * @returns how many records that are, or why the repo could not be read whole
 */
export async function orderDeletion(
  { store, client, clock }: AuditDeps,
  account: Account,
  execute: boolean,
): Promise<Outcome<number>> {
  if (!isReady(account)) return { kind: 'unauthorized', code: account.error?.code ?? 'NotReady', message: 'not ready' }
  const snapshot = await client.snapshot(account, COLLECTION, false)
  if (snapshot.kind !== 'ok') return snapshot
  const ours = [...snapshot.value.records].filter(([, { value }]) => moodIdIn(value) !== null)
  if (execute && ours.length > 0) {
    await store.removals.add(
      account.user,
      ours.map(([rkey, { cid }]) => ({ rkey, cid })),
    )
    await store.repos.mark(account.user, clock.now())
  }
  return { kind: 'ok', value: ours.length }
}
