/** A whole store, item by item, for copying it to another one. Implemented in `store/`. */

import type { Account } from '../domain/account.ts'
import type { LedgerEntry } from '../domain/budget.ts'
import type { Erasure } from '../domain/erasure.ts'
import type { Intent, Removal } from '../domain/jobs.ts'
import type { Mood } from '../domain/mood.ts'
import type { StoredPolicy } from '../domain/policy.ts'
import type { RepoState } from '../domain/queue.ts'

/** The whole store, item by item, for copying it. Audits and what relays said, which can be made again, and who works just now are left out. */
export interface Archive {
  /** How many items of this kind there are. */
  count(kind: ArchiveKind): Promise<number>
  /** Up to `limit` items after a key (`''` for the first), in the order of their keys. */
  page<K extends ArchiveKind>(
    kind: K,
    after: string,
    limit: number,
  ): Promise<readonly { readonly key: string; readonly item: ArchiveItems[K] }[]>
  /** Puts items where their keys are, over what is there; each is one atomic write. */
  put<K extends ArchiveKind>(kind: K, items: readonly ArchiveItems[K][]): Promise<void>
}

/** What a store holds, by kind; enough to make another store that is its equal. */
export interface ArchiveItems {
  readonly handles: { readonly user: string; readonly handle: string }
  readonly accounts: Account
  readonly moods: { readonly mood: Mood; readonly changedAt: number }
  readonly intents: Intent
  readonly erasures: Erasure
  readonly ledger: { readonly key: string; readonly entry: LedgerEntry }
  readonly removals: { readonly user: string; readonly removals: readonly Removal[] }
  readonly policy: StoredPolicy
  readonly repos: RepoState
}

export type ArchiveKind = keyof ArchiveItems
