/** What tests of trees need of both: records as they should be, and as they are. */

import { CODEC_DCBOR, fromDigest, toString } from '@atcute/cid'
import type { AuditedRecord } from '../../src/domain/audit.ts'
import { ExpectedRecords } from '../../src/domain/expected.ts'
import type { Car } from '../../src/pds/repo/car.ts'
import { collectionIn } from '../../src/pds/repo/repo-car.ts'
import type { PublicKey } from '../../src/pds/identity.ts'
import type { Share } from '../../src/pds/repo/share.ts'
import { SortedRecords } from '../../src/pds/repo/sorted-records.ts'

/** All records of a collection, by their keys. */
export async function recordsIn(
  car: Car,
  place: { readonly did: string; readonly collection: string },
  key: PublicKey | null,
  share: Share,
): Promise<ReadonlyMap<string, AuditedRecord>> {
  const records = new Map<string, AuditedRecord>()
  await collectionIn(car, place, key, share, (rkey, _digest, record) => void records.set(rkey, record()))
  return records
}

export function cidOfDigest(digest: Uint8Array): string {
  return toString(fromDigest(CODEC_DCBOR, digest))
}

/** Records by their keys, with their hashes, in any order. */
export function sortedOf(
  records: Iterable<readonly [rkey: string, digest: Uint8Array]>,
  share: Share,
): Promise<SortedRecords> {
  const expected = new ExpectedRecords()
  for (const [rkey, digest] of records) expected.add(rkey, { cid: cidOfDigest(digest), value: {} })
  return SortedRecords.of(expected, share)
}
