/** A whole MongoDB store, document by document. */

import type { AnyBulkWriteOperation, Collection, Db, Document } from 'mongodb'
import { isOdd, type Odd } from '../../domain/odd.ts'
import type { Archive, ArchiveItems, ArchiveKind } from '../../ports/archive.ts'
import { accountsIn, fieldsOf, handlesIn, type UserCollections } from './account-documents.ts'
import { HAS_REMOVALS, removalsIn } from './removals.ts'
import { COLLECTIONS } from './collections.ts'
import { toDocument } from './documents.ts'
import { erasureIn } from './erasures.ts'
import { afterId } from './ids.ts'
import { intentIn } from './intents.ts'
import { ledgerIn } from './ledger.ts'
import { toPolicy, toPolicyDocument } from './policy.ts'
import { pageOf } from './pages.ts'
import { goodMoods, type MoodSource } from './reading.ts'
import { repoIn, toRepoDocument } from './repo-documents.ts'

/** How one kind of item is kept. */
interface Kind<T> {
  readonly collection: string
  /** Which documents of the collection are meant; all if not said. */
  readonly filter?: Document
  /**
   * One item for each document; null for one that is passed over. Not of moods, whose ids may be of two types: those are
   * read by {@link goodMoods}.
   */
  readonly fromDocuments?: (documents: never, people: UserCollections) => Promise<(T | null)[]> | (T | null)[]
  readonly write: (item: T) => AnyBulkWriteOperation
}

/** Reads each document; null for one that is odd. */
function good<T extends object>(read: (document: Document) => T | Odd) {
  return (documents: Document[]): (T | null)[] =>
    documents.map((document) => {
      const reading = read(document)
      return isOdd(reading) ? null : reading
    })
}

/** Puts the whole document. */
function replaced({ _id, ...replacement }: Document): AnyBulkWriteOperation {
  return { replaceOne: { filter: { _id }, replacement, upsert: true } }
}

const KINDS: { readonly [K in ArchiveKind]: Kind<ArchiveItems[K]> } = {
  handles: {
    collection: COLLECTIONS.handles,
    fromDocuments: (documents: Document[]) => documents.map((document) => handlesIn([document])[0] ?? null),
    write: ({ user, handle }) => ({
      updateOne: { filter: { _id: user as never }, update: { $set: { handle } }, upsert: true },
    }),
  },
  accounts: {
    collection: COLLECTIONS.users,
    filter: { atproto: { $exists: true } },
    fromDocuments: (documents: Document[], people) => accountsIn(people, documents),
    write: (account) => ({
      updateOne: { filter: { _id: account.user as never }, update: fieldsOf(account, account.version), upsert: true },
    }),
  },
  moods: {
    collection: COLLECTIONS.moods,
    write: ({ mood, changedAt }) => replaced(toDocument(mood, changedAt)),
  },
  intents: {
    collection: COLLECTIONS.intents,
    fromDocuments: good(intentIn),
    write: ({ user, ...rest }) => replaced({ _id: user, ...rest }),
  },
  erasures: {
    collection: COLLECTIONS.erasures,
    fromDocuments: good(erasureIn),
    write: ({ receipt, user, requestedAt, ...rest }) => {
      return replaced({ _id: receipt, requestedAt: new Date(requestedAt), ...rest, ...(user === null ? {} : { user }) })
    },
  },
  ledger: {
    collection: COLLECTIONS.ledger,
    fromDocuments: good(ledgerIn),
    write: ({ key, entry }) => replaced({ _id: key, entry, revision: 1 }),
  },
  removals: {
    collection: COLLECTIONS.removals,
    filter: HAS_REMOVALS,
    fromDocuments: good(removalsIn),
    write: ({ user, removals }) => replaced({ _id: user, removals: [...removals] }),
  },
  policy: {
    collection: COLLECTIONS.policy,
    filter: { _id: 'federation' },
    fromDocuments: (documents: Document[]) => documents.map(toPolicy),
    write: (policy) => replaced(toPolicyDocument(policy)),
  },
  repos: {
    collection: COLLECTIONS.repos,
    fromDocuments: good(repoIn),
    write: (state) => replaced(toRepoDocument(state)),
  },
}

export class MongoArchive implements Archive {
  readonly #db: Db
  readonly #people: UserCollections
  readonly #moods: MoodSource

  constructor(db: Db, people: UserCollections, moods: MoodSource) {
    this.#db = db
    this.#people = people
    this.#moods = moods
  }

  count(kind: ArchiveKind): Promise<number> {
    return this.#collection(kind).countDocuments(KINDS[kind].filter ?? {})
  }

  async page<K extends ArchiveKind>(kind: K, after: string, limit: number) {
    const { filter = {}, fromDocuments } = KINDS[kind]
    if (!fromDocuments) return this.#pageOfMoods(after, limit) as Promise<{ key: string; item: ArchiveItems[K] }[]>
    const meant = { $and: [filter, { _id: { $gt: after } }] } as Document
    return pageOf(this.#collection(kind), { filter: meant, sort: { _id: 1 }, limit }, async (documents) => {
      const items = await fromDocuments(documents as never, this.#people)
      return items.map((item, i) => (item === null ? null : { key: String(documents[i]!['_id']), item }))
    })
  }

  async #pageOfMoods(after: string, limit: number): Promise<{ key: string; item: ArchiveItems['moods'] }[]> {
    const found = await goodMoods(this.#moods, { filter: afterId(after), sort: { _id: 1 }, limit })
    return found.map(({ mood, changedAt }) => ({ key: mood.id, item: { mood, changedAt: changedAt ?? 0 } }))
  }

  async put<K extends ArchiveKind>(kind: K, items: readonly ArchiveItems[K][]): Promise<void> {
    if (items.length === 0) return
    const { write } = KINDS[kind]
    await this.#collection(kind).bulkWrite(items.map(write), { ordered: false })
  }

  #collection(kind: ArchiveKind): Collection {
    return this.#db.collection(KINDS[kind].collection)
  }
}
