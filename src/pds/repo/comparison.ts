/** What a collection holds, beside what it should hold: only what differs is kept. */

import type { AuditedRecord } from '../../domain/audit.ts'
import type { RepoComparison } from '../../ports/pds.ts'
import { cidOfDigest } from './repo-car.ts'
import type { SortedRecords } from './sorted-records.ts'

/** The commit that a reading was made of. */
export interface ShowingCommit {
  readonly rev: string | null
  readonly cid: string | null
}

/** What becomes of the records of a collection, of which it is told one after the other in the order of their keys. */
export interface Taker<T> {
  /**
   * @param digest SHA-256 of the record
   * @param record reads it
   */
  see(rkey: string, digest: Buffer, record: () => AuditedRecord): void
  /** Told that there are no more. */
  end(): T
}

/** Keys and CIDs. */
export class Listing implements Taker<ReadonlyMap<string, string>> {
  readonly #cids = new Map<string, string>()

  see(rkey: string, digest: Buffer): void {
    this.#cids.set(rkey, cidOfDigest(digest))
  }

  end(): ReadonlyMap<string, string> {
    return this.#cids
  }
}

export class Comparison implements RepoComparison, Taker<Comparison> {
  rev: string | null = null
  commit: string | null = null
  signed = false
  readonly records = new Map<string, AuditedRecord>()
  readonly missing = new Set<string>()
  size = 0
  readonly #expected: SortedRecords
  #place = 0

  constructor(expected: SortedRecords) {
    this.#expected = expected
  }

  see(rkey: string, digest: Buffer, record: () => AuditedRecord): void {
    this.size++
    const place = this.#passTo(rkey)
    if (place === null) return void this.records.set(rkey, record())
    if (!this.#expected.isKnown(place) || !this.#expected.digest(place).equals(digest)) this.records.set(rkey, record())
  }

  end(): this {
    this.#passTo(null)
    return this
  }

  /**
   * Takes what differs from what is expected, where that is known already.
   *
   * @param records those that are not as expected, or whose content was not known
   */
  differ(records: ReadonlyMap<string, AuditedRecord>, missing: Iterable<string>, extra: number): this {
    for (const [rkey, record] of records) this.records.set(rkey, record)
    for (const rkey of missing) this.missing.add(rkey)
    this.size = this.#expected.size - this.missing.size + extra
    return this
  }

  /** @param commit what has shown this; `cid` is null where it was only said, in pages */
  shownBy({ rev, cid }: ShowingCommit, signed: boolean): this {
    this.rev = rev
    this.commit = cid
    this.signed = signed
    return this
  }

  cidOf(rkey: string): string | null {
    const record = this.records.get(rkey)
    if (record) return record.cid
    const place = this.#expected.placeOf(rkey)
    const isExpected = place < this.#expected.size && this.#expected.rkey(place) === rkey
    return isExpected && !this.missing.has(rkey) ? cidOfDigest(this.#expected.digest(place)) : null
  }

  /** Passes by what should come before a key. @returns its place; null where none is expected */
  #passTo(rkey: string | null): number | null {
    for (; this.#place < this.#expected.size; this.#place++) {
      const next = this.#expected.rkey(this.#place)
      if (next === rkey) return this.#place++
      if (rkey !== null && next > rkey) return null
      this.missing.add(next)
    }
    return null
  }
}
