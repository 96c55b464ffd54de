/** What operators' functions need of an installation. An open one has all of it, and so has a test. */

import type { UsersWork } from '../sync/engine.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Directory } from '../ports/directory.ts'
import type { AccountHost, RepoClient } from '../ports/pds.ts'
import type { Places } from '../ports/places.ts'
import type { Store } from '../ports/store.ts'

/** The engine, as far as operators use it: it never works for users whom a command has not chosen. */
interface Worker {
  /** Works for these users, and for nobody else, until `stopping` fires; then finishes the writes it has begun. */
  runFor(work: UsersWork, stopping: AbortSignal): Promise<void>
  /** Tells that a user's repo has work. */
  nudge(user: string): Promise<void>
}

/**
 * The ports and the engine. A function takes what it uses of it, by `Pick`; what only a few functions need beside it
 * (the PDS's address, the sealer) they name in a type of their own.
 */
export interface OperatorDeps {
  readonly store: Store
  readonly client: RepoClient
  readonly host: AccountHost
  readonly directory: Directory
  readonly places: Places
  readonly clock: Clock
  /** What waits for a host or for the engine goes by it. */
  readonly timer: Timer
  readonly engine: Worker
}

/**
 * Told how far a long task has come; `total` is 0 where it is not known. `waitsUntil`: a budget or the PDS lets nothing of it
 * go on before, in ms since 1970.
 */
export type OnProgress = (what: string, done: number, total: number, waitsUntil?: number | null) => void

/** Told until when a task waits, in ms since 1970; null once it goes on. */
export type OnWait = (until: number | null) => void

/** A wait that is shorter than this, in ms, need not be told. */
export const LONG_WAIT_MS = 3_000
