/** Which repos have work, and which worker holds them. Implemented in `store/`. */

import type { Quarantine } from '../domain/plan.ts'
import type { HoldReason } from '../domain/sync.ts'

/**
 * Which repos have work, and who is at it. A mark is a hint: `sweep` finds whatever a lost one has missed. Finding the
 * next repo costs the same however many moods or waiting repos there are.
 */
export interface RepoQueue {
  /** Says that the user's repo has work now. A repo that is backing off stays so. */
  mark(user: string, now: number): Promise<void>
  /**
   * Takes the repo that has been due the longest. One whose last lease was not released is uncertain, and in quarantine
   * for `quarantineMs` after that lease ended.
   */
  claim(owner: string, now: number, until: number, quarantineMs: number): Promise<Lease | null>
  /** Notes, before it is sent, that something destructive is under way; a release forgets it. @returns false if the lease was lost */
  noteDestructive(lease: Lease): Promise<boolean>
  /** @returns false if the lease was lost */
  renew(lease: Lease, until: number): Promise<boolean>
  /** Gives the repo back. A mark set meanwhile makes it due at once. A lost lease changes nothing. */
  release(lease: Lease, release: Release, now: number): Promise<void>
  /** Marks up to `limit` users after `after` who have work but no mark. @returns where to go on; null at the end */
  sweep(after: string, limit: number, now: number): Promise<string | null>
  /** Up to `limit` users after `after` who have moods held for this reason. */
  held(hold: HoldReason, after: string, limit: number): Promise<readonly string[]>
  /** Forgets the repo: its user is erased. */
  forget(user: string): Promise<void>
  /** Calls `wake` when another process may have marked a repo, where the store can tell. @returns how to stop */
  listen(wake: () => void): Disposable
}

/** The right to work on one repo, until a time. */
export interface Lease {
  readonly user: string
  readonly token: string
  /** The holder before may have written something that nobody recorded: read the repo before writing. */
  readonly uncertain: boolean
  /** What may still happen to the repo by requests of before. */
  readonly quarantine: Quarantine
  /** Passes over this repo that failed in a row. */
  readonly failures: number
  /** Marks that the holder has seen. */
  readonly marks: number
}

/** How a pass over a repo ended. */
export interface Release {
  /** When to come back, in ms since 1970; null when nothing is pending. */
  readonly dueAt: number | null
  readonly uncertain: boolean
  readonly quarantine: Quarantine
  readonly failures: number
}

/** A repo as the queue knows it. */
export interface RepoState {
  readonly user: string
  readonly dueAt: number | null
  readonly marks: number
  readonly failures: number
  readonly uncertain: boolean
  readonly quarantine: Quarantine
  readonly lease: { readonly token: string; readonly owner: string; readonly until: number } | null
}
