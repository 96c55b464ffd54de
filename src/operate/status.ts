/** The state of an installation: where it is, how many moods and accounts are in each state, and what keeps it from working. */

import type { Config } from '../config.ts'
import type { DataFolder } from '../data-folder.ts'
import type { StoredAccountState } from '../domain/account.ts'
import { extentOf, inForce, type PolicyExtent } from '../domain/policy.ts'
import type { HoldReason, SyncState } from '../domain/sync.ts'
import { networkOf } from '../network.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { storeOffset } from './clocks.ts'
import { type Health, readHealth } from './health.ts'

export interface Status extends Health {
  /** When it was read, in ms since 1970. */
  readonly at: number
  /** Where the API was last served; null if it never was. */
  readonly address: string | null
  readonly running: boolean
  readonly pds: string | null
  readonly plc: string | null
  readonly store: string
  readonly moods: Readonly<Record<SyncState, number>>
  /** All of these. */
  readonly total: number
  /** Of all these moods, in whatever state, how many their authors have deleted. */
  readonly deleted: number
  /** Of the local moods, how many are held for each reason. */
  readonly held: Readonly<Record<HoldReason, number>>
  /** Whom the policy in force includes, roughly. */
  readonly extent: PolicyExtent
  readonly accounts: Readonly<Record<StoredAccountState, number>>
  /** Why moods were rejected and accounts need attention, by code. */
  readonly reasons: {
    readonly rejected: Readonly<Record<string, number>>
    readonly needsAttention: Readonly<Record<string, number>>
  }
}

/** Reads the state, also while a server runs. Writes nothing. */
export async function readStatus(config: Config, folder: DataFolder, store: Store, clock: Clock): Promise<Status> {
  const network = networkOf(config, folder)
  const server = folder.lastServer()
  const moods = await store.work.count()
  const accounts = await store.accounts.count()
  const deps = { store, clock, config, pdsUrl: network?.pdsUrl ?? '' }
  return {
    at: clock.now(),
    ...(await readHealth(deps, await storeOffset(config, store, clock))),
    address: server?.address ?? null,
    running: folder.isLocked(),
    pds: network?.pdsUrl ?? null,
    plc: network?.plcUrl ?? null,
    store: store.name,
    moods: moods.states,
    total: Object.values(moods.states).reduce((sum, n) => sum + n, 0),
    deleted: moods.deleted,
    held: moods.held,
    extent: extentOf(inForce(await store.policy.get())),
    accounts: accounts.states,
    reasons: { rejected: moods.rejected, needsAttention: accounts.attention },
  }
}
