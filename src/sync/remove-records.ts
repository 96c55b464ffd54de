/** Deletes records from a repo regardless of the rows: strays, second copies, or all of them. */

import type { ReadyAccount } from '../domain/account.ts'
import { ok, type Outcome } from '../domain/outcome.ts'
import { batches } from '../domain/batches.ts'
import { mostWrites } from '../domain/host-facts.ts'
import { COLLECTION, ownersAmong } from '../domain/record.ts'
import type { Events } from '../observe/events.ts'
import type { Store } from '../ports/store.ts'
import type { Lease } from '../domain/queue.ts'
import type { RepoClient } from '../ports/pds.ts'
import type { KnownHosts } from './known-hosts.ts'
import { historyOf } from './pages.ts'

export interface RemovalDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly hosts: KnownHosts
}

/**
 * Reads the repo, deletes what is chosen, and reads again, until a reading leaves nothing to choose.
 *
 * @param choose reads, and returns record keys to delete; none when all is well. Told what has just been deleted
 */
export async function deleteUntilGone(
  { store, client, hosts }: RemovalDeps,
  account: ReadyAccount,
  lease: Lease,
  signal: AbortSignal,
  choose: (deleted: ReadonlySet<string>) => Promise<Outcome<readonly string[]>>,
): Promise<Outcome> {
  let deleted: ReadonlySet<string> = new Set()
  for (let round = 0; ; round++) {
    const choice = await choose(deleted)
    if (choice.kind !== 'ok') return choice
    const chosen = choice.value
    if (chosen.length === 0) return ok(undefined)
    // Deleted twice and still there: something else is writing, or nothing is deleted at all.
    if (round === 2) return { kind: 'uncertain', code: 'StillThere', answered: true }
    if (!(await store.repos.noteDestructive(lease))) return { kind: 'uncertain', code: 'LeaseLost', answered: true }
    const deletions = chosen.map((rkey) => ({ write: { action: 'delete', rkey } as const }))
    for (const group of batches(deletions, mostWrites(await hosts.forDeletions(account.pds)))) {
      const writes = group.map((step) => step.write)
      const outcome = await client.write(account, COLLECTION, writes, signal)
      if (outcome.kind === 'ok') continue
      await hosts.heard(account.pds, writes, outcome)
      return outcome
    }
    deleted = new Set(chosen)
  }
}

const NOTHING = ok({ cids: new Map<string, string>(), unread: new Map<string, never>() })

/** Carries out ordered removals. An order is done when its record is gone, has been replaced by another, or is to be left alone. */
export async function removeStrays(
  deps: RemovalDeps & { readonly events: Events },
  account: ReadyAccount,
  lease: Lease,
  signal: AbortSignal,
): Promise<Outcome> {
  const { removals } = deps.store
  const spared = await leaveOdd(deps, account)
  if (spared.kind !== 'ok') return spared
  return deleteUntilGone(deps, account, lease, signal, async (deleted) => {
    const ordered = await removals.of(account.user)
    const rkeys = ordered.map(({ rkey }) => rkey)
    const read = rkeys.length > 0 ? await deps.client.read(account, COLLECTION, rkeys, { deleted }) : NOTHING
    if (read.kind !== 'ok') return read
    const [unread] = read.value.unread.values()
    if (unread) return unread
    const there = read.value.cids
    const left = ordered.filter(({ rkey, cid }) => there.get(rkey) === cid).map(({ rkey }) => rkey)
    const gone = ordered.map(({ rkey }) => rkey).filter((rkey) => !left.includes(rkey))
    if (gone.length > 0) {
      await removals.finish(account.user, gone)
      deps.events.straysRemoved(account.user, gone.length)
    }
    return ok(left)
  })
}

/** Takes back orders for records that may belong to moods that cannot be read for certain: those may have become so since. */
async function leaveOdd(
  { store, client, events }: RemovalDeps & { readonly events: Events },
  account: ReadyAccount,
): Promise<Outcome> {
  const { user } = account
  const odd = await store.odd.of(user)
  if (odd.length === 0) return ok(undefined)
  const held = await client.compare(account, COLLECTION)
  if (held.kind !== 'ok') return held
  const ownerOf = ownersAmong((await historyOf(store, user)).values(), odd)
  const ordered = (await store.removals.of(user)).map(({ rkey }) => rkey)
  const left = ordered.filter((rkey) => ownerOf(held.value.records.get(rkey)?.value, rkey).kind === 'odd')
  if (left.length === 0) return ok(undefined)
  await store.removals.finish(user, left)
  events.oddLeftAlone(user, left.length)
  return ok(undefined)
}
