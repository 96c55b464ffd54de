/** What an answer about records has to say to be believed: it speaks of what was asked, and its CIDs are those of its contents. */

import { isCid, type LexMap, type LexValue } from '@atproto/lex-data'
import { toBytes } from '@atcute/cbor'
import { cidOf } from '../../domain/record.ts'
import type { RepoRecord } from '../../ports/pds.ts'
import { OddAnswer } from '../transport.ts'

/** Records that were asked for. */
export interface Asked {
  readonly did: string
  readonly collection: string
}

/** The most records that one page has (https://docs.bsky.app/docs/api/com-atproto-repo-list-records). */
export const PAGE_LIMIT = 100

/** A record as an answer has it. */
interface Answered {
  readonly uri: string
  /** A PDS may leave it out of a single record: it follows from the content. */
  readonly cid?: string
  readonly value: LexMap
}

/** @throws OddAnswer unless it is this very record */
export function checkedRecord(asked: Asked, rkey: string, record: Answered): RepoRecord {
  if (rkeyIn(asked, record.uri) !== rkey) throw new OddAnswer('AnotherRecord', 'a record that was not asked for')
  return { ...record, cid: checkedCid(record) }
}

/**
 * The next page of a collection.
 *
 * @param after keys of the pages before it, in their order
 * @returns record keys with their records
 * @throws OddAnswer unless all are of this collection, none comes twice, and all are in one order
 */
export function checkedPage(
  asked: Asked,
  after: readonly string[],
  records: readonly Answered[],
): ReadonlyMap<string, RepoRecord> {
  if (records.length > PAGE_LIMIT)
    throw new OddAnswer('PageTooLong', `a page of more records than the ${PAGE_LIMIT} asked for`)
  const keys = records.map(({ uri }) => rkeyIn(asked, uri))
  const all = [...after.slice(0, 2), ...after.slice(2).slice(-1), ...keys]
  if (!isOrdered(all)) throw new OddAnswer('RecordsOutOfOrder', 'records out of order, or twice')
  return new Map(
    records.map((record, i) => {
      return [keys[i]!, { ...record, cid: checkedCid(record) }]
    }),
  )
}

/** Newest first is usual; what counts is that there is one order, so that no record comes twice. */
function isOrdered(keys: readonly string[]): boolean {
  const isRising = keys.length > 1 && keys[0]! < keys[1]!
  return keys.every((key, i) => i === 0 || (isRising ? keys[i - 1]! < key : keys[i - 1]! > key))
}

function rkeyIn({ did, collection }: Asked, uri: string): string {
  const start = `at://${did}/${collection}/`
  const rkey = uri.slice(start.length)
  if (uri.startsWith(start) && /^[\w.:~-]{1,512}$/.test(rkey)) return rkey
  throw new OddAnswer('AnotherRecord', 'a record that was not asked for')
}

function checkedCid({ cid, value }: Answered): string {
  let own: string | null
  try {
    own = cidOf(encodable(value) as LexMap)
  } catch {
    own = null
  }
  if (own === null || (cid !== undefined && cid !== own)) {
    throw new OddAnswer('WrongCid', 'a CID that is not of the content it comes with')
  }
  return own
}

/** The same value as our encoder takes it: links and bytes are other objects there. */
function encodable(value: LexValue): unknown {
  if (value instanceof Uint8Array) return toBytes(value)
  if (Array.isArray(value)) return value.map(encodable)
  if (typeof value !== 'object' || value === null) return value
  if (isCid(value)) return { $link: value.toString() }
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, encodable(field as LexValue)]))
}
