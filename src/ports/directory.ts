/** What anyone may ask about accounts: of the PLC directory, and of the PDS that holds a repo. Implemented in `pds/`. */

import type { AuditedRecord } from '../domain/audit.ts'
import type { Outcome } from '../domain/outcome.ts'

/** What a DID document says. */
export type Identity =
  | {
      readonly kind: 'known'
      /** Without `at://`; null for none. Only a claim: it counts once the handle resolves to the DID. */
      readonly handle: string | null
      /** Base URL of the PDS that holds the repo; null for none. */
      readonly pds: string | null
    }
  | { readonly kind: 'unknown' }
  /** No DID of a method that ATProto knows. */
  | { readonly kind: 'invalid' }
  /** A tombstone stands in its place. */
  | { readonly kind: 'deactivated' }

/** Whether a repo can be read. */
export interface RepoStatus {
  readonly active: boolean
  /** Why not, in the PDS's own word, such as `takendown`. */
  readonly status: string | null
}

/** The commits to one repo from the moment of the connection. */
export interface CommitFeed extends Disposable {
  /**
   * Resolves once the commit was seen, before or after the call.
   *
   * @param path collection and record key
   * @throws Error when the connection ends, or `signal` fires, before that
   */
  sees(action: 'create' | 'delete', path: string, signal: AbortSignal): Promise<void>
}

export interface Directory {
  /** `host_down` when the PLC directory does not answer, `uncertain` without a readable document. */
  identity(did: string): Promise<Outcome<Identity>>
  repoStatus(pds: string, did: string, signal?: AbortSignal): Promise<Outcome<RepoStatus>>
  /** The handle under which a PDS holds a repo. */
  handleOf(pds: string, did: string, signal?: AbortSignal): Promise<Outcome<string>>
  /** The DID to which a PDS resolves a handle. */
  resolveHandle(pds: string, handle: string, signal?: AbortSignal): Promise<Outcome<string>>
  /** Up to 100 records, the latest keys first, by record key. */
  latestRecords(pds: string, did: string, collection: string): Promise<Outcome<ReadonlyMap<string, AuditedRecord>>>
  /** @throws Error when there is no connection before `signal` fires */
  follow(pds: string, did: string, signal: AbortSignal): Promise<CommitFeed>
}
