/**
 * What every repo must hold, worked out from the rows of the primary alone: written without looking at the product's own
 * rules, and using none of its code, so that both can be wrong only in different ways.
 */

import { cidForCbor } from '@atproto/common'
import { type PrimaryMood, primaryOf } from './primary.ts'
import { type ListedRecord, listRecords } from './repo.ts'

export interface Expected {
  readonly id: string
  readonly cid: string
  /** A record that was kept after a deletion may be there or not, but not as anything else. */
  readonly optional: boolean
}

const segmenter = new Intl.Segmenter()

function canBePublished(row: PrimaryMood): boolean {
  return [...segmenter.segment(row.text)].length <= 280 && new TextEncoder().encode(row.text).length <= 2800
}

/** The record of a mood; null for none. */
export async function expectedOf(row: PrimaryMood): Promise<Expected | null> {
  if (row.isPrivate || row.deletedRecords === 'withdraw' || !canBePublished(row)) return null
  const record: Record<string, unknown> = {
    $type: 'computer.aesthetic.mood',
    text: row.text,
    createdAt: new Date(row.when).toISOString(),
    mongoId: row.id,
  }
  if (row.intensity !== null) record['intensity'] = row.intensity
  if (row.context !== null) record['context'] = row.context
  return { id: row.id, cid: (await cidForCbor(record)).toString(), optional: row.deleted }
}

/**
 * Every way in which the repos differ from what they must be; none when all is well.
 *
 * @param pds where to read the repos, page by page
 * @param folder data folder of the installation
 * @param only these repos; all if not said
 */
export async function differences(pds: string, folder: string, only?: readonly string[]): Promise<string[]> {
  const primary = primaryOf(folder)
  const rows = await primary.moods()
  const dids = only ?? (await primary.dids())
  const found: string[] = []
  for (const did of dids) {
    const expected = new Map<string, Expected>()
    for (const row of rows.filter((candidate) => candidate.did === did)) {
      const record = await expectedOf(row)
      if (record) expected.set(row.rkey, record)
      found.push(...noteOf(row, record))
    }
    found.push(...compare(did, expected, await listRecords(pds, did)))
  }
  return found
}

/** What the row itself claims. */
function noteOf(row: PrimaryMood, expected: Expected | null): string[] {
  if (row.state === 'pending') return [`${row.id} is still pending`]
  if (row.state === 'published' && expected?.cid !== row.cid) return [`${row.id} claims another record than its own`]
  if (expected && !expected.optional && row.state !== 'published') return [`${row.id} is ${row.state}, not published`]
  return []
}

function compare(did: string, expected: ReadonlyMap<string, Expected>, records: readonly ListedRecord[]): string[] {
  const found: string[] = []
  const seen = new Set<unknown>()
  for (const { uri, cid, value } of records) {
    const rkey = uri.split('/').at(-1)!
    const wanted = expected.get(rkey)
    if (!wanted) found.push(`${did} holds ${rkey}, which nobody wants there`)
    else if (wanted.cid !== cid) found.push(`${did} holds ${rkey} with another content`)
    if (seen.has(value['mongoId'])) found.push(`${did} holds ${String(value['mongoId'])} twice`)
    seen.add(value['mongoId'])
  }
  for (const [rkey, { id, optional }] of expected) {
    if (!optional && !seen.has(id)) found.push(`${did} lacks ${rkey} of ${id}`)
  }
  return found
}
