/** What the user of `MONGODB_URI` may do to the collections, as the server says it when the store is opened. */

import type { Db, Document } from 'mongodb'
import { isForbidden } from './forbidden.ts'

/** What is done to every collection. All of them or none: a step that writes to two would otherwise be done by half. */
const NEEDED = ['insert', 'update', 'remove'] as const

/** Actions on a collection that a user has no right to. */
export interface MissingRight {
  readonly collection: string
  readonly actions: readonly string[]
}

/** Which rights to write the user lacks; none where there is no access control. Writes nothing. */
export async function missingRights(db: Db, collections: readonly string[]): Promise<readonly MissingRight[]> {
  const granted = await privileges(db)
  const missing = await Promise.all(
    collections.map(async (collection) => {
      const may = (action: string): boolean => granted!.some((one) => grants(one, db.databaseName, collection, action))
      if (granted === null) return { collection, actions: (await isRefused(db, collection)) ? NEEDED : [] }
      return { collection, actions: NEEDED.filter((action) => !may(action)) }
    }),
  )
  return missing.filter(({ actions }) => actions.length > 0)
}

const EVERYTHING = { resource: { anyResource: true }, actions: ['anyAction'] }

/** The privileges of whoever is connected; null where the server does not tell them. */
async function privileges(db: Db): Promise<readonly Document[] | null> {
  const told = await db.command({ connectionStatus: 1, showPrivileges: true }).catch(() => null)
  const { authenticatedUsers: users, authenticatedUserPrivileges: granted }: Document = told?.['authInfo'] ?? {}
  if (!Array.isArray(users) || !Array.isArray(granted)) return null
  // Nobody had to say who they are.
  return users.length === 0 ? [EVERYTHING] : (granted as Document[])
}

/** An empty name stands for any. */
function isNamed(named: unknown, name: string): boolean {
  return named === '' || named === name
}

function grants({ resource, actions }: Document, db: string, collection: string, action: string): boolean {
  const { anyResource, db: ofDb, collection: ofCollection } = resource as Document
  const isMeant = anyResource === true || (isNamed(ofDb, db) && isNamed(ofCollection, collection))
  return isMeant && ((actions as string[]).includes(action) || (actions as string[]).includes('anyAction'))
}

/** Asks by a change to a document that is not there, where the server does not tell whether it would be allowed. */
async function isRefused(db: Db, collection: string): Promise<boolean> {
  const nothing = { _id: 'none' } as Document
  const options = { writeConcern: { w: 1 } } as const
  return db
    .collection(collection)
    .updateOne(nothing, { $set: { none: true } }, options)
    .then(() => false, isForbidden)
}

/** Most collections that are named; with more than that, their number says more. */
const NAMED = 3

/** Why a store may only be read, in one line, and what to grant. @param refused indexes that the user may not make */
export function onlyReadText(
  database: string,
  missing: readonly MissingRight[],
  all: number,
  refused: readonly string[],
): string {
  const actions = [...new Set(missing.flatMap((right) => right.actions))]
  const names = missing.map(({ collection }) => collection)
  const where = names.length === all ? 'all its collections' : listed(names)
  const writes = missing.length > 0 ? [`${listed(actions)} in ${where}`] : []
  const indexes = refused.length > 0 ? [`createIndex and dropIndex for ${listed(refused)}`] : []
  const lacks = [...writes, ...indexes].join(', and ')
  return (
    `the user of MONGODB_URI may only read the database "${database}": it lacks the right to ${lacks}. ` +
    `What writes needs the role readWrite on "${database}" (docs/guides/mongodb-users.md)`
  )
}

function listed(names: readonly string[]): string {
  const shown = names.length > NAMED + 1 ? [...names.slice(0, NAMED), `${names.length - NAMED} more`] : names
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : (shown[0] ?? '')
}
