/** All that is stored, as it is, odd documents too: finding them, and mending what can be mended. Implemented in `store/`. */

import type { FoundOdd } from '../domain/mend.ts'

/** Every other port passes over what is odd; this one is about nothing else. */
export interface DataStore {
  /** What is checked: each collection or table, and about how many documents or rows it has. */
  collections(): Promise<readonly { readonly name: string; readonly documents: number }[]>
  /**
   * Reads all documents of a collection once, in pieces. What is written meanwhile may be among them or not.
   *
   * @param stop ends it between two pieces
   */
  scan(collection: string, stop: AbortSignal): AsyncIterable<ScannedPiece>
  /**
   * Mends one document, as it is now, if it is odd and can be mended whole. What was there is kept first, in a write of its
   * own: after a crash in between, the document is as it was, and mending it again does both.
   *
   * @param id as a scan says it
   * @param now ms since 1970
   * @returns whether this call has mended it
   */
  mend(collection: string, id: string, now: number): Promise<boolean>
  /** Up to `limit` documents that were mended, by their keys, after one (`''` for the first). */
  mended(after: string, limit: number): Promise<readonly MendedDocument[]>
  /**
   * Puts back what was there before a document was mended, byte for byte, if all the mended fields are still as they were
   * left. What was kept stays, so that it can be mended again.
   *
   * @param key as in {@link MendedDocument}
   * @returns whether this call has done so
   */
  unmend(key: string): Promise<boolean>
  /** Removes what is kept of documents of this user: the user is erased. */
  forget(user: string): Promise<void>
}

/** Some of a collection's documents. */
export interface ScannedPiece {
  /** How many were read. */
  readonly documents: number
  /** Which of them are odd. */
  readonly odd: readonly FoundOdd[]
}

/** A document that was mended once, and how it stands. */
export interface MendedDocument {
  readonly key: string
  readonly collection: string
  readonly id: string
  readonly user: string | null
  readonly fields: readonly string[]
  /** When it was mended, in ms since 1970. */
  readonly at: number
  /**
   * - `mended`: its fields are as they were left, so that what was there can be put back;
   * - `as_before`: they are as they were before it was mended;
   * - `changed`: at least one of them has been changed since;
   * - `gone`: the document is not there any more.
   */
  readonly standing: 'mended' | 'as_before' | 'changed' | 'gone'
}
