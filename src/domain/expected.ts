/** What a repo should hold for a user's moods, as far as the rows tell: what a reading of the repo is compared with. Pure. */

import type { AuditedRecord } from './audit.ts'
import type { Mood } from './mood.ts'
import { belonging, isRecordCid } from './record.ts'

/**
 * A record of each mood that should have one, by its key, in the order of keys. The `value` is undefined where the row names a
 * record by its CID alone: one of the older form, one that its author wanted to stay, or one that differs from the mood.
 *
 * A wrong expectation does no harm: whatever is there instead is read.
 */
export function expectedRecords(moods: Iterable<Mood>): ReadonlyMap<string, AuditedRecord> {
  const expected: [rkey: string, record: AuditedRecord][] = []
  for (const mood of moods) {
    const record = expectedRecord(mood)
    if (record !== null) expected.push([mood.sync.rkey, record])
  }
  return new Map(expected.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

function expectedRecord(mood: Mood): AuditedRecord | null {
  const { state, cid } = mood.sync
  const desired = belonging(mood)
  const isNoted = state === 'published' && cid !== null && isRecordCid(cid)
  if (desired.kind === 'record') {
    const isAsNoted = !isNoted || cid === desired.cid
    return isAsNoted ? { cid: desired.cid, value: desired.value } : { cid, value: undefined }
  }
  return desired.kind === 'hold' && isNoted ? { cid, value: undefined } : null
}
