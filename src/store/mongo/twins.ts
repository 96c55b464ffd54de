/**
 * Moods of one user with the same number or record key, where the database was filled by others and does not keep them apart.
 * The first one is as any other; the rest are odd.
 */

import type { Collection, Document, Filter } from 'mongodb'
import type { Mood } from '../../domain/mood.ts'
import { isUserName } from '../../domain/odd.ts'
import type { TwinField } from '../../domain/read-mood.ts'
import { isRecordKey } from '../../domain/record.ts'
import type { MoodDocument } from './documents.ts'
import { documentId, idOf } from './ids.ts'
import type { MoodSource } from './reading.ts'

/** What only one document of a user may have. */
interface Claim {
  readonly user: string
  readonly field: TwinField
  readonly value: string | number
}

/** What the engine has given a state. */
const WRITTEN = { $gt: '' } as const

/** What the engine has written into a document. One that it has never written claims nothing. */
function claimsOf({ user, atproto }: Document): Claim[] {
  if (!isUserName(user)) return []
  const { state, rkey, ordinal } = (atproto ?? {}) as Document
  const isKeyed = typeof state === 'string' && state !== '' && isRecordKey(rkey)
  const isNumbered = typeof ordinal === 'number' && ordinal > 0
  return [
    ...(isKeyed ? [{ user, field: 'atproto.rkey', value: rkey } as const] : []),
    ...(isNumbered ? [{ user, field: 'atproto.ordinal', value: ordinal } as const] : []),
  ]
}

function keyOf({ user, field, value }: Claim): string {
  return JSON.stringify([field, value, user])
}

/** Those of these documents before which another one has the same, by their ids, with the field at fault. */
export async function twinsAmong(
  moods: Collection<MoodDocument>,
  documents: readonly MoodDocument[],
): Promise<ReadonlyMap<MoodDocument, TwinField>> {
  const claims = documents.flatMap(claimsOf)
  if (claims.length === 0) return new Map()
  const projection = { user: 1, 'atproto.state': 1, 'atproto.rkey': 1, 'atproto.ordinal': 1 } as const
  const first = new Map<string, string>()
  await using cursor = moods.find({ $or: filtersOf(claims) }, { projection, sort: { _id: 1 } })
  for await (const document of cursor) {
    for (const key of claimsOf(document).map(keyOf)) if (!first.has(key)) first.set(key, nameOf(document))
  }
  return new Map(
    documents.flatMap((document) => {
      const twin = claimsOf(document).find(
        (claim) => (first.get(keyOf(claim)) ?? nameOf(document)) !== nameOf(document),
      )
      return twin ? [[document, twin.field] as const] : []
    }),
  )
}

function nameOf({ _id }: MoodDocument): string {
  return idOf(_id).text
}

/** One for each user and field, so that each goes along an index. */
function filtersOf(claims: readonly Claim[]): Filter<MoodDocument>[] {
  const groups = Map.groupBy(claims, ({ user, field }) => JSON.stringify([user, field]))
  return [...groups.values()].map((group): Filter<MoodDocument> => {
    const { user, field } = group[0]!
    const values = { $in: group.map(({ value }) => value) }
    return field === 'atproto.rkey'
      ? { user, 'atproto.rkey': values, 'atproto.state': WRITTEN }
      : { user, 'atproto.ordinal': values }
  })
}

/**
 * Whether another mood of the user has this record key: looked for where the database does not refuse it. Of those that race,
 * it refuses one.
 */
export async function isKeyTaken(
  { moods, areUnique }: MoodSource,
  { user, id, sync: { rkey } }: Pick<Mood, 'user' | 'id' | 'sync'>,
): Promise<boolean> {
  if (areUnique) return false
  const others = { user, 'atproto.rkey': rkey, 'atproto.state': WRITTEN, _id: { $ne: documentId(id) } }
  return (await moods.findOne(others as Filter<MoodDocument>, { projection: { _id: 1 } })) !== null
}
