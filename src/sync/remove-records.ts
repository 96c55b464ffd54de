/** Deletes records from a repo regardless of the rows: strays, second copies, or all of them. */

import type { ReadyAccount } from '../domain/account.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import { batches } from '../domain/batches.ts'
import { COLLECTION } from '../domain/record.ts'
import type { Events } from '../observe/events.ts'
import type { Store } from '../ports/store.ts'
import type { Lease } from '../domain/queue.ts'
import type { RepoClient } from '../ports/pds.ts'

export interface RemovalDeps {
  readonly store: Store
  readonly client: RepoClient
}

/** Record keys and CIDs of what a repo holds. */
type Records = ReadonlyMap<string, string>

/**
 * Reads the repo, deletes what is chosen, and reads again, until a reading leaves nothing to choose.
 *
 * @param choose record keys to delete; none when all is well
 */
export async function deleteUntilGone(
  { store, client }: RemovalDeps,
  account: ReadyAccount,
  lease: Lease,
  signal: AbortSignal,
  choose: (there: Records) => Promise<readonly string[]>,
): Promise<Outcome> {
  for (let round = 0; ; round++) {
    const there = await client.list(account, COLLECTION)
    if (there.kind !== 'ok') return there
    const chosen = await choose(there.value)
    if (chosen.length === 0) return ok(undefined)
    // Deleted twice and still there: something else is writing, or nothing is deleted at all.
    if (round === 2) return { kind: 'uncertain', code: 'StillThere', answered: true }
    if (!(await store.repos.noteDestructive(lease))) return { kind: 'uncertain', code: 'LeaseLost', answered: true }
    for (const group of batches(chosen.map((rkey) => ({ write: { action: 'delete', rkey } as const })))) {
      const writes = group.map((step) => step.write)
      const outcome = await client.write(account, COLLECTION, writes, signal)
      if (outcome.kind !== 'ok') return outcome
    }
  }
}

/** Carries out ordered removals. An order is done when its record is gone, or has been replaced by another. */
export async function removeStrays(
  deps: RemovalDeps & { readonly events: Events },
  account: ReadyAccount,
  lease: Lease,
  signal: AbortSignal,
): Promise<Outcome> {
  const { removals } = deps.store
  return deleteUntilGone(deps, account, lease, signal, async (there) => {
    const ordered = await removals.of(account.user)
    const left = ordered.filter(({ rkey, cid }) => there.get(rkey) === cid).map(({ rkey }) => rkey)
    const gone = ordered.map(({ rkey }) => rkey).filter((rkey) => !left.includes(rkey))
    if (gone.length > 0) {
      await removals.finish(account.user, gone)
      deps.events.straysRemoved(account.user, gone.length)
    }
    return left
  })
}
