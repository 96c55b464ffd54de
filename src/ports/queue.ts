/** The queue of repos that have work. Implemented in `store/`. */

import type { Lease, Release, RepoState } from '../domain/queue.ts'
import type { HoldReason } from '../domain/sync.ts'

/**
 * Which repos have work, and which worker holds them. The rules are those of `domain/queue.ts`; a store applies them, each
 * in one atomic step, so that of many workers one gets a repo. A mark is a hint: `sweep` finds whatever a lost one has
 * missed. Finding the next repo costs the same however many moods or waiting repos there are.
 */
export interface RepoQueue {
  /** The user's repo has work now (`marked`). */
  mark(user: string, now: number): Promise<void>
  /**
   * Takes the repo that has been due the longest (`claimed`).
   *
   * @param owner name of the process
   * @param until when the lease ends, in ms since 1970
   * @param quarantineMs how long after the end of a lost lease its repo is in quarantine
   * @param among takes the repo of one of these users or none; any user's where it is not given
   * @returns null when no repo is due
   */
  claim(
    owner: string,
    now: number,
    until: number,
    quarantineMs: number,
    among?: readonly string[],
  ): Promise<Lease | null>
  /** Notes that something destructive is about to be sent (`notedDestructive`). @returns false if the lease was lost */
  noteDestructive(lease: Lease): Promise<boolean>
  /** Keeps the repo longer (`renewed`). @returns false if the lease was lost */
  renew(lease: Lease, until: number): Promise<boolean>
  /** Gives the repo back (`released`). A lost lease changes nothing. */
  release(lease: Lease, release: Release, now: number): Promise<void>
  /**
   * Marks up to `limit` users after `after` who have work but no mark (`reminded`). One write for each: a crash in between
   * leaves the rest to the next sweep.
   *
   * @returns the user to continue after; null at the end
   */
  sweep(after: string, limit: number, now: number): Promise<string | null>
  /** Up to `limit` users after `after` who have moods held for this reason. */
  held(hold: HoldReason, after: string, limit: number): Promise<readonly string[]>
  /** The user's repo as it is now; null for one that never had work. */
  get(user: string): Promise<RepoState | null>
  /** Removes the repo from the queue: its user is erased. */
  forget(user: string): Promise<void>
  /** Calls `wake` when another process may have marked a repo, where the store can tell. @returns what stops it */
  listen(wake: () => void): Disposable
}
