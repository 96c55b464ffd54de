/** What a repo should hold for a user's moods, as far as the rows tell: what a reading of the repo is compared with. Pure. */

import { fromString } from '@atcute/cid'
import type { AuditedRecord } from './audit.ts'
import type { Mood } from './mood.ts'
import { belonging, type Desired, isRecordKey } from './record.ts'
import { isRecordCid } from './record-cid.ts'

/**
 * The record that a mood should have at its own key; null for none. The `value` is undefined where the row names a record by
 * its CID alone: one of the older form, one that its author wanted to stay, or one that differs from the mood.
 *
 * A wrong expectation does no harm: whatever is there instead is read.
 *
 * @param desired what belongs there for the mood
 */
export function expectedRecord({ sync }: Mood, desired: Desired): AuditedRecord | null {
  const { state, cid, rkey } = sync
  if (!isRecordKey(rkey)) return null
  const isNoted = state === 'published' && cid !== null && isRecordCid(cid)
  if (desired.kind === 'record') {
    const isAsNoted = !isNoted || cid === desired.cid
    return isAsNoted ? { cid: desired.cid, value: desired.value } : { cid, value: undefined }
  }
  return desired.kind === 'hold' && isNoted ? { cid, value: undefined } : null
}

const DIGEST = 32
/** Bytes of a record key that is made here. */
const USUAL_KEY = 13

/** Keys and CIDs of records, in any order. A million of them take 50 MB. */
export class ExpectedRecords {
  #size = 0
  /** Record keys one after the other, in ASCII, and where each ends. */
  #keys: Buffer
  #ends: Uint32Array
  #digests: Buffer
  /** 1 for a record whose content is not known. */
  #unknown: Uint8Array

  /** @param most room for so many; more can be added */
  constructor(most = 0) {
    this.#keys = Buffer.allocUnsafeSlow(most * USUAL_KEY)
    this.#ends = new Uint32Array(most)
    this.#digests = Buffer.allocUnsafeSlow(most * DIGEST)
    this.#unknown = new Uint8Array(most)
  }

  /** Those of these moods, each at its own key. */
  static of(moods: Iterable<Mood>): ExpectedRecords {
    const records = new ExpectedRecords()
    for (const mood of moods) {
      const record = expectedRecord(mood, belonging(mood))
      if (record !== null) records.add(mood.sync.rkey, record)
    }
    return records
  }

  /** @param record its content is read in any case where `value` is undefined */
  add(rkey: string, { cid, value }: AuditedRecord): void {
    const start = this.#endOf(this.#size - 1)
    const end = start + rkey.length
    if (this.#size === this.#ends.length) this.#grow()
    if (end > this.#keys.length) this.#keys = grown(this.#keys, Math.max(end, this.#keys.length * 2))
    this.#keys.write(rkey, start, 'latin1')
    this.#ends[this.#size] = end
    this.#digests.set(fromString(cid).digest.contents, this.#size * DIGEST)
    this.#unknown[this.#size] = value === undefined ? 1 : 0
    this.#size++
  }

  get size(): number {
    return this.#size
  }

  /** By their numbers, in the order in which they were added. */
  rkey(i: number): string {
    return this.#keys.toString('latin1', this.#endOf(i - 1), this.#ends[i])
  }

  /** SHA-256 of the record. */
  digest(i: number): Buffer {
    return this.#digests.subarray(i * DIGEST, (i + 1) * DIGEST)
  }

  /** Whether the content is known, so that it need not be read where the CID is right. */
  isKnown(i: number): boolean {
    return this.#unknown[i] === 0
  }

  /** By their keys: below 0 where the first one comes before the second one. */
  compare(i: number, j: number): number {
    return this.#keys.compare(this.#keys, this.#endOf(j - 1), this.#ends[j], this.#endOf(i - 1), this.#ends[i])
  }

  #endOf(i: number): number {
    return i < 0 ? 0 : this.#ends[i]!
  }

  #grow(): void {
    const capacity = Math.max(64, this.#ends.length * 2)
    const ends = new Uint32Array(capacity)
    ends.set(this.#ends)
    this.#ends = ends
    const unknown = new Uint8Array(capacity)
    unknown.set(this.#unknown)
    this.#unknown = unknown
    this.#digests = grown(this.#digests, capacity * DIGEST)
  }
}

function grown(bytes: Buffer, length: number): Buffer {
  const longer = Buffer.allocUnsafeSlow(length)
  longer.set(bytes)
  return longer
}
