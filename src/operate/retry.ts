/** Tries again what was given up: rejected moods, and accounts that need attention. */

import { retried } from '../domain/account.ts'
import { DomainError } from '../domain/errors.ts'
import { enqueued } from '../domain/sync.ts'
import type { Store } from '../ports/store.ts'
import type { OnProgress, OperatorDeps } from './deps.ts'
import { pagesOf } from './pages.ts'

const PAGE = 500

export interface RetryOptions {
  /** Only what was refused with this code; null for all. */
  readonly code: string | null
  /** Changes the rows; without it, they are only counted. */
  readonly execute: boolean
}

export interface Retried {
  readonly executed: boolean
  /** How many were put back to work, or would be. */
  readonly moods: number
  readonly accounts: number
}

/**
 * Puts rejected moods and refused accounts back to work, and marks their repos. Each is tried once, also when the engine
 * rejects it again meanwhile; one that changes meanwhile is left as it then is.
 *
 * @param onProgress told how many are put back so far
 * @param stop ends it between two pages; what has been done by then stays
 * @throws DomainError `usage` for a code that nothing was refused with, with those that there are
 */
export async function retry(
  { store, clock }: Pick<OperatorDeps, 'store' | 'clock'>,
  { code, execute }: RetryOptions,
  onProgress: OnProgress,
  stop: AbortSignal,
): Promise<Retried> {
  const [moods, accounts] = [await store.work.count(), await store.accounts.count()]
  requireKnown(code, { ...moods.rejected, ...accounts.attention })
  const found = { moods: countOf(moods.rejected, code), accounts: countOf(accounts.attention, code) }
  if (!execute) return { executed: false, ...found }
  const done = {
    executed: true,
    accounts: await retryAccounts(store, code, (n) => onProgress('accounts put back to work', n, found.accounts), stop),
    moods: await retryMoods({ store, clock }, code, (n) => onProgress('moods put back to work', n, found.moods), stop),
  }
  // Also when stopped: what has been put back must not wait for the sweep of a worker.
  for (let cursor: string | null = ''; cursor !== null;) cursor = await store.repos.sweep(cursor, PAGE, clock.now())
  return done
}

function requireKnown(code: string | null, known: Readonly<Record<string, number>>): void {
  if (code === null || code in known) return
  const codes = Object.keys(known).toSorted().join(', ')
  const others = codes === '' ? 'nothing waits for an operator at all' : `the reasons are ${codes}`
  throw new DomainError('usage', `nothing waits for an operator with the reason ${code}; ${others}`)
}

function countOf(byCode: Readonly<Record<string, number>>, code: string | null): number {
  if (code !== null) return byCode[code] ?? 0
  return Object.values(byCode).reduce((sum, n) => sum + n, 0)
}

async function retryAccounts(
  { accounts }: Store,
  code: string | null,
  onDone: (done: number) => void,
  stop: AbortSignal,
): Promise<number> {
  let done = 0
  const read = (after: string) => accounts.needingAttention(code, after, PAGE)
  for await (const page of pagesOf({ read, positionOf: ({ user }) => user, after: '', stop })) {
    const saved = await Promise.all(page.map((account) => accounts.save(retried(account))))
    done += saved.filter((account) => account !== null).length
    onDone(done)
  }
  return done
}

async function retryMoods(
  { store: { work }, clock }: Pick<OperatorDeps, 'store' | 'clock'>,
  code: string | null,
  onDone: (done: number) => void,
  stop: AbortSignal,
): Promise<number> {
  let done = 0
  const read = (after: string) => work.rejected(code, after, PAGE)
  for await (const page of pagesOf({ read, positionOf: ({ id }) => id, after: '', stop })) {
    const now = clock.now()
    const settlements = page.map(({ id, version, sync }) => ({ id, version, next: enqueued(sync, now) }))
    done += (await work.settle(settlements, now)).size
    onDone(done)
  }
  return done
}
