/** What relays say of our accounts: asking them, and keeping what they said. */

import type { Outcome } from '../domain/outcome.ts'
import type { RelayAnswer, RelayCounts, Sighting } from '../domain/sighting.ts'

/** What each relay said last of each account. Implemented in `store/`. */
export interface SightingStore {
  /** Keeps what a relay said of an account, in place of what it said before. */
  note(sighting: Sighting): Promise<void>
  /** What relays said of these users' accounts, where they were asked; by user, in the order of the relays' addresses. */
  of(users: readonly string[]): Promise<ReadonlyMap<string, readonly Sighting[]>>
  /** Up to `limit` sightings of this relay that are due, those that have been due the longest first; last those that are due further ahead than one can be. */
  due(relay: string, now: number, limit: number): Promise<readonly Sighting[]>
  /** How many accounts stand how with each relay, in the order of the relays' addresses. One that is odd may be among them. */
  count(): Promise<readonly RelayCounts[]>
  /** Removes what relays said of the user's account. */
  forget(user: string): Promise<void>
}

/** What a relay says of a PDS. */
export interface HostAtRelay {
  /** Its own word for how the host stands, such as `active`; null where it says nothing. */
  readonly status: string | null
  /** Accounts of the host that it knows; null where it does not tell. */
  readonly accounts: number | null
}

/** Asks relays. Each has a small budget of requests, which all processes share. Implemented in `pds/`. */
export interface Relays {
  /** How an account stands with a relay. */
  account(relay: string, did: string, signal?: AbortSignal): Promise<Outcome<RelayAnswer>>
  /** What a relay says of a PDS; null where it does not know it. @param pds base URL */
  host(relay: string, pds: string, signal?: AbortSignal): Promise<Outcome<HostAtRelay | null>>
  /** Asks a relay to follow a PDS. @param pds base URL */
  requestCrawl(relay: string, pds: string, signal?: AbortSignal): Promise<Outcome>
}
