/** The primary at scale: a MongoDB, shared by any number of processes on any number of machines. */

import { type Db, type Filter, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb'
import type { Store } from '../../ports/store.ts'
import { DomainError } from '../../domain/errors.ts'
import { onlyRead } from '../only-read.ts'
import { userCollections } from './account-documents.ts'
import { MongoAccounts } from './accounts.ts'
import { MongoArchive } from './archive.ts'
import { MongoAudits } from './audits.ts'
import { MongoData } from './data.ts'
import { MongoPolicy } from './policy.ts'
import { MongoRemovals } from './removals.ts'
import { COLLECTIONS } from './collections.ts'
import { guarded, translated } from './errors.ts'
import { type Indexes, makeIndexes } from './indexes.ts'
import { type MissingRight, missingRights, onlyReadText } from './rights.ts'
import { MongoErasures } from './erasures.ts'
import { MongoIntents } from './intents.ts'
import { MongoLedger } from './ledger.ts'
import { MongoMoods } from './moods.ts'
import { moodSource } from './reading.ts'
import { MongoRepos } from './repos.ts'
import { MongoOdd } from './odd.ts'
import { MongoSightings } from './sightings.ts'
import { MongoTasks } from './tasks.ts'
import { MongoWork } from './work.ts'
import { MongoWorkers } from './workers.ts'

/** How long a request may wait for a server that takes writes; an election takes longer, and users should hear of it. */
const SELECTION_MS = 5_000
/** How long a write may wait for the majority. With less than that, it may be kept all the same, but nobody is told so. */
const MAJORITY_MS = 4_000
/** A server that does not answer is found out within the sum of both, and requests that wait for it are tried elsewhere. */
const LOOK_MS = 1_000
const ANSWER_MS = 3_000

export interface MongoAddress {
  readonly uri: string
  readonly database: string
}

/**
 * Connects, and makes the indexes that are missing. A user who lacks a right to write gets a store that may only be read, and
 * that says which right it is.
 *
 * @param defaultPds PDS of the accounts whose documents name none
 * @throws DomainError `unavailable` when the server does not answer; `config` when the address is none, or the data does
 *   not allow an index
 */
export async function openMongo(
  { uri, database }: MongoAddress,
  defaultPds: string,
  options: MongoClientOptions = {},
): Promise<Store> {
  const client = connection(uri, options)
  const db = client.db(database)
  let missing: readonly MissingRight[]
  let indexes: Indexes
  const collections = Object.values(COLLECTIONS)
  try {
    await client.connect()
    missing = await missingRights(db, collections)
    indexes = await makeIndexes(db, missing.length === 0)
  } catch (error) {
    await client.close()
    throw translated(error)
  }
  const { refused } = indexes
  const store = storeOf(client, db, defaultPds, indexes)
  if (missing.length === 0 && refused.length === 0) return store
  return onlyRead(store, onlyReadText(database, missing, collections.length, refused))
}

function storeOf(client: MongoClient, db: Db, defaultPds: string, indexes: Indexes): Store {
  const people = userCollections(db, defaultPds, indexes)
  const moods = moodSource(db, indexes)
  return {
    name: `mongodb:${db.databaseName}`,
    onlyRead: null,
    moods: guarded(new MongoMoods(moods)),
    work: guarded(new MongoWork(moods, indexes)),
    odd: guarded(new MongoOdd(moods)),
    accounts: guarded(new MongoAccounts(people)),
    repos: guarded(new MongoRepos(db)),
    intents: guarded(new MongoIntents(db)),
    erasures: guarded(new MongoErasures(db)),
    ledger: guarded(new MongoLedger(db)),
    workers: guarded(new MongoWorkers(db)),
    removals: guarded(new MongoRemovals(db)),
    audits: guarded(new MongoAudits(db)),
    sightings: guarded(new MongoSightings(db)),
    policy: guarded(new MongoPolicy(db)),
    tasks: guarded(new MongoTasks(db)),
    data: guarded(new MongoData(db, moods)),
    archive: guarded(new MongoArchive(db, people, moods)),
    check: async () => {
      try {
        await confirmMajority(db)
      } catch (error) {
        throw translated(error)
      }
    },
    time: async () => {
      try {
        const { localTime } = await db.command({ hello: 1 })
        return (localTime as Date).getTime()
      } catch (error) {
        throw translated(error)
      }
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

/**
 * Asks whether a majority takes writes now. Such a read waits until most members have what is written just after it
 * (https://www.mongodb.com/docs/manual/reference/read-concern-linearizable/), and needs no right to write.
 */
async function confirmMajority(db: Db): Promise<void> {
  const readConcern = { level: 'linearizable' } as const
  try {
    const none: Filter<{ _id: string }> = { _id: 'none' }
    await db.collection<{ _id: string }>(COLLECTIONS.workers).findOne(none, { readConcern, maxTimeMS: MAJORITY_MS })
  } catch (error) {
    // A server that is no member of a replica set has no majority.
    if (!(error instanceof MongoServerError) || error.code !== NOT_A_REPLICA_SET) throw error
    await db.command({ ping: 1 })
  }
}

const NOT_A_REPLICA_SET = 123

function connection(uri: string, options: MongoClientOptions): MongoClient {
  try {
    return new MongoClient(uri, {
      // A mood is acknowledged once it survives a power cut, and the loss of the primary.
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: MAJORITY_MS },
      readPreference: 'primary',
      serverSelectionTimeoutMS: SELECTION_MS,
      heartbeatFrequencyMS: LOOK_MS,
      connectTimeoutMS: ANSWER_MS,
      appName: 'moods',
      // One document whose text is no UTF-8 would take down every page that it is on. `reading.ts` finds those.
      enableUtf8Validation: false,
      // So would one regular expression of another language than JavaScript's, in whatever field.
      bsonRegExp: true,
      ...options,
    })
  } catch (error) {
    // The driver's words may repeat the address, and with it a password.
    throw new DomainError('config', 'MONGODB_URI is not an address of a MongoDB', { cause: error })
  }
}
